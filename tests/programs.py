"""Compiled programs, which take memory."""

import contextlib
import ctypes
import os
import sys

import jax

from jdend.data._cache import default_data_dir
from jdend.training import _order, let_go_of_populations


def let_go():
    """Frees all programs, and gives their memory back to the system.

    Linux allows a process 65,530 mappings, of which each program takes several, and LLVM ends the
    process when there are no more. Of 1.4 GB of a file's tests glibc would keep 1.0 for itself.
    """
    _order.shuffle.cache_clear()
    jax.clear_caches()
    let_go_of_populations(0)
    if sys.platform == "linux":
        with contextlib.suppress(AttributeError):  # glibc's alone
            ctypes.CDLL(None).malloc_trim(0)


def kept_as_for_users() -> dict[str, str]:
    """The environment of processes that keep programs as those of users do, in jdend's own cache:
    one process loads untraced what another has trained with. The cache goes with the tests' own."""
    environment = {**os.environ, "JDEND_DATA_DIR": str(default_data_dir())}
    programs = environment.pop("JAX_COMPILATION_CACHE_DIR")
    return {**environment, "XDG_CACHE_HOME": f"{programs}/users"}
