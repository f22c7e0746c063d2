"""Which worker holds which generation: each worker has a record that it renews while it works.

Optuna's attributes offer neither locks nor compare-and-set, but a written value is visible to all
later reads. A worker writes which generation it wants, and then reads all records. If another
living worker wants the same generation, it gives up and tries again later. Both write before they
read, so at least one sees the other (the flag principle). So two workers never hold the same
generation.
"""

import functools
import os
import socket
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

__all__ = ["Holding", "Identity", "this_worker"]


@dataclass(frozen=True)
class Identity:
    """A worker.

    Attributes:
      key: a unique name.
      machine: identifies the running system and its process namespace, in which process ids are
        unique.
      process: the process id.
      started: the start time of the process in clock ticks, since process ids are reused.
    """

    key: str
    machine: str
    process: int
    started: int | None


@dataclass(frozen=True)
class Holding:
    """A worker's record.

    Attributes:
      generation: the generation that it holds; None if none.
      writing: whether it writes the results of that generation now.
      until: the time after which it counts as dead unless it renews the record, in seconds since
        the epoch.
      machine, process, started: see `Identity`.
    """

    generation: int | None
    writing: bool
    until: float
    machine: str
    process: int
    started: int | None

    def lives(self, now: float) -> bool:
        """Whether the worker lives: its record has not expired, and its process still runs."""
        if self.until < now:
            return False
        if self.machine != _machine():
            return True
        return _runs(self.process) and _started(self.process) == self.started


def this_worker() -> Identity:
    """A new worker of this process."""
    process = os.getpid()
    key = f"{socket.gethostname()}-{process}-{uuid4().hex[:8]}"
    return Identity(key, _machine(), process, _started(process))


@functools.cache
def _machine() -> str:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return socket.gethostname()


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _started(process: int) -> int | None:
    """The start time of a process; None if it is unknown or the process has ended."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2]
    except (OSError, ValueError):
        return None
    state, *numbers = fields.split()
    return None if state in "ZX" else int(numbers[18])
