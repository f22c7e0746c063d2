"""A stopwatch that adds up times."""

import time
from contextlib import ExitStack

from jdend._phases import phase

__all__ = ["Stopwatch"]


class Stopwatch:
    """Adds up the time that is spent inside of `with` blocks, which count as a phase of the thread.

    Args:
      name: the phase, see `jdend._phases`.
    """

    def __init__(self, name: str):
        self._name, self._within = name, ExitStack()
        self._sum = 0.0
        self._begun: float | None = None

    @property
    def seconds(self) -> float:
        """The sum so far, the present `with` block included."""
        return self._sum + (0.0 if self._begun is None else time.perf_counter() - self._begun)

    def add(self, seconds: float) -> None:
        """Adds time that was spent elsewhere."""
        self._sum += seconds

    def __enter__(self) -> None:
        self._within.enter_context(phase(self._name))
        self._begun = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self._sum, self._begun = self.seconds, None
        self._within.close()
