"""How many processors there are to work with."""

import os

__all__ = ["n_processors"]


def n_processors() -> int:
    """How many processors this process may use; a worker may be kept on some of the machine's."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
