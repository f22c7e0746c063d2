"""Estimates how long a search will go on, from its expected time and from what has run so far.

The expected time comes from the cost model, so there is an estimate before anything has run. The
more has run, the more the measured time counts: `pace = (PRIOR + measured) / (PRIOR + expected)`.
"""

from dataclasses import dataclass

__all__ = ["Expected", "Tally", "seconds_left"]

# At the beginning, so many seconds count as if they had taken as long as expected.
PRIOR_SECONDS = 2.0


@dataclass(frozen=True)
class Expected:
    """The expected time in seconds: of compiling programs, and of training."""

    compiling: float = 0.0
    training: float = 0.0

    def __mul__(self, factor: float) -> "Expected":
        return Expected(self.compiling * factor, self.training * factor)


@dataclass
class Tally:
    """The time of what has run so far, in seconds: as expected, and as measured."""

    expected: float = 0.0
    measured: float = 0.0

    @property
    def pace(self) -> float:
        """How many seconds one expected second takes."""
        return (PRIOR_SECONDS + self.measured) / (PRIOR_SECONDS + self.expected)


def seconds_left(
    left: Expected, compiled: Tally, trained: Tally, *, workers: float = 1.0, between: float = 0.0
) -> float:
    """The seconds until all is done.

    Args:
      left: the expected time of what has not run yet.
      compiled, trained: the times of what has run.
      workers: how much all workers train, as a multiple of what this process trains.
      between: the seconds for storing and proposing between generations.
    """
    working = left.compiling * compiled.pace + left.training * trained.pace + between
    return max(0.0, working / max(workers, 1.0))
