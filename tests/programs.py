"""Compiled programs, which take memory."""

import jax

from jdend.training import _order, let_go_of_populations


def let_go():
    """Frees all programs. Linux allows a process 65,530 mappings, of which each program takes
    several, and LLVM ends the process when there are no more."""
    _order.shuffle.cache_clear()
    jax.clear_caches()
    let_go_of_populations(0)
