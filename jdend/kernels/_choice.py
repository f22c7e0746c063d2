"""Which kernel a name stands for, and which one "auto" takes."""

import os
import warnings
from functools import cache

import jax

from jdend.kernels._registry import KERNELS

ENVIRONMENT_VARIABLE = "JDEND_KERNEL"
FALLBACK = "dense"
FALLBACK_COST = "a layer's step takes 7 to 20 times as long"


def available() -> tuple[str, ...]:
    """Names of the kernels that can be used here, without ``"auto"``."""
    return tuple(name for name, kernel in KERNELS.items() if kernel.missing() is None)


def resolve(kernel: str = "auto", *, platform: str | None = None) -> str:
    """The name of the kernel that ``kernel`` stands for on a platform.

    An explicit name wins over the environment variable ``JDEND_KERNEL``, which wins over "auto"'s
    own choice: on a CPU ``native``, which was measured faster than the others at every shape and
    population (docs/performance.md), or ``dense`` where it is not built; elsewhere ``dense``.

    Args:
      kernel: a kernel's name or "auto".
      platform: "cpu", "cuda", "rocm" or "tpu"; JAX's default backend if None.

    Raises:
      ValueError: for a name that is not a kernel.
      RuntimeError: for a kernel that was asked for by name and cannot be used here.
    """
    source = ""
    if kernel == "auto" and ENVIRONMENT_VARIABLE in os.environ:
        kernel = os.environ[ENVIRONMENT_VARIABLE]
        source = f" in the environment variable {ENVIRONMENT_VARIABLE}"
    if kernel == "auto":
        on_cpu = (platform or jax.default_backend()) == "cpu"
        if on_cpu and KERNELS["native"].missing() is None:
            return "native"
        if on_cpu:
            _say_fallback()
        return FALLBACK
    if kernel not in KERNELS:
        allowed = ", ".join(["auto", *KERNELS])
        raise ValueError(f"unknown kernel {kernel!r}{source}; allowed are {allowed}")
    if reason := KERNELS[kernel].missing():
        raise RuntimeError(f"kernel {kernel!r}{source} cannot be used here: {reason}")
    return kernel


def for_lowering(kernel: str) -> str:
    """The kernel to trace, for a program whose platform is known only when it is lowered.

    ``native`` is ``dense`` wherever it is not lowered for a CPU, so "auto" is right for all
    platforms at once, whatever the default backend is.
    """
    return resolve(kernel, platform="cpu")


@cache
def _say_fallback() -> None:
    if jax.default_backend() == "cpu":
        warnings.warn(
            f"jdend runs without its native CPU kernel, so {FALLBACK_COST}: "
            f"{KERNELS['native'].missing()} (see python -m jdend.kernels)",
            stacklevel=2,
        )
