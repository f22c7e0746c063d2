"""What a thread spends its time on: phases, one in another; the innermost counts."""

import threading
import time
from collections.abc import Generator
from contextlib import contextmanager

__all__ = ["phase", "seconds_by_phase"]

OTHER = "other"


class _Clock(threading.local):
    def __init__(self):
        self.within = [OTHER]
        self.seconds: dict[str, float] = {}
        self._since = time.perf_counter()

    def turn(self) -> None:
        """Adds the time since the last turn to the present phase."""
        now = time.perf_counter()
        name = self.within[-1]
        self.seconds[name] = self.seconds.get(name, 0.0) + now - self._since
        self._since = now


_clock = _Clock()


@contextmanager
def phase(name: str) -> Generator[None]:
    """What runs inside counts as this phase of the thread's time; also a decorator."""
    _clock.turn()
    _clock.within.append(name)
    try:
        yield
    finally:
        _clock.turn()
        _clock.within.pop()


def seconds_by_phase() -> dict[str, float]:
    """The seconds of this thread by phase so far; `other` is what no phase had."""
    _clock.turn()
    return dict(_clock.seconds)
