"""Where the time of a whole training step goes, from a profile of the program that a search runs.

    python experiments/breakdown.py
    python experiments/breakdown.py --shape 25x6x24 --population 2x20 --json FILE

Every operation of the compiled program is filed under the part of the step that its line of source
belongs to. Of the time in which several run at once each gets an equal share. What is left of the
wall time, when nothing ran that the profiler shows, is scheduling and the tasks that it does not.
"""

import argparse
import glob
import json
import re
import tempfile
import time
from collections import defaultdict
from pathlib import Path

from peers.workers import limit_threads
from peers.workload import Workload

# The first part that one of an operation's functions or its custom call belongs to.
PARTS = {
    "jdend_pack_rows": "batch, gathered, normalised and in tiles",
    "jdend_pack": "batch, transposed in tiles",
    "jdend_forward": "layer, forward",
    "jdend_weight_gradient": "layer, backward",
    "jdend_matmul": "classifier and loss",
    "descend": "AdamW",
    "dendritic_layer": "layer, outside the kernel's calls",
    "normalised": "batch, gathered and normalised",
    "cross_entropy": "classifier and loss",
    "right": "classifier and loss",
    "Linear.__call__": "classifier and loss",
    "_advance.<locals>.loss": "classifier and loss",
    "_advance.<locals>.one_step": "bookkeeping",
    "train_on_next_batch": "batch, gathered and normalised",
}
REST = "bookkeeping"
WAITING = "scheduling and waiting"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shape", default="12x6x96", help="neurons x dendrites x synapses")
    parser.add_argument("--population", default="32x1", help="configurations x seeds")
    parser.add_argument("--kernel", default="native")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=100, help="steps a profile")
    parser.add_argument("--repeats", type=int, default=5, help="profiles; the fastest counts")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    neurons, dendrites, synapses = map(int, options.shape.split("x"))
    configurations, seeds = map(int, options.population.split("x"))
    work = Workload(neurons, dendrites, synapses, configurations, seeds, threads=options.threads)
    limit_threads(work)

    unprofiled, parts = _profile(work, options.kernel, options.steps, options.repeats)
    per_trial = 1e-3 / options.steps / work.trials  # nanoseconds a profile to microseconds a trial
    whole = sum(parts.values()) * per_trial
    print(f"{options.shape}, {work.configurations} configurations x {work.seeds} seeds, "
          f"{options.kernel}: microseconds per trial and step")  # fmt: skip
    for part, nanoseconds in sorted(parts.items(), key=lambda item: -item[1]):
        share = nanoseconds * per_trial
        print(f"{share:8.2f}  {share / whole:5.0%}  {part}")
    print(f"{whole:8.2f}         the whole step; without the profiler {unprofiled:.2f}")
    if options.json:
        row = {
            "shape": options.shape,
            "configurations": work.configurations,
            "seeds": work.seeds,
            "kernel": options.kernel,
            "threads": options.threads,
            "unprofiled_us": round(unprofiled, 2),
            "parts_us": {part: round(n * per_trial, 2) for part, n in parts.items()},
        }
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(row, indent=1) + "\n")


def _profile(work: Workload, kernel: str, n_steps: int, repeats: int):
    """Microseconds per trial and step without the profiler; nanoseconds by part of a profile."""
    import jax
    import jax.numpy as jnp
    from peers.with_jdend import JdendPopulation

    trained = JdendPopulation(work, kernel)
    arguments = trained.blocks[0], trained.data, trained.orders[0], jnp.int32(0)
    program = trained.population.advance.compile(*arguments)  # pyright: ignore
    part_of = parts_by_operation(program.as_text())
    trained.steps(2 * n_steps)
    seconds, profiles = [], []
    for _ in range(repeats):
        begun = time.perf_counter()
        trained.steps(n_steps)
        seconds.append(time.perf_counter() - begun)
        with tempfile.TemporaryDirectory() as folder:
            with jax.profiler.trace(folder):
                begun = time.perf_counter_ns()
                trained.steps(n_steps)
                wall = time.perf_counter_ns() - begun
            profiles.append(_shares(folder, part_of, wall))
    fastest = min(profiles, key=lambda parts: sum(parts.values()))
    return 1e6 * min(seconds) / n_steps / work.trials, fastest


