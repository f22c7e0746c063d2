"""The kernels by name. The tests cover every kernel that is listed here."""

from collections.abc import Callable
from dataclasses import dataclass

import jax.numpy as jnp
from jaxtyping import Array

from jdend.kernels import _native
from jdend.kernels._dense import BY_PLATFORM, COMPARE, dense
from jdend.kernels._differentiable import Apply, Differentiable
from jdend.kernels._gather import gather
from jdend.kernels._operands import Operands, Settings, Tiles


@dataclass(frozen=True)
class Kernel:
    """One implementation of the dendritic layer.

    Attributes:
      apply: ``(operands, settings) -> out``, differentiable in any way, for one trial.
      summary: what it does, in one line.
      tolerance: largest ``max|a - b| / max|b|`` from the exact result, in any array.
      apply_to_tiles: the same for a batch that is there in tiles as well, ``(operands, settings,
        tiles) -> out``; None for a kernel that does not read them.
      missing: says why the kernel cannot be used here; None where it can.
    """

    apply: Apply
    summary: str
    tolerance: float = 1e-5
    apply_to_tiles: Callable[[Operands, Settings, Tiles], Array] | None = None
    missing: Callable[[], str | None] = lambda: None


_DENSE = dense(BY_PLATFORM)

_NATIVE = Differentiable(_native.native_passes(), _DENSE.plain)

KERNELS: dict[str, Kernel] = {
    "native": Kernel(
        _NATIVE,
        "C++ that walks the synapses, fused; CPUs (dense elsewhere)",
        apply_to_tiles=_NATIVE,
        missing=_native.missing,
    ),
    "dense": Kernel(
        _DENSE,
        "weights scattered to a matrix (compared into place on TPU), one matmul",
    ),
    "dense_bf16": Kernel(
        dense(BY_PLATFORM, jnp.bfloat16),
        "the same with bfloat16 operands and float32 sums",
        tolerance=2e-2,
    ),
    "dense_compare": Kernel(
        dense(COMPARE), "dense, in the formulation without a scatter, everywhere"
    ),
    "gather": Kernel(gather, "activations gathered: the plain definition"),
}
