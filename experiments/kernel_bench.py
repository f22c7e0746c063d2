"""Times the dendritic layer's kernels beside each other, and beside what the machine can do.

    python experiments/kernel_bench.py
    python experiments/kernel_bench.py --shapes 12x6x96 --populations 1x1,1x32,2x16 --kernels native

All kernels take turns within a round, so a busy moment hits all of them; each block of calls
follows some untimed ones, for what another kernel left in the caches. Figures are the median and
the fastest of all rounds, in microseconds per trial. `step` is forward and backward, the batch's
gradient not asked for. `bound` is the time in which two passes over every synapse's row of the
batch can be read from the second-level cache (a tile of the batch is about 100 KB), at one core's
measured rate times the number of cores.
"""

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from itertools import product
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from machine_rates import measure

from jdend.kernels import available, dendritic_layer


def population(seeds: int, configurations: int, batch: int, features: int, shape: tuple) -> tuple:
    """Operands [S, C, ...] of random layers, for :func:`programs`."""
    rng = np.random.default_rng(0)
    lead = (seeds, configurations, *shape)
    indices = rng.random((*lead[:-1], features)).argsort(-1)[..., : shape[2]]

    def normal(*own: int) -> jax.Array:
        return jnp.asarray(rng.normal(size=own), jnp.float32)

    return (
        normal(seeds, batch, features),
        normal(*lead),
        normal(*lead[:-1]),
        jnp.asarray(indices, jnp.int32),
        normal(*lead[:-1]),
        normal(*lead[:-2]),
    )


def programs(kernel: str) -> dict[str, Callable]:
    """The compiled forward pass, and forward and backward."""

    def trial(*operands):
        return dendritic_layer(*operands, kernel=kernel)

    forward = jax.vmap(jax.vmap(trial, in_axes=(None, 0, 0, 0, 0, 0)))

    def step(x, weight, bias, indices, soma_weight, soma_bias):
        def trained(weight, bias, soma_weight, soma_bias):
            return forward(x, weight, bias, indices, soma_weight, soma_bias)

        out, pullback = jax.vjp(trained, weight, bias, soma_weight, soma_bias)
        return out, pullback(out)

    return {"forward": jax.jit(forward), "step": jax.jit(step)}


def seconds(program: Callable, operands: tuple, repeats: int) -> float:
    """Of one call, averaged over a block of them."""
    start = time.perf_counter()
    for _ in range(repeats):
        result = program(*operands)
    jax.block_until_ready(result)
    return (time.perf_counter() - start) / repeats


def bench(kernels: list[str], operands: tuple, rounds: int) -> dict[tuple[str, str], list[float]]:
    """Seconds of each kernel's programs, by (kernel, program), one for each round."""
    compiled = {
        (kernel, name): program for kernel in kernels for name, program in programs(kernel).items()
    }
    repeats = {}
    for key, program in compiled.items():
        seconds(program, operands, 1)
        repeats[key] = max(1, int(0.02 / seconds(program, operands, 1)))
    times = {key: [] for key in compiled}
    for _ in range(rounds):
        for key, program in compiled.items():
            seconds(program, operands, 1 + repeats[key] // 4)
            times[key].append(seconds(program, operands, repeats[key]))
    return times


def _list_of_triples(text: str) -> list[tuple[int, ...]]:
    return [tuple(map(int, item.split("x"))) for item in text.split(",")]


def main() -> None:
    """Runs what the command line asks for and prints a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shapes", type=_list_of_triples, default="12x6x96,25x6x24")
    parser.add_argument("--populations", type=_list_of_triples, default="1x1,1x32,2x16")
    parser.add_argument("--kernels", default="native,dense,dense_bf16,gather")
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--features", type=int, default=784)
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args()
    kernels = [kernel for kernel in options.kernels.split(",") if kernel in available()]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    rates = measure() if jax.default_backend() == "cpu" else None
    if rates:
        print(f"{cores} cores; one of them: {json.dumps(rates)}")

    rows = []
    for shape, (seeds, configurations) in product(options.shapes, options.populations):
        operands = population(seeds, configurations, options.batch, options.features, shape)
        times = bench(kernels, operands, options.rounds)
        name, trials = "x".join(map(str, shape)), seeds * configurations
        head = f"{name} {seeds}x{configurations}"
        if rates:
            read = 2 * 4 * options.batch * int(np.prod(shape)) / (rates["read_128_kb_gbs"] * 1e9)
            print(f"{head:14} {'bound':10} {'step':8} {read / (cores or 1) * 1e6:8.1f}")
        for kernel, part in times:
            median, fastest = (
                round(reduce(times[kernel, part]) / trials * 1e6, 1)
                for reduce in (statistics.median, min)
            )
            rows.append(
                {"shape": name, "seeds": seeds, "configurations": configurations}
                | {"kernel": kernel, "part": part}
                | {"median_us_per_trial": median, "fastest_us_per_trial": fastest}
            )
            print(f"{head:14} {kernel:10} {part:8} {median:8.1f} ({fastest:.1f})", flush=True)
    if options.json:
        options.json.write_text(json.dumps({"rates": rates, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
