"""Ends a search after a given time, and chooses the size of its generations."""

import math
import time
from dataclasses import replace

import jax

from jdend.search.driver.schedule import LARGEST_GENERATION, SMALLEST_WITH_RUNGS, Schedule
from jdend.search.driver.trainer import Trainer
from jdend.search.errors import SearchError

__all__ = ["TimeLimit", "with_generations_for"]

# About so many generations fill the time, so that little of it is left over.
N_GENERATIONS_IN_TIME = 40
# How much longer than the longest of the last ones the next may take.
MARGIN = 1.05
N_LAST = 3
# The overhead of each network that is trained again: its program, imports, pictures.
OVERHEAD_SECONDS = 8.0
# At most this share of the time is reserved for them.
MAX_RESERVE_SHARE = 0.25
# Trials of a generation that is to be short, at least: elsewhere than on a CPU, few together leave
# most of the device idle.
SMALLEST_ON_CPU, SMALLEST_ELSEWHERE = 1, 64
# Without rungs a generation is at most this long, also in longer searches.
MAX_GENERATION_SECONDS = 5.0
# Of the epochs, about so many are trained if rungs stop trials; and the fewest trials for them.
EPOCHS_SHARE_WITH_RUNGS, MIN_TRIALS_WITH_RUNGS = 0.4, 9


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
        self.seconds = _positive_number(seconds)
        self.reserve = 0.0
        self.n_retrained = n_retrained
        self.generation_seconds = self.seconds / N_GENERATIONS_IN_TIME
        self._begun = time.monotonic() if since is None else since
        self._last = self._begun
        self._laps: list[float] = []

    @property
    def left(self) -> float:
        """Seconds; negative when it is late."""
        return self.seconds - (time.monotonic() - self._begun)

    def keep(self, seconds: float) -> None:
        """Keeps time for the networks that will be trained again, each so many seconds."""
        self.reserve = min(
            self.n_retrained * (seconds + OVERHEAD_SECONDS), MAX_RESERVE_SHARE * self.seconds
        )

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


def with_generations_for(schedule: Schedule, time_limit: TimeLimit, trainer: Trainer) -> Schedule:
    """The schedule in generations whose length suits the time.

    It follows from the cost model and not from the machine's own speed, so that a search has the
    same generations every time.
    """
    seconds = trainer.seconds_a_trial(schedule.sample) * len(schedule.problems)
    least = SMALLEST_ON_CPU if jax.default_backend() == "cpu" else SMALLEST_ELSEWHERE
    if not schedule.pruner.stops:
        n = round(min(time_limit.generation_seconds, MAX_GENERATION_SECONDS) / seconds)
    else:  # rungs choose better among many
        n = round(time_limit.generation_seconds / (EPOCHS_SHARE_WITH_RUNGS * seconds))
        n, least = min(n, SMALLEST_WITH_RUNGS), max(least, MIN_TRIALS_WITH_RUNGS)
    most = LARGEST_GENERATION if schedule.n_trials is None else schedule.n_trials
    return replace(schedule, generation=max(1, min(most, max(least, n))))


def _positive_number(seconds: object) -> float:
    if (
        isinstance(seconds, int | float)
        and not isinstance(seconds, bool)
        and 0 < seconds < math.inf
    ):
        return float(seconds)
    raise SearchError(f"seconds must be a positive number, got {seconds!r}")
