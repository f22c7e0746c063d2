# pyright: reportUnknownMemberType=false
"""Compiled programs on disk, so that a program is compiled once ever on a machine."""

import hashlib
import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax

from jdend._files import cache_folder

__all__ = ["enable_program_cache", "program_cache_folder"]

MAX_BYTES = 1 << 30


def enable_program_cache(folder: Path | str | None = None) -> Path | None:
    """Turns JAX's persistent compilation cache on, for small programs too.

    A cache that the user has set up (`JAX_COMPILATION_CACHE_DIR`, or `jax.config`) is left as it
    is. The cache is bounded to 1 GiB; what was used least recently goes first.

    Args:
      folder: where; by default `program_cache_folder()`.

    Returns:
      The folder in use, or None where none can be written.
    """
    config: Any = jax.config  # which has its options as attributes, unknown to type checkers
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
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    jax.config.update("jax_compilation_cache_max_size", MAX_BYTES)
    return folder


def program_cache_folder() -> Path:
    """`programs/<jaxlib's version>-<processor>` in jdend's part of the user's cache folder.

    Programs for CPUs hold machine code for the features of one processor, which XLA's own key does
    not tell apart, so a folder in a home that several machines share names them.
    """
    features = hashlib.sha256(_processor().encode()).hexdigest()[:12]
    return cache_folder() / "programs" / f"jaxlib-{version('jaxlib')}-{features}"


def _processor() -> str:
    """Text that differs between processors of different features."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return f"{platform.machine()} {platform.processor()}"
    telling = ("flags", "Features", "model name")
    distinguishing = {line for line in lines if line.split(":")[0].strip() in telling}
    return "\n".join(sorted(distinguishing))
