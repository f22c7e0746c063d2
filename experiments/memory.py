"""What a population's memory was predicted to be, beside what it took: ten shapes on the CPU.

    python experiments/memory.py
    python experiments/memory.py --json FILE

Each shape trains for one epoch of 12,000 examples with 784 features, and is then measured, as in a
search. `predicted` is what the compiler says (`compiled_bytes`) without the data, which are there
before; `measured` is the peak of the resident memory of a process of its own, less that before
training, when its programs are compiled and one network was trained, after which the code and the
threads' pools are there. What is freed is given back at once (`MALLOC_MMAP_THRESHOLD_`): how much
the C library keeps for later is no matter of the population.
"""

import argparse
import ctypes
import gc
import json
import os
import re
import subprocess
import sys
from pathlib import Path

SOMATA = {"n_neurons": 12, "n_dendrites": 6, "n_dendrite_inputs": 96}
MANY = {"n_neurons": 48, "n_dendrites": 7, "n_dendrite_inputs": 19}
# Parameters, configurations, seeds, kernel.
SHAPES = {
    "12 × 6 × 96": (SOMATA, 256, 1, "native"),
    "12 × 6 × 96, five seeds": (SOMATA, 64, 5, "native"),
    "12 × 6 × 96, more": (SOMATA, 1024, 1, "native"),
    "12 × 6 × 96, dense": (SOMATA, 256, 1, "dense"),
    "12 × 6 × 96, gather": (SOMATA, 8, 1, "gather"),
    "48 × 7 × 19": (MANY, 256, 1, "native"),
    "48 × 7 × 19, dense": (MANY, 32, 1, "dense"),
    "with a hidden layer": (
        {**MANY, "architecture": "dendritic_with_hidden", "hidden_dim": 64},
        256,
        1,
        "native",
    ),
    "averaged weights": ({**SOMATA, "averaging": 0.99}, 256, 1, "native"),
    "mlp": ({"architecture": "mlp", "n_neurons": 64}, 256, 1, "native"),
}
N_EXAMPLES, N_TEST, N_FEATURES, N_CLASSES = 12_000, 2_000, 784, 10


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--child", choices=SHAPES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(_measured(*SHAPES[options.child])))
        return
    rows = [_row(name) for name in SHAPES]
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        content = {"processors": os.cpu_count(), "rows": rows}
        options.json.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def _row(name: str) -> dict[str, str | int]:
    command = [sys.executable, __file__, "--child", name]
    surroundings = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "65536"}
    child = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=surroundings)
    found: dict[str, int] = json.loads(child.stdout)
    megabytes = {key: found[key] / 1e6 for key in ("estimated", "predicted", "measured")}
    said = ", ".join(f"{key} {value:.1f}" for key, value in megabytes.items())
    apart = megabytes["predicted"] / megabytes["measured"] - 1
    print(f"{name:24} MB: {said} ({apart:+.0%})", flush=True)
    return {"shape": name, **found}


def _measured(
    params: dict[str, object], n_configurations: int, n_seeds: int, kernel: str
) -> dict[str, object]:
    import numpy as np

    from jdend.data import from_arrays, split
    from jdend.models import Problem, configure
    from jdend.training import Bucket, compiled_bytes, estimate_bytes, on_device, prepare, runs

    rng = np.random.default_rng(0)
    n = N_EXAMPLES + N_TEST
    x = rng.integers(0, 256, (n, N_FEATURES), np.uint8)
    y = np.arange(n) % N_CLASSES
    parts = split(
        from_arrays(x[:N_EXAMPLES], y[:N_EXAMPLES], x[N_EXAMPLES:], y[N_EXAMPLES:]),
        validation_fraction=0.1,
    )
    problem = Problem(N_FEATURES, N_CLASSES)
    training = {"n_epochs": 1, "batch_size": 256}
    configuration = configure({**params, **training}, problem)
    members = [configuration] * n_configurations
    bucket = Bucket(configuration.structure, kernel=kernel)
    seeds = tuple(range(n_seeds))
    held = sum(array.nbytes for array in (on_device(parts).examples.x, on_device(parts).examples.y))
    predicted = compiled_bytes(bucket, members, seeds, parts) - held
    (first,) = runs(bucket, members[:1], (0,), parts)
    first.train_to(1)
    first.outcomes()
    del first
    prepare(bucket, members, seeds, parts)
    (run,) = runs(bucket, members, seeds, parts)
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # what compiling has freed
    Path("/proc/self/clear_refs").write_text("5")  # the peak is now what there is
    before = _resident("VmRSS")
    run.train_to(1)
    run.outcomes()
    return {
        "configurations": n_configurations,
        "seeds": n_seeds,
        "kernel": kernel,
        "estimated": estimate_bytes(bucket, n_configurations, n_seeds),
        "predicted": predicted,
        "measured": _resident("VmHWM") - before,
    }


def _resident(name: str) -> int:
    """A figure of this process's memory by the kernel, in bytes."""
    (kilobytes,) = re.findall(rf"^{name}:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.M)
    return 1024 * int(kilobytes)


if __name__ == "__main__":
    main()
