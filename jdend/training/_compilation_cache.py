# pyright: reportUnknownMemberType=false
"""Keeps compiled programs on disk, so that a machine compiles each of them only once."""

import hashlib
import os
import platform
import time
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax

from jdend._files import cache_folder

__all__ = ["enable_program_cache", "own_cache_folder", "program_cache_folder"]

# What the cache is brought below when it has grown larger, once in so many seconds.
MAX_BYTES = 1 << 30
SECONDS_BETWEEN = 24 * 3600.0
TIDIED = "tidied"
_own: list[str] = []  # the folder that was turned on here


def enable_program_cache(folder: Path | str | None = None) -> Path | None:
    """Turns on JAX's persistent compilation cache, also for small programs.

    A cache that the user has set up (`JAX_COMPILATION_CACHE_DIR`, or `jax.config`) is not changed.
    Once a day, if it takes more than 1 GiB, programs that were not used for the longest time are
    removed. JAX itself would keep to a limit at every moment, but reads the whole folder for each
    program that it adds, while other processes wait.

    Args:
      folder: the folder of the cache; by default `program_cache_folder()`.

    Returns:
      The folder in use; None if it cannot be written.
    """
    config: Any = jax.config  # type checkers do not see its options
    configured: str | None = config.jax_compilation_cache_dir
    if configured is not None:
        return Path(configured)
    folder = program_cache_folder() if folder is None else Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    if not os.access(folder, os.W_OK):
        return None
    jax.config.update("jax_compilation_cache_dir", str(folder))
    _own[:] = [str(folder)]
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    jax.config.update("jax_compilation_cache_max_size", -1)
    with suppress(OSError):  # another process may do it, too
        _tidy(folder)
    return folder


def own_cache_folder() -> Path | None:
    """The folder that `enable_program_cache` has turned on; None if it has not, or the cache is one
    that the user has set up."""
    config: Any = jax.config
    return next((Path(own) for own in _own if own == config.jax_compilation_cache_dir), None)


def _tidy(folder: Path) -> None:
    """Removes what was not used for the longest time, if it is time to, and there is too much."""
    mark, now = folder / TIDIED, time.time()
    if mark.exists() and now - mark.stat().st_mtime < SECONDS_BETWEEN:
        return
    mark.touch()
    files = [(entry.path, entry.stat()) for entry in os.scandir(folder) if entry.name != TIDIED]
    excess = sum(status.st_size for _, status in files) - MAX_BYTES
    for path, status in sorted(files, key=lambda file: max(file[1].st_atime, file[1].st_mtime)):
        if excess <= 0:
            break
        os.unlink(path)
        excess -= status.st_size


def program_cache_folder() -> Path:
    """`programs/<jaxlib's version>-<processor>` in jdend's part of the user's cache folder.

    Programs for CPUs are machine code for a processor with certain features. XLA's own key does not
    contain these features, so the folder's name does: several machines may share one home folder.
    """
    features = hashlib.sha256(_processor().encode()).hexdigest()[:12]
    return cache_folder() / "programs" / f"jaxlib-{version('jaxlib')}-{features}"


def _processor() -> str:
    """A text that differs between processors with different features."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return f"{platform.machine()} {platform.processor()}"
    keys = ("flags", "Features", "model name")
    distinguishing = {line for line in lines if line.split(":")[0].strip() in keys}
    return "\n".join(sorted(distinguishing))
