"""Reads and writes results as JSON files."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import cast

from jdend._files import os_errors_as, user_path, write_json
from jdend.study._errors import StudyError
from jdend.study._result import SearchResult

__all__ = ["read_results", "write_results"]


def write_results(path: str | Path, results: Iterable[SearchResult]) -> None:
    """Writes a list of results, one object each; an older file is replaced atomically.

    Raises:
      StudyError: if the file cannot be written; an older file is unchanged.
    """
    path = user_path(path, StudyError)
    with os_errors_as(StudyError, f"cannot write {path}"):
        write_json(path, [result.to_dict() for result in results])


def read_results(path: str | Path) -> list[SearchResult]:
    """Reads a file that `write_results` or the older toolkit wrote.

    Raises:
      StudyError: if the file cannot be read or holds no list of results.
    """
    try:
        records = json.loads(user_path(path, StudyError).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise StudyError(f"cannot read results from {path}: {error}") from error
    if not isinstance(records, list):
        raise StudyError(f"{path} must hold a list of results, not {type(records).__name__}")
    try:
        return [SearchResult.from_dict(record) for record in cast(list[object], records)]
    except StudyError as error:
        raise StudyError(f"{path}: {error}") from None
