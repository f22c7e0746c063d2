"""How long a training step takes: jdend, PyTorch, JAX and NumPy, measured in turn in one run.

    python experiments/throughput.py
    python experiments/throughput.py --shapes 25x6x24 --populations 16x2 --json FILE
    python experiments/throughput.py --shapes 150x24h24
    python experiments/throughput.py --instruction-set avx2
    python experiments/throughput.py --device gpu

A shape like 12x6x96 is of `dendritic_simple`, 12 neurons of 6 dendrites of 96 synapses; one like
150x24h24 is of `soma_disabled`, 150 dendrites of 24 synapses and a hidden layer of 24.

A step is whole: a batch of bytes is gathered and normalised, then forward, backward and AdamW.
All implementations start from the same weights, see the same batches, and are compared after a few
steps before any is timed. Each runs in a process of its own, on the same processors; blocks of
about 0.3 s are timed in turn, A B C A B C …, each after half as many untimed steps, and medians are
taken. A block in which other processes took a twentieth of the processors is timed again, four
times at most; of such blocks the least disturbed counts.

PyTorch is the extra `bench`; without it its rows are left out.
"""

import argparse
import json
import os
import re
import sys
from pathlib import Path

from peers.machine import Rates, measured_rates, processor, projection_bounds
from peers.surroundings import all_names, has_torch, surroundings
from peers.table import DISTURBED, GROUPS, Timing, print_table, rows_of
from peers.workers import Block, Worker
from peers.workload import CHECKED_STEPS, Checked, Workload, disagreement

TOLERANCE = {"dense_bf16": 2e-2}
PATIENCE = 5  # times that a disturbed block is timed
NUMBER = "[1-9][0-9]*"
# What is on the command line, by an example.
SHAPES = {
    "12x6x96": f"(?P<neurons>{NUMBER})x(?P<dendrites>{NUMBER})x(?P<synapses>{NUMBER})",
    "150x24h24": f"(?P<dendrites>{NUMBER})x(?P<synapses>{NUMBER})h(?P<hidden>{NUMBER})",
}
POPULATIONS = {"32x1": f"(?P<configurations>{NUMBER})x(?P<seeds>{NUMBER})"}
GPU_POPULATIONS = "1x1,16x1,128x1,1024x1,4096x1"


# What holds jdend, XLA, PyTorch and the libraries that it calls to AVX2.
AVX2 = {
    "JDEND_INSTRUCTION_SET": "avx2",
    "XLA_FLAGS": "--xla_cpu_max_isa=AVX2",
    "ATEN_CPU_CAPABILITY": "avx2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
}


