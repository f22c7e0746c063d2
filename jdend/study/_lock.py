"""One process at a time searches in a study: a lock, and who holds it.

It goes with its holder, whatever ends that, and no clock is compared. In PostgreSQL the server
keeps it, for all machines. Elsewhere it is the operating system's, of a file: it holds on one
machine, and wherever files are locked between machines.
"""

import hashlib
import json
import os
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from filelock import FileLock, Timeout

from jdend._files import cache_folder, os_errors_as
from jdend.study._errors import StudyError
from jdend.study._folder import journal_in
from jdend.study._server_lock import ServerLock, is_on_a_server
from jdend.study._storage import without_password

__all__ = ["StudyLock", "files_of_lock"]


class Lock(Protocol):
    """What keeps other processes out."""

    def renew(self) -> None:
        """Takes it again, if it was lost.

        Raises:
          StudyError: if another process has it now.
        """
        ...

    def release(self) -> None: ...


@dataclass
class _Held:
    """A lock that this process has, and how many searches in it have it."""

    lock: Lock
    count: int = 0


_HELD: dict[object, _Held] = {}


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
        self._of_server = is_on_a_server(where)
        files = _lock_and_holder(where, name)
        self._key = (where, name) if self._of_server else files

        def refused(who: str) -> StudyError:
            return StudyError(
                f"study {name!r} in {without_password(where)} is in use by {who}: wait for it, or "
                "end it"
            )

        if self._key not in _HELD:
            if self._of_server:
                lock: Lock = ServerLock(where, name, refused)
            else:
                lock = FilesLock(where, *files, refused)
            _HELD[self._key] = _Held(lock)
        _HELD[self._key].count += 1
        self._is_held = True

    def renew(self) -> None:
        """Takes it again, if it was lost, as with a server of a database that was started anew.

        After `release` it does nothing.

        Raises:
          StudyError: if another process has it now.
        """
        if self._is_held:
            _HELD[self._key].lock.renew()

    def release(self) -> None:
        """Lets others have it; a second call does nothing."""
        if not self._is_held:
            return
        self._is_held = False
        held = _HELD[self._key]
        held.count -= 1
        if held.count == 0:
            held.lock.release()
            del _HELD[self._key]


class FilesLock:
    """A lock of the operating system on a file, beside which another says who has it."""

    def __init__(self, where: str, path: Path, holder: Path, refused: Callable[[str], StudyError]):
        self._lock, self._holder = FileLock(path, thread_local=False), holder
        with os_errors_as(StudyError, f"cannot use {without_password(where)}"):
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                self._lock.acquire(blocking=False)
            except Timeout:
                raise refused(_said_by(holder)) from None
        since = time.strftime("%Y-%m-%d %H:%M:%S")
        record = {"process": os.getpid(), "host": socket.gethostname(), "since": since}
        with suppress(OSError):  # a full disk, say: the lock holds all the same
            holder.write_text(json.dumps(record), encoding="utf-8")

    def renew(self) -> None:
        """It cannot be lost."""

    def release(self) -> None:
        with suppress(OSError):
            self._holder.unlink()
        self._lock.release()


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


def _said_by(holder: Path) -> str:
    try:
        record = json.loads(holder.read_text(encoding="utf-8"))
        return f"process {record['process']} on {record['host']}, since {record['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
