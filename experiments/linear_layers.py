"""Times the products of linear layers, by the native kernel and by XLA, beside each other.

    python experiments/linear_layers.py
    python experiments/linear_layers.py --layers 150x24,24x10 --populations 1x1,3x2 --batch 512

A step is the product of a batch and the weights, and those of the backward pass with either. Both
take turns within a round, so a busy moment hits both. Figures are the least of all rounds, in
microseconds per trial: what the program takes where nothing else holds the processors.
"""

import argparse
import json
import time
from itertools import product
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from jdend.kernels import DotGeneral

MATRICES = (((1,), (0,)), ((), ()))


def step(kernel: str, batch_is_shared: bool):
    """The compiled step of trials [S, C]; a shared batch, as a first layer's, needs no gradient."""

    def trial(x, weight):
        out, pullback = jax.vjp(lambda a, b: DotGeneral(kernel)(a, b, MATRICES), x, weight)
        of_x, of_weight = pullback(out)
        return (out, of_weight) if batch_is_shared else (out, of_x, of_weight)

    of_configurations = jax.vmap(trial, in_axes=(None if batch_is_shared else 0, 0))
    return jax.jit(jax.vmap(of_configurations))


def seconds(program, operands, repeats: int) -> float:
    """Of one call, averaged over a block of them."""
    start = time.perf_counter()
    for _ in range(repeats):
        result = program(*operands)
    jax.block_until_ready(result)
    return (time.perf_counter() - start) / repeats


def _pairs(text: str) -> list[tuple[int, ...]]:
    return [tuple(map(int, item.split("x"))) for item in text.split(",")]


def main() -> None:
    """Runs what the command line asks for and prints a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--layers", type=_pairs, default="150x24,150x12,48x10,12x10,48x100")
    parser.add_argument(
        "--populations", type=_pairs, default="1x1,3x2", help="configurations x seeds"
    )
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--shared", action="store_true", help="configurations share the batch")
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args()

    rows = []
    rng = np.random.default_rng(0)
    for layer, (configurations, seeds) in product(options.layers, options.populations):
        lead = (seeds,) if options.shared else (seeds, configurations)
        operands = tuple(
            jnp.asarray(rng.normal(size=shape), jnp.float32)
            for shape in ((*lead, options.batch, layer[0]), (seeds, configurations, *layer))
        )
        programs = {kernel: step(kernel, options.shared) for kernel in ("native", "dense")}
        least = {
            kernel: min(seconds(p, operands, 3) for _ in (0, 1)) for kernel, p in programs.items()
        }
        repeats = {kernel: max(1, int(0.01 / took)) for kernel, took in least.items()}
        for _ in range(options.rounds):
            for kernel, program in programs.items():
                least[kernel] = min(least[kernel], seconds(program, operands, repeats[kernel]))
        native, xla = (1e6 * each / seeds / configurations for each in least.values())
        row = {"layer": "x".join(map(str, layer)), "population": f"{configurations}x{seeds}"}
        rows.append({**row, "native_us": round(native, 1), "xla_us": round(xla, 1)})
        print(
            f"{row['layer']:8} {row['population']:5} native {native:7.1f}  XLA {xla:7.1f}",
            flush=True,
        )
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
