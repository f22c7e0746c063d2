"""Which kernel a name stands for, and which one "auto" takes."""

import os
import warnings
from functools import cache

import jax

from jdend.kernels._operands import PrecisionLike
from jdend.kernels._precision import PRECISIONS, algorithm, check_precision
from jdend.kernels._registry import KERNELS

ENVIRONMENT_VARIABLE = "JDEND_KERNEL"
FALLBACK = "dense"
WITHOUT_MATRICES = ("native", "gather")
FALLBACK_COST = "a layer's step takes 7 to 20 times as long"


def available() -> tuple[str, ...]:
    """Names of the kernels that can be used here, without ``"auto"``."""
    return tuple(name for name, kernel in KERNELS.items() if kernel.missing() is None)


def resolve(
    kernel: str = "auto", *, platform: str | None = None, precision: str = "float32"
) -> str:
    """The name of the kernel that ``kernel`` stands for on a platform.

    An explicit name wins over the environment variable ``JDEND_KERNEL``, which wins over "auto"'s
    own choice: on a CPU ``native``, which was measured faster than the others at every shape and
    population (docs/performance.md), or ``dense`` where it is not built; elsewhere, and for other
    products than those of float32, ``dense``.

    Args:
      kernel: a kernel's name or "auto".
      platform: "cpu", "cuda", "rocm" or "tpu"; JAX's default backend if None.
      precision: of its products of matrices: float32, bfloat16 or tf32.

    Raises:
      ValueError: for a name that is not a kernel, or not a precision.
      RuntimeError: for a kernel that was asked for by name and cannot be used here, or has no
        products of matrices to be computed otherwise than in float32.
    """
    check_precision(precision)
    in_float32 = PRECISIONS[precision] is None
    source = ""
    if kernel == "auto" and ENVIRONMENT_VARIABLE in os.environ:
        kernel = os.environ[ENVIRONMENT_VARIABLE]
        source = f" in the environment variable {ENVIRONMENT_VARIABLE}"
    if kernel == "auto" and in_float32:
        on_cpu = (platform or jax.default_backend()) == "cpu"
        if on_cpu and KERNELS["native"].missing() is None:
            return "native"
        if on_cpu:
            _say_fallback()
    if kernel == "auto":
        return FALLBACK
    if kernel not in KERNELS:
        allowed = ", ".join(["auto", *KERNELS])
        raise ValueError(f"unknown kernel {kernel!r}{source}; allowed are {allowed}")
    if reason := KERNELS[kernel].missing():
        raise RuntimeError(f"kernel {kernel!r}{source} cannot be used here: {reason}")
    if kernel in WITHOUT_MATRICES and not in_float32:
        raise RuntimeError(
            f"kernel {kernel!r}{source} computes in float32 alone: with precision {precision!r} "
            "leave the kernel to auto, or give dense"
        )
    return kernel


def for_lowering(kernel: str, precision: PrecisionLike = None) -> str:
    """The kernel to trace, for a program whose platform is known only when it is lowered.

    ``native`` is ``dense`` wherever it is not lowered for a CPU, so "auto" is right for all
    platforms at once, whatever the default backend is. With a precision that rounds what matrices
    are multiplied of, "auto" is ``dense``.
    """
    is_free = kernel == "auto" and ENVIRONMENT_VARIABLE not in os.environ
    if is_free and precision is not None and algorithm(precision) is not None:
        return FALLBACK
    return resolve(kernel, platform="cpu")


@cache
def _say_fallback() -> None:
    if jax.default_backend() == "cpu":
        warnings.warn(
            f"jdend runs without its native CPU kernel, so {FALLBACK_COST}: "
            f"{KERNELS['native'].missing()} (see python -m jdend.kernels)",
            stacklevel=2,
        )
