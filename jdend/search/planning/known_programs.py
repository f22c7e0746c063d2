"""Which programs this machine has compiled before; only times that are shown depend on it.

JAX finds a program in its cache only after it has traced it. So the names of those that were
compiled are kept in a file of the same folder, for the forecast before anything is traced.
"""

import json
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import jax

from jdend._files import write_json
from jdend.training import program_cache_folder

__all__ = ["known_programs", "remember_programs"]

FILE_NAME = "jdend-programs.json"
MAX_PROGRAMS = 2000


def known_programs() -> frozenset[str]:
    """The names of `Forecast.programs` that were remembered; none if the file cannot be read."""
    return frozenset(_read())


def remember_programs(names: Iterable[str]) -> None:
    """Adds names of compiled programs; the oldest are forgotten."""
    known = _read()
    new = dict.fromkeys([*known, *names])
    if len(new) == len(known):
        return
    with suppress(OSError):  # the next forecast takes them for new
        _path().parent.mkdir(parents=True, exist_ok=True)
        write_json(_path(), list(new)[-MAX_PROGRAMS:])


def _path() -> Path:
    config: Any = jax.config
    folder: str | None = config.jax_compilation_cache_dir
    return (program_cache_folder() if folder is None else Path(folder)) / FILE_NAME


def _read() -> list[str]:
    try:
        content: object = json.loads(_path().read_text())
    except (OSError, ValueError):
        return []
    if not isinstance(content, list):
        return []
    return [name for name in cast("list[object]", content) if isinstance(name, str)]
