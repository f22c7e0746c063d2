"""How many generations end inside a time that was given."""

import time

from jdend.search.errors import SearchError

__all__ = ["TimeLimit"]

# A generation is about so small a share of the time, so that little of it is left over.
SHARE = 40
# How much longer than the longest of the last ones the next may take.
MARGIN = 1.05
N_LAST = 3
# Seconds that go with each network that is trained again: its program, imports, pictures.
AROUND = 8.0
# The most of the time that is kept for them.
LARGEST_RESERVE = 0.25


class TimeLimit:
    """Says after each generation whether another one would end in time.

    Args:
      seconds: that there are.
      since: when they began, by `time.monotonic`; None for now.
      n_retrained: how many networks will be trained again after the last generation, such as the
        best for the report.

    Attributes:
      generation_seconds: how long a generation should take.
      reserve: seconds needed after the last one.

    Raises:
      SearchError: if `seconds` is not a positive number.
    """

    def __init__(self, seconds: float, since: float | None = None, n_retrained: int = 0):
        number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
        if not number or not 0 < seconds < float("inf"):
            raise SearchError(f"seconds must be a positive number, got {seconds!r}")
        self.seconds = float(seconds)
        self.reserve = 0.0
        self.n_retrained = n_retrained
        self.generation_seconds = seconds / SHARE
        self._begun = time.monotonic() if since is None else since
        self._last = self._begun
        self._laps: list[float] = []

    @property
    def left(self) -> float:
        """Seconds; negative when it is late."""
        return self.seconds - (time.monotonic() - self._begun)

    def keep(self, seconds: float) -> None:
        """Keeps time for the networks that will be trained again, each so many seconds."""
        self.reserve = min(self.n_retrained * (seconds + AROUND), LARGEST_RESERVE * self.seconds)

    def begin(self) -> None:
        """The first generation begins; imports and data are no part of it."""
        self._last = time.monotonic()

    def is_over(self, waited: float = 0.0) -> bool:
        """Whether there is no time for another generation; asked after each of them.

        Args:
          waited: seconds, so far, for programs that are compiled once. They count in the first
            generation alone, for later ones may need programs of their own.
        """
        now = time.monotonic()
        lap = now - self._last
        self._laps.append(max(0.0, lap - waited) if not self._laps else lap)
        self._last = now
        return max(self._laps[-N_LAST:]) * MARGIN + self.reserve > self.left
