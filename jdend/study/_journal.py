"""Optuna's journal file; a group of writings waits for the disk only once."""

import json
import os
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from filelock import FileLock
from optuna.storages.journal import BaseJournalBackend, JournalFileBackend, JournalStorage

from jdend.study._errors import StudyError
from jdend.study._folder import lock_name

__all__ = ["Journal", "JournalLock", "cut_off_damage"]

# The start of each line of a journal.
LINE_START = b'{"op_code":'


class Journal(JournalStorage):
    """A journal file as a storage; see `JournalStorage`."""

    def __init__(self, path: Path):
        self._file = JournalFile(path)
        super().__init__(self._file)

    @contextmanager
    def together(self) -> Generator[None]:
        """Within the block, writing does not wait for the disk; its end waits once for all.

        Other processes see each line at once, even if this process is killed. Only a crash of the
        machine could lose lines. Waiting for the disk takes most of the time to store a trial.
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
      waits: whether writing returns only when the lines are on the disk.
    """

    def __init__(self, path: Path):
        self._path, self._lock = path, JournalLock(path)
        self._reader = JournalFileBackend(str(path), lock_obj=self._lock)  # pyright: ignore[reportArgumentType]
        self.waits = True

    def read_logs(self, log_number_from: int) -> Iterator[dict[str, Any]]:
        return map(_interned, self._reader.read_logs(log_number_from))

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
        """Waits until all written lines are on the disk."""
        with open(self._path, "ab") as file:
            os.fsync(file.fileno())


class JournalLock:
    """The lock of a journal, which the operating system releases when its holder dies.

    A writer that was killed, or a full disk, may leave an incomplete last line. Whoever acquires
    the lock removes it, since the next line would be appended to it. It holds nothing that was
    acknowledged.
    """

    def __init__(self, journal: Path):
        self._journal = journal
        self._lock = FileLock(journal.with_name(lock_name(journal.name)))

    def acquire(self) -> bool:
        self._lock.acquire()
        try:
            _remove_incomplete_line(self._journal)
        except BaseException:
            self._lock.release()
            raise
        return True

    def release(self) -> None:
        self._lock.release()


def cut_off_damage(journal: Path) -> str | None:
    """Cuts off what follows the last entry of a journal: zero bytes, text or blank lines, which a
    power loss may leave. A file without any entry is not changed.

    Returns:
      A line that tells the user; None if nothing was cut off.
    """
    with FileLock(journal.with_name(lock_name(journal.name))), open(journal, "r+b") as file:
        content = file.read()
        end = len(content)
        while end > 0:
            line_start = content.rfind(b"\n", 0, end - 1) + 1
            if _is_entry(content[line_start:end]):
                break
            end = line_start
        damage = content[end:]
        # An incomplete line is what a writer that was killed leaves; `JournalLock` removes it.
        is_incomplete = damage.startswith(LINE_START) and not {0, ord("\n")}.intersection(damage)
        if end == 0 or not damage or is_incomplete:
            return None
        file.truncate(end)
    return (
        f"{journal} ended in {len(damage):,} damaged bytes after its last entry: they are cut off"
    )


def _interned(value: Any) -> Any:
    """A JSON value in which equal names are one object: all trials have the same, of which the
    process would otherwise hold a copy a trial. Other strings, such as times, differ."""
    if isinstance(value, str):
        return sys.intern(value) if value.isidentifier() else value
    if isinstance(value, dict):
        return {sys.intern(n): _interned(v) for n, v in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [_interned(item) for item in cast("list[Any]", value)]
    return value


def _is_entry(line: bytes) -> bool:
    """Whether a line is a whole entry of a journal."""
    try:
        entry: object = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return line.endswith(b"\n") and isinstance(entry, dict) and "op_code" in entry


def _remove_incomplete_line(journal: Path) -> None:
    with open(journal, "r+b") as file:
        end = file.seek(0, os.SEEK_END)
        if end == 0:
            return
        file.seek(end - 1)
        if file.read(1) == b"\n":
            return
        file.seek(0)
        content = file.read()
        line_start = content.rfind(b"\n") + 1
        if not content[line_start:].startswith(LINE_START[: end - line_start]):
            raise StudyError(f"{journal} is no journal of Optuna's")
        file.truncate(line_start)
