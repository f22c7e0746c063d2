"""Who holds which generation: one record a worker, which it renews while it works.

Optuna's attributes know neither locks nor comparisons. What suffices is that a value once written
is read by everyone after. A worker writes which generation it wants, then reads all records; if
another living worker wants the same, it gives up and tries again later. Of two that write before
they read, at least one sees the other (the flag principle), so no two ever hold the same one.
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
      key: unlike any other's.
      machine: where processes have the same numbers: the running system and its process namespace.
      process: its number there.
      started: when the process began, in the system's ticks, since numbers are used again.
    """

    key: str
    machine: str
    process: int
    started: int | None


@dataclass(frozen=True)
class Holding:
    """A worker's record.

    Attributes:
      generation: that it holds; None if none.
      writing: whether it adds that generation's trials now.
      until: when it is to be taken for dead if it was not heard of, in seconds of the clock.
      machine, process, started: see `Identity`.
    """

    generation: int | None
    writing: bool
    until: float
    machine: str
    process: int
    started: int | None

    def lives(self, now: float) -> bool:
        """Whether the worker is at work: not past its time, nor known to be dead."""
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
    """None where the system does not tell, and of a process that has ended but for its entry."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2]
    except (OSError, ValueError):
        return None
    state, *others = fields.split()
    return None if state in "ZX" else int(others[18])