def main() -> None:
    options = _parse()
    if options.instruction_set:
        os.environ.update(AVX2)
    first = options.works[0]
    found = surroundings(first)
    if found.device is None:
        sys.exit(f"throughput: no {options.device} is here that JAX can use")
    names = all_names(found, options.device)
    if unknown := set(options.implementations or ()) - {*names, *GROUPS}:
        sys.exit(f"throughput: cannot measure {', '.join(sorted(unknown))}; {', '.join(names)} can")
    if not has_torch():
        print("PyTorch is not installed, so its rows are left out: pip install 'jdend[bench]'")
    names = [name for name in names if _wanted(name, options.implementations)]

    rates = measured_rates(options.threads) if options.device == "cpu" else "not measured on a GPU"
    device = processor() if options.device == "cpu" else found.device
    if options.instruction_set:
        device += f", {options.instruction_set} alone"
    versions = ", ".join(f"{name} {version}" for name, version in found.versions.items())
    print(f"{device}, {options.threads} threads; {versions}")
    print(_describe(rates))
    rows = []
    for work in options.works:
        rows += _measure(work, names, options, rates)
    if options.json:
        about = {"device": device, "threads": options.threads, "versions": found.versions}
        options.json.parent.mkdir(parents=True, exist_ok=True)
        text = ",\n".join(" " + json.dumps({**row, **about}) for row in rows)
        options.json.write_text(f"[\n{text}\n]\n")


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--shapes", default="12x6x96,25x6x24", help="NxDxK or DxKhH as above, …")
    add("--populations", help="configurations x seeds, …; default 32x1,16x2 on a CPU")
    add("--implementations", help="names, …; default all")
    add("--device", choices=("cpu", "gpu"), default="cpu")
    add("--instruction-set", choices=("avx2",), help="of all, on a processor that has more")
    add("--batch", type=int, default=256)
    add("--features", type=int, default=784)
    add("--examples", type=int, default=60_000)
    add("--threads", type=int, default=2)
    add("--repeats", type=int, default=9, help="blocks timed of each implementation")
    add("--block", type=float, default=0.3, help="seconds that a block takes")
    add("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    if options.examples < options.batch:
        parser.error("--examples must be at least --batch")
    populations = options.populations or (
        "32x1,16x2" if options.device == "cpu" else GPU_POPULATIONS
    )
    options.works = [
        Workload(**{"neurons": 1} | shape | population, batch=options.batch,
                 features=options.features, examples=options.examples, device=options.device,
                 threads=options.threads)
        for shape in _sizes(parser, options.shapes, SHAPES)
        for population in _sizes(parser, populations, POPULATIONS)
    ]  # fmt: skip
    if options.implementations:
        options.implementations = options.implementations.split(",")
    return options


def _sizes(
    parser: argparse.ArgumentParser, text: str, patterns: dict[str, str]
) -> list[dict[str, int]]:
    """The sizes in each part of a list, by the names that the pattern it matches gives them."""
    parts = []
    for part in text.split(","):
        found = [match for p in patterns.values() if (match := re.fullmatch(p, part))]
        if not found:
            parser.error(f"{part!r} is not of positive numbers like {' or '.join(patterns)}")
        parts.append({name: int(number) for name, number in found[0].groupdict().items()})
    return parts


def _wanted(name: str, asked: list[str] | None) -> bool:
    """Whether an implementation was asked for, by its own name or its group's."""
    group = next((group for group, members in GROUPS.items() if name in members), name)
    return asked is None or name in asked or group in asked


def _describe(rates: Rates | str) -> str:
    if isinstance(rates, str):
        return rates
    return (
        f"measured: {rates.first_level:,.0f} GB/s from the first-level cache, "
        f"{rates.second_level:,.0f} from the second, {rates.memory:,.0f} from memory; "
        f"{rates.arithmetic:,.0f} GFLOP/s"
    )


def _measure(
    work: Workload, names: list[str], options: argparse.Namespace, rates: Rates | str
) -> list[dict]:
    """Measures one population; prints its table and returns its rows."""
    print(
        f"\n{work.shape}, {work.configurations} configurations x {work.seeds} seeds, batch "
        f"{work.batch}, {work.features} features"
    )
    workers, errors = _start(work, names, options.block)
    blocks: dict[str, list[Block]] = {name: [] for name in workers}
    for _ in range(options.repeats):
        for name, worker in list(workers.items()):
            block = _quiet_block(worker)
            if isinstance(block, str):
                print(f"{name} failed and is left out: {block}")
                workers.pop(name).stop()
            else:
                blocks[name].append(block)
    timings = [
        Timing(name, blocks[name], errors[name], worker.stop()) for name, worker in workers.items()
    ]
    bounds = {} if isinstance(rates, str) else projection_bounds(work, rates)
    rows = rows_of(work, timings, bounds)
    print_table(rows, bounds)
    return rows


def _quiet_block(worker: Worker) -> Block | str:
    """Times a block, again if other processes disturbed it; of several tries the quietest."""
    tries: list[Block] = []
    while len(tries) < PATIENCE:
        block = worker.block()
        if isinstance(block, str) or block.others <= DISTURBED:
            return block
        tries.append(block)
    return min(tries, key=lambda block: block.others)


def _start(
    work: Workload, names: list[str], block_seconds: float
) -> tuple[dict[str, Worker], dict[str, float]]:
    """Starts a worker for each, one after another, and compares what they compute.

    Returns the workers, and by how much each differs from the first.
    """
    workers: dict[str, Worker] = {}
    errors: dict[str, float] = {}
    reference: tuple[str, Checked] | None = None
    for name in names:
        worker = Worker(name, work, block_seconds)
        ready = worker.ready()
        if isinstance(ready, str):
            print(f"{name} is left out: {ready}")
            worker.stop()
            continue
        reference = reference or (name, ready.checked)
        workers[name] = worker
        errors[name] = disagreement(ready.checked, reference[1])
        tolerance = max(TOLERANCE.get(name, 1e-4), TOLERANCE.get(reference[0], 1e-4))
        if not errors[name] <= tolerance:
            print(f"{name} DOES NOT COMPUTE THE SAME as {reference[0]}")
    if reference is not None:
        print(
            f"after {CHECKED_STEPS} steps, losses and weights differ from {reference[0]}'s by at "
            "most " + ", ".join(f"{e:.0e} ({n})" for n, e in errors.items() if n != reference[0])
        )
    return workers, errors


if __name__ == "__main__":
    main()
