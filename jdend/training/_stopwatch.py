"""Adds up time that is spent here and there."""

import time

__all__ = ["Stopwatch"]


class Stopwatch:
    """Adds up the time spent inside `with`, to what there was before."""

    def __init__(self, seconds: float = 0.0):
        self._sum = seconds
        self._begun: float | None = None

    @property
    def seconds(self) -> float:
        """All so far, and what has passed if it runs now."""
        return self._sum + (0.0 if self._begun is None else time.perf_counter() - self._begun)

    def __enter__(self) -> None:
        self._begun = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self._sum, self._begun = self.seconds, None
