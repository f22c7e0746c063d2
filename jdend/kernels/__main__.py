"""``python -m jdend.kernels``: which kernels there are, which work here, and auto's choice."""

import argparse
import sys
from collections.abc import Sequence

from jdend._output import Parser, command_line, show

EPILOG = """\
A dendrite reads only K of F features. `dense` writes its weights into a row of F numbers, mostly
zeros, and multiplies the batch by all rows at once: right for GPUs and TPUs. `native` is a C++
kernel that touches only the K features: right for CPUs. `gather` is the definition that the tests
compare the others with.

To use another than auto's choice, set the environment variable JDEND_KERNEL to its name, or pass
kernel="NAME" to jdend.kernels.dendritic_layer. The installation builds `native` if it finds a C++17
compiler (the environment variable CXX names another); to build it later, install jdend again.

example: python -m jdend.kernels --shape 25x6x24 --configurations 128
"""


def command_parser() -> Parser:
    """The parser of its options; `shape` is a triple of integers."""
    parser = Parser(
        prog="python -m jdend.kernels",
        description="Lists the kernels of the dendritic layer and says which one runs a shape.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--shape",
        type=_shape,
        default=(12, 6, 96),
        metavar="NxDxK",
        help="neurons x dendrites per neuron x synapses per dendrite (default 12x6x96)",
    )
    parser.add_argument("--features", type=int, default=784, help="inputs (default 784)")
    parser.add_argument("--batch", type=int, default=256, help="samples a step (default 256)")
    parser.add_argument(
        "--configurations", type=int, default=32, help="networks that share a batch (default 32)"
    )
    parser.add_argument("--seeds", type=int, default=1, help="batches (default 1)")
    return parser


def _shape(text: str) -> tuple[int, int, int]:
    try:
        neurons, dendrites, synapses = (int(part) for part in text.lower().split("x"))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not three numbers with an x between, like 12x6x96"
        ) from None
    if min(neurons, dendrites, synapses) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} has a number below 1")
    return neurons, dendrites, synapses


@command_line("jdend.kernels")
def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the table of kernels and the choice for the shape given; returns the exit code."""
    options = command_parser().parse_args(arguments)

    import jax

    from jdend.kernels import _native
    from jdend.kernels._choice import FALLBACK_COST, resolve
    from jdend.kernels._registry import KERNELS

    width = max(map(len, KERNELS))
    for name, kernel in KERNELS.items():
        reason = kernel.missing()
        show(f"{name:{width}}  {'no ' if reason else 'yes'}  {kernel.summary}")
        if reason:
            show(f"{'':{width}}       {reason}")
    library = _native.load()
    if not isinstance(library, str):
        show(f"\nnative uses {library.instruction_set}, of {', '.join(library.instruction_sets)}")

    n, d, k = options.shape
    trials = options.seeds * options.configurations
    products = trials * options.batch * n * d * k
    platform = jax.default_backend()
    choice = resolve(platform=platform)
    show(
        f"\n{n}x{d}x{k}, {options.features} features, batch {options.batch}, {options.seeds} seeds"
        f" x {options.configurations} configurations on {platform}: {choice}"
    )
    show(
        f"{products / 1e6:,.0f} million products forward, "
        f"{products / k * options.features / 1e6:,.0f} million done densely"
    )
    if platform == "cpu" and choice != "native":
        show(f"without native {FALLBACK_COST}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
