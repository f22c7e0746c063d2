"""Reading and writing results as JSON, whole or not at all."""

import json
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from jdend.study._errors import StudyError
from jdend.study._result import SearchResult

__all__ = ["read_results", "write_json", "write_results"]


def write_results(path: str | Path, results: Iterable[SearchResult]) -> None:
    """Writes a list of results, one object each, over what was there.

    Raises:
      StudyError: if the file cannot be written; what was there is as it was.
    """
    write_json(path, [result.to_dict() for result in results])


def read_results(path: str | Path) -> list[SearchResult]:
    """Reads what `write_results` wrote, or the older toolkit.

    Raises:
      StudyError: if the file cannot be read or holds no list of results.
    """
    try:
        records = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StudyError(f"cannot read results from {path}: {error}") from error
    if not isinstance(records, list):
        raise StudyError(f"{path} must hold a list of results, not {type(records).__name__}")
    try:
        return [SearchResult.from_dict(record) for record in records]
    except StudyError as error:
        raise StudyError(f"{path}: {error}") from None


def write_json(path: str | Path, content: object) -> None:
    """Writes JSON to a new file beside `path` and moves it there, so that no half is ever seen."""
    path = Path(path).expanduser()
    scratch = None
    try:
        text = _json(content, 2) + "\n"
        handle, scratch = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(scratch, 0o666 & ~_umask())
        os.replace(scratch, path)
    except OSError as error:
        raise StudyError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        if scratch is not None and os.path.exists(scratch):
            os.unlink(scratch)


def _json(content: object, levels: int) -> str:
    """JSON with a line for each item of the outer levels, so that it can be read and compared."""
    if levels and isinstance(content, dict) and content:
        items = [f"{json.dumps(name)}: {_json(c, levels - 1)}" for name, c in content.items()]
        opening, closing = "{", "}"
    elif levels and isinstance(content, list) and content:
        items, opening, closing = [_json(item, levels - 1) for item in content], "[", "]"
    else:
        return json.dumps(content, allow_nan=False, default=_plain)
    body = ",\n".join(items).replace("\n", "\n  ")
    return f"{opening}\n  {body}\n{closing}"


def _plain(value: object):
    """NumPy's numbers as Python's."""
    item = getattr(value, "item", None)
    if item is None:
        raise TypeError(f"{type(value).__name__} cannot be stored as JSON")
    return item()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
