"""Optuna's journal file, which waits for the disk once where much is written together."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock
from optuna.storages.journal import BaseJournalBackend, JournalFileBackend, JournalStorage

from jdend.study._errors import StudyError
from jdend.study._folder import lock_name

__all__ = ["Journal", "JournalLock"]

# How each line of a journal begins.
LINE = b'{"op_code":'


class Journal(JournalStorage):
    """A journal file as a storage; see `JournalStorage`."""

    def __init__(self, path: Path):
        self._file = JournalFile(path)
        super().__init__(self._file)

    @contextmanager
    def together(self) -> Iterator[None]:
        """Meanwhile what is written need not be on the disk at once, only at the end.

        Other processes see it at once, and still do if this one is killed. Waiting for the disk
        took longer than all else that storing a trial takes.
        """
        self._file.waits = False
        try:
            yield
        finally:
            self._file.waits = True
        self._file.wait()


class JournalFile(BaseJournalBackend):
    """Reads and writes the lines of a journal; its readers are Optuna's.

    Attributes:
      waits: whether what is written is on the disk when writing returns.
    """

    def __init__(self, path: Path):
        self._path, self._lock = path, JournalLock(path)
        self._reader = JournalFileBackend(str(path), lock_obj=self._lock)  # pyright: ignore[reportArgumentType]
        self.waits = True

    def read_logs(self, log_number_from: int) -> Iterator[dict[str, Any]]:
        return self._reader.read_logs(log_number_from)

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        lines = "".join(json.dumps(log, separators=(",", ":")) + "\n" for log in logs)
        self._lock.acquire()
        try:
            with open(self._path, "ab") as file:
                file.write(lines.encode())
                file.flush()
                if self.waits:
                    os.fsync(file.fileno())
        finally:
            self._lock.release()

    def wait(self) -> None:
        """Until all that was written is on the disk."""
        with open(self._path, "ab") as file:
            os.fsync(file.fileno())


class JournalLock:
    """The lock of a journal, which the system gives back when its holder dies.

    Who gets it first removes a last line that was cut off, by a kill or a full disk: nothing that
    was acknowledged is in it, and what is written next would be glued to it.
    """

    def __init__(self, journal: Path):
        self._journal = journal
        self._lock = FileLock(journal.with_name(lock_name(journal.name)))

    def acquire(self) -> bool:
        self._lock.acquire()
        try:
            _cut_torn_line(self._journal)
        except BaseException:
            self._lock.release()
            raise
        return True

    def release(self) -> None:
        self._lock.release()


def _cut_torn_line(journal: Path) -> None:
    with open(journal, "r+b") as file:
        end = file.seek(0, os.SEEK_END)
        if end == 0:
            return
        file.seek(end - 1)
        if file.read(1) == b"\n":
            return
        file.seek(0)
        content = file.read()
        begins = content.rfind(b"\n") + 1
        if not content[begins:].startswith(LINE[: end - begins]):
            raise StudyError(f"{journal} is no journal of Optuna's")
        file.truncate(begins)
