"""How long a search will go on, from what was expected of it and how that has turned out so far.

What is expected comes from the cost model, so there is a figure before anything has run. The more
has run, the more its own time counts: `pace = (PRIOR + measured) / (PRIOR + expected)`.
"""

from dataclasses import dataclass

__all__ = ["Expected", "Tally", "seconds_left"]

# So many expected seconds count as if they had taken as long as expected.
PRIOR_SECONDS = 2.0


@dataclass(frozen=True)
class Expected:
    """What something is expected to take, in seconds: its programs, and its training."""

    compiling: float = 0.0
    training: float = 0.0

    def __mul__(self, factor: float) -> "Expected":
        return Expected(self.compiling * factor, self.training * factor)


@dataclass
class Tally:
    """What has run so far, in seconds: as it was expected, and as it was."""

    expected: float = 0.0
    measured: float = 0.0

    @property
    def pace(self) -> float:
        """Seconds for an expected second."""
        return (PRIOR_SECONDS + self.measured) / (PRIOR_SECONDS + self.expected)


def seconds_left(
    left: Expected, compiled: Tally, trained: Tally, *, workers: float = 1.0, between: float = 0.0
) -> float:
    """Seconds until all is done.

    Args:
      left: what was expected of what has not run yet.
      compiled, trained: what has run.
      workers: how many times as much is trained by all as by this process.
      between: seconds for all that is stored and proposed between generations.
    """
    working = left.compiling * compiled.pace + left.training * trained.pace + between
    return max(0.0, working / max(workers, 1.0))
