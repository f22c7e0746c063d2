"""Compiled programs, which take memory."""

import ctypes
import gc

import jax

from jdend.training import _order, _population

LIBC = ctypes.CDLL(None)


def let_go():
    """Frees all programs. Linux allows a process 65,530 mappings, of which each program takes
    several, and LLVM ends the process when there are no more."""
    _population._population.cache_clear()
    _order.shuffle.cache_clear()
    jax.clear_caches()
    gc.collect()
    if hasattr(LIBC, "malloc_trim"):  # glibc keeps what LLVM has freed
        LIBC.malloc_trim(0)
