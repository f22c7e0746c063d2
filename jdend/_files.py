"""Writes files and folders atomically, and says where the cache folder is.

The contents go to a new file in the same folder, are flushed to disk, and then replace the old file
in one step. So neither a reader nor a crash or a full disk leaves a half-written file.
"""

import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from jdend._messages import reason

__all__ = [
    "cache_folder",
    "os_errors_as",
    "replacing",
    "user_path",
    "write_bytes",
    "write_folder",
    "write_json",
    "write_text",
]


def cache_folder() -> Path:
    """jdend's part of the user's cache folder, `~/.cache/jdend` on Linux; it may not exist yet.

    `XDG_CACHE_HOME` moves it there; as the XDG specification asks, a relative path is ignored.
    """
    import platformdirs

    return platformdirs.user_cache_path("jdend", appauthor=False)


def user_path(path: str | Path, kind: type[Exception]) -> Path:
    """`path` with `~` and `~name` expanded; the file or folder need not exist.

    Raises:
      kind: if there is no such user, or no file can have that name: it is too long, say.
    """
    try:
        expanded = Path(path).expanduser()
        with suppress(FileNotFoundError, NotADirectoryError, PermissionError):
            expanded.lstat()
        return expanded
    except (RuntimeError, OSError, ValueError) as error:  # ValueError of NUL
        raise kind(f"cannot use {path}: {reason(error)}") from None


@contextmanager
def os_errors_as(kind: type[Exception], doing: str) -> Iterator[None]:
    """Turns an `OSError` within the block into an error of the caller's kind.

    Args:
      kind: the error to raise.
      doing: the start of its message, such as `cannot write results.json`; the reason follows.
    """
    try:
        yield
    except OSError as error:
        raise kind(f"{doing}: {reason(error)}") from error


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A new file, open for writing, that replaces `path` when the block ends.

    Its permissions are those of any new file. If the block raises, the old file is unchanged and
    the new one is deleted.

    Raises:
      OSError: if it cannot be written.
    """
    new = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with open(new, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, path)
    except BaseException:
        with suppress(OSError):
            new.unlink()
        raise


def write_bytes(path: Path, content: bytes) -> None:
    """Writes a file; see `replacing`."""
    with replacing(path) as file:
        file.write(content)


def write_text(path: Path, content: str) -> None:
    """Writes a text in UTF-8; see `replacing`."""
    write_bytes(path, content.encode())


def write_json(path: Path, content: object) -> None:
    """Writes JSON with a line for each item of the two outer levels; see `replacing`.

    Raises:
      OSError: if it cannot be written.
      TypeError, ValueError: if JSON lacks a value; NumPy's numbers become Python's.
    """
    write_text(path, _json(content, levels=2) + "\n")


def write_folder(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Replaces `folder` by a new one with these files by name.

    Raises:
      OSError: if it cannot be written; the old folder is unchanged.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    new, old = scratch / "new", scratch / "old"
    try:
        new.mkdir()
        for name, content in contents.items():
            write_bytes(new / name, content)
        if folder.exists():
            folder.rename(old)
        try:
            new.rename(folder)
        except OSError:
            if old.exists():
                old.rename(folder)
            raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _json(content: object, levels: int) -> str:
    if levels and isinstance(content, dict) and content:
        items = [f"{json.dumps(name)}: {_json(c, levels - 1)}" for name, c in content.items()]
        opening, closing = "{", "}"
    elif levels and isinstance(content, list) and content:
        items, opening, closing = [_json(item, levels - 1) for item in content], "[", "]"
    else:
        return json.dumps(content, allow_nan=False, default=_plain)
    body = ",\n".join(items).replace("\n", "\n  ")
    return f"{opening}\n  {body}\n{closing}"


def _plain(value: object) -> object:
    """NumPy's numbers as Python's."""
    item = getattr(value, "item", None)
    if item is None:
        raise TypeError(f"{type(value).__name__} cannot be stored as JSON")
    return item()
