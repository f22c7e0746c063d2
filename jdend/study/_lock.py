"""One process at a time searches in a study: a lock of the operating system, and who holds it.

The system releases the lock when its holder dies, whatever ends it; so nothing is renewed, and no
clock is compared. It holds on one machine, and wherever files are locked between machines.
"""

import hashlib
import json
import os
import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from jdend._files import cache_folder, os_errors_as
from jdend.study._errors import StudyError
from jdend.study._folder import journal_in
from jdend.study._storage import without_password

__all__ = ["StudyLock", "files_of_lock"]


@dataclass
class _Held:
    """A lock that this process has, and how many searches in it have it."""

    lock: FileLock
    count: int


_HELD: dict[Path, _Held] = {}


class StudyLock:
    """The lock of a study, which a search has from its construction to `release`. Searches of one
    process may share it.

    Args:
      where: the URL of a storage, or the path of a journal or its folder.
      name: the name of the study.

    Raises:
      StudyError: if another process has it; the message says which.
    """

    def __init__(self, where: str, name: str):
        self._path, self._holder = _lock_and_holder(where, name)
        held = _HELD.get(self._path)
        if held is None:
            lock = FileLock(self._path, thread_local=False)
            with os_errors_as(StudyError, f"cannot use {without_password(where)}"):
                self._path.parent.mkdir(parents=True, exist_ok=True)
                try:
                    lock.acquire(blocking=False)
                except Timeout:
                    raise StudyError(_refused(where, name, self._holder)) from None
            held = _HELD[self._path] = _Held(lock, 0)
            self._say_who()
        held.count += 1
        self._is_held = True

    def release(self) -> None:
        """Lets others have it; a second call does nothing."""
        if not self._is_held:
            return
        self._is_held = False
        held = _HELD[self._path]
        held.count -= 1
        if held.count == 0:
            with suppress(OSError):
                self._holder.unlink()
            held.lock.release()
            del _HELD[self._path]

    def _say_who(self) -> None:
        since = time.strftime("%Y-%m-%d %H:%M:%S")
        record = {"process": os.getpid(), "host": socket.gethostname(), "since": since}
        with suppress(OSError):  # a full disk, say: the lock holds all the same
            self._holder.write_text(json.dumps(record), encoding="utf-8")


def files_of_lock(journal: Path) -> tuple[Path, Path]:
    """The lock of a journal's search, and who holds it."""
    name = f".{journal.name}.search"
    return journal.with_name(f"{name}.lock"), journal.with_name(f"{name}.json")


def _lock_and_holder(where: str, name: str) -> tuple[Path, Path]:
    """Beside a journal; of another storage, in the user's cache folder."""
    if "://" not in where:
        return files_of_lock(journal_in(where).absolute())
    key = hashlib.sha256(f"{where} {name}".encode()).hexdigest()[:16]
    return files_of_lock(cache_folder() / "searches" / key)


def _refused(where: str, name: str, holder: Path) -> str:
    who = "another process"
    with suppress(OSError, ValueError, KeyError, TypeError):
        record = json.loads(holder.read_text(encoding="utf-8"))
        who = f"process {record['process']} on {record['host']}, since {record['since']}"
    return f"study {name!r} in {without_password(where)} is in use by {who}: wait for it, or end it"
