"""Which kernel a name stands for, and which one "auto" takes."""

import os

from jdend.kernels._registry import KERNELS

ENVIRONMENT_VARIABLE = "JDEND_KERNEL"


def available() -> tuple[str, ...]:
    """Names of the kernels that can be used here, without ``"auto"``."""
    return tuple(name for name, kernel in KERNELS.items() if kernel.missing() is None)


def resolve(kernel: str = "auto") -> str:
    """The name of the kernel that ``kernel`` stands for.

    An explicit name wins over the environment variable ``JDEND_KERNEL``, which wins over
    ``"auto"``'s own choice.

    Raises:
      ValueError: for a name that is not a kernel.
      RuntimeError: for one that was asked for by name and cannot be used here.
    """
    source = ""
    if kernel == "auto" and ENVIRONMENT_VARIABLE in os.environ:
        kernel = os.environ[ENVIRONMENT_VARIABLE]
        source = f" in the environment variable {ENVIRONMENT_VARIABLE}"
    if kernel == "auto":
        return "native" if KERNELS["native"].missing() is None else "dense"
    if kernel not in KERNELS:
        allowed = ", ".join(["auto", *KERNELS])
        raise ValueError(f"unknown kernel {kernel!r}{source}; allowed are {allowed}")
    if reason := KERNELS[kernel].missing():
        raise RuntimeError(f"kernel {kernel!r}{source} cannot be used here: {reason}")
    return kernel
