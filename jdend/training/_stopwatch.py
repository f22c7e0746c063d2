"""A stopwatch that adds up times."""

import time

__all__ = ["Stopwatch"]


class Stopwatch:
    """Adds up the time that is spent inside of `with` blocks; it begins with `seconds`."""

    def __init__(self, seconds: float = 0.0):
        self._sum = seconds
        self._begun: float | None = None

    @property
    def seconds(self) -> float:
        """The sum so far, the present `with` block included."""
        return self._sum + (0.0 if self._begun is None else time.perf_counter() - self._begun)

    def __enter__(self) -> None:
        self._begun = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self._sum, self._begun = self.seconds, None