def parts_by_operation(text: str) -> dict[str, str]:
    """The part of the step that each operation of a compiled program belongs to, by name."""
    functions = _functions_by_frame(text)
    by_computation: dict[str, list[str]] = defaultdict(list)
    computation = ""
    for line in text.splitlines():
        if heading := re.match(r"(?:ENTRY )?%?(\S+) .*\{$", line):
            computation = heading[1]
        by_computation[computation].append(line)
    parts = {}
    for lines in by_computation.values():
        for line in lines:
            if named := re.match(r"\s+(?:ROOT )?%?(\S+) = ", line):
                parts[named[1]] = _part(line, by_computation, functions)
    return parts


def _part(line: str, by_computation: dict[str, list[str]], functions: dict[int, list[str]]) -> str:
    """The part that one line of the program, or else what it calls, belongs to."""
    called = re.search(r"calls=%?([\w.-]+)", line)
    for candidate in [line, *reversed(by_computation[called[1]] if called else [])]:
        frame = re.search(r"stack_frame_id=(\d+)", candidate)
        names = " ".join(functions.get(int(frame[1]), []) if frame else [])
        target = re.search(r'custom_call_target="(\w+)"', candidate)
        names += f" {target[1]}" if target else ""
        for name, part in PARTS.items():
            if name in names:
                return part
    # Matmuls and sums that a library does have lost their line; all are the classifier's.
    return "classifier and loss" if re.search(r"%?(ynn_fusion|dot)\S* = ", line) else REST


def _functions_by_frame(text: str) -> dict[int, list[str]]:
    """The functions on the stack of each frame, from the tables at the head of the program."""
    names = {
        int(n): name
        for n, name in re.findall(r'^(\d+) "(.*)"$', _table(text, "FunctionNames"), re.M)
    }
    locations = {
        int(n): names.get(int(function), "")
        for n, function in re.findall(
            r"^(\d+) \{.*?function_name_id=(\d+)", _table(text, "FileLocations"), re.M
        )
    }
    stacks: dict[int, list[str]] = {}
    frames = re.findall(
        r"^(\d+) \{file_location_id=(\d+) parent_frame_id=(\d+)",
        _table(text, "StackFrames"), re.M,
    )  # fmt: skip
    for n, location, parent in frames:
        # The parent's number is one too high; that of the outermost frame is then its own.
        stacks[int(n)] = [*stacks.get(int(parent) - 1, []), locations.get(int(location), "")]
    return stacks


def _table(text: str, name: str) -> str:
    begin = text.find(f"\n{name}\n")
    return "" if begin < 0 else text[begin : text.find("\n\n", begin + 1)]


def _shares(folder: str, part_of: dict[str, str], wall: int) -> dict[str, float]:
    """Nanoseconds by part: sweeps over the operations' beginnings and ends."""
    import jax

    path = glob.glob(f"{folder}/**/*.xplane.pb", recursive=True)[0]
    ends: list[tuple[float, int, str]] = []
    for plane in jax.profiler.ProfileData.from_file(path).planes:
        for line in plane.lines:
            for event in line.events:
                # A loop's time is that of its operations.
                if event.name in part_of and not event.name.startswith(("while", "cond", "call")):
                    ends.append((event.start_ns, 1, part_of[event.name]))
                    ends.append((event.start_ns + event.duration_ns, -1, part_of[event.name]))
    shares: dict[str, float] = defaultdict(float)
    running: dict[str, int] = defaultdict(int)
    before = 0.0
    for at, change, part in sorted(ends):
        if total := sum(running.values()):
            for other, count in running.items():
                shares[other] += (at - before) * count / total
        running[part] += change
        before = at
    shares[WAITING] = wall - sum(shares.values())
    return {part: share for part, share in shares.items() if share}


if __name__ == "__main__":
    main()
