"""Ends a search when its time is over, and chooses generations of a suitable length."""

import math
import time
from dataclasses import replace

import jax

from jdend.search.driver.schedule import LARGEST_GENERATION, SMALLEST_WITH_RUNGS, Schedule
from jdend.search.driver.trainer import Trainer
from jdend.search.errors import SearchError

__all__ = ["TimeLimit", "with_generations_for"]

# The time is divided into about so many generations, so that little of it is left at the end.
N_GENERATIONS_IN_TIME = 40
# The next generation is expected to take this factor times the longest of the last so many.
TIME_FACTOR, N_LAST_GENERATIONS = 1.05, 3
# The time that each network that is trained again takes beside its training: for its program,
# imports and pictures.
OVERHEAD_SECONDS = 8.0
# At most this share of the time is reserved for them.
MAX_RESERVE_SHARE = 0.25
# The fewest trials of a generation on a CPU and on other devices, most of which few trials would
# leave idle.
MIN_TRIALS_ON_CPU, MIN_TRIALS_ELSEWHERE = 1, 64
# Without rungs a generation is never longer.
MAX_GENERATION_SECONDS = 5.0
# The share of all epochs that is trained if rungs stop trials, and the fewest trials for rungs.
EPOCHS_SHARE_WITH_RUNGS, MIN_TRIALS_WITH_RUNGS = 0.4, 9


class TimeLimit:
    """Says after each generation whether another one would end in time.

    Args:
      seconds: the time that the search may take.
      since: when that time began, as `time.monotonic` has it; None for now.
      n_retrained: how many networks will be trained again after the last generation, such as the
        best for the report.

    Attributes:
      generation_seconds: how long a generation should take.
      reserve: the seconds that are needed after the last generation.

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
        """The seconds that are left; negative if the time is over."""
        return self.seconds - (time.monotonic() - self._begun)

    def part(self, share: float, n_retrained: int) -> "TimeLimit":
        """That of a search before this one, which may take a share of its seconds from now on."""
        return TimeLimit(share * self.seconds, n_retrained=n_retrained)

    def reserve_for(self, seconds: float) -> None:
        """Reserves time for the networks that will be trained again, `seconds` for each."""
        self.reserve = min(
            self.n_retrained * (seconds + OVERHEAD_SECONDS), MAX_RESERVE_SHARE * self.seconds
        )

    def begin(self) -> None:
        """Is told that the first generation begins, to measure it without imports and data."""
        self._last = time.monotonic()

    def is_over(self, waited: float = 0.0) -> bool:
        """Whether there is no time for another generation; called after each of them.

        Args:
          waited: the seconds of waiting for programs so far. They are subtracted from the time of
            the first generation, which compiles the programs that all share; what later generations
            wait for may happen again.
        """
        now = time.monotonic()
        lap = now - self._last
        self._laps.append(max(0.0, lap - waited) if not self._laps else lap)
        self._last = now
        return max(self._laps[-N_LAST_GENERATIONS:]) * TIME_FACTOR + self.reserve > self.left


def with_generations_for(schedule: Schedule, time_limit: TimeLimit, trainer: Trainer) -> Schedule:
    """The schedule with generations whose length suits the time limit.

    Their length is estimated by the cost model and not from the machine's speed, so that a search
    has the same generations every time.
    """
    seconds = trainer.seconds_a_trial(schedule.sample) * len(schedule.problems)
    least = MIN_TRIALS_ON_CPU if jax.default_backend() == "cpu" else MIN_TRIALS_ELSEWHERE
    if not schedule.pruner.stops:
        n = round(min(time_limit.generation_seconds, MAX_GENERATION_SECONDS) / seconds)
    else:  # rungs choose better from many trials
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
