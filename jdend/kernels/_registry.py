"""The kernels by name. Adding one here is all it takes for the tests to cover it."""

import os
from collections.abc import Callable
from dataclasses import dataclass

from jax import Array

from jdend.kernels._dense import dense
from jdend.kernels._gather import gather

ENVIRONMENT_VARIABLE = "JDEND_KERNEL"


@dataclass(frozen=True)
class Kernel:
    """One implementation of the dendritic layer.

    Attributes:
      apply: ``apply(operands, negative_slope=...)``, differentiable, for one trial.
      summary: what it does, in one line.
      tolerance: largest ``max|a - b| / max|b|`` from the exact result, in any array.
      missing: says why the kernel cannot be used here; None where it can.
    """

    apply: Callable[..., Array]
    summary: str
    tolerance: float = 1e-5
    missing: Callable[[], str | None] = lambda: None


KERNELS: dict[str, Kernel] = {
    "gather": Kernel(gather, "activations gathered: the plain definition"),
    "dense": Kernel(dense, "weights scattered to a dense matrix, one matmul, float32"),
}


def available() -> tuple[str, ...]:
    """Names of the kernels that can be used here, without ``"auto"``."""
    return tuple(name for name, kernel in KERNELS.items() if kernel.missing() is None)


def resolve(kernel: str = "auto") -> str:
    """The name of the kernel that ``kernel`` stands for.

    An explicit name wins over the environment variable ``JDEND_KERNEL``, which wins over
    ``"auto"``'s own choice.

    Raises:
      ValueError: for a name that is not a kernel.
    """
    source = ""
    if kernel == "auto":
        kernel = os.environ.get(ENVIRONMENT_VARIABLE, "auto")
        source = f" (from the environment variable {ENVIRONMENT_VARIABLE})"
    if kernel == "auto":
        return "dense"
    if kernel not in KERNELS:
        allowed = ", ".join(["auto", *KERNELS])
        raise ValueError(f"unknown kernel {kernel!r}{source}; allowed are {allowed}")
    return kernel
