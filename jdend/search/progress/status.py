"""The status of a search, and the interface of the views that show it."""

from dataclasses import dataclass
from typing import Protocol

__all__ = ["Best", "Reached", "Status", "View"]


@dataclass(frozen=True)
class Best:
    """The best network so far.

    Attributes:
      score: what it is chosen by, mean over seeds; more is better.
      total_params: the number of its trainable parameters.
      architecture: the name of its architecture.
      metric: the name of the metric that it is chosen by.
      minimised: whether less of that metric is better; then `score` is negative.
    """

    score: float
    total_params: int
    architecture: str
    metric: str = "accuracy"
    minimised: bool = False

    @property
    def value(self) -> float:
        """Its metric's on the validation examples."""
        return -self.score if self.minimised else self.score


@dataclass(frozen=True)
class Reached:
    """How far a generation is.

    Attributes:
      finished: how many trials have ended, or were stopped.
      epoch: the epoch that the other trials are in; None if there are none, or nothing trains yet.
      share: the share of its training that is done, in [0, 1].
      own: the part of `share` that this process trained, and not an earlier one that it resumes.
      compiled: the share of its programs that are compiled.
      seconds: the time of training, without compiling.
    """

    finished: int = 0
    epoch: int | None = None
    share: float = 0.0
    own: float = 0.0
    compiled: float = 0.0
    seconds: float = 0.0


@dataclass(frozen=True)
class Status:
    """How far a search is.

    Attributes:
      finished: how many trials have ended, those of other workers included.
      epoch: the epoch that the trials in training are in; None if there are none.
      n_trials: the largest number of trials; None if only time ends the search.
      seconds: the time since it began.
      rate: trials per second, without waiting for programs; None before the first.
      left: how many seconds it will probably take from now on; None if there is no estimate.
      share: the share of the search that is done, in [0, 1].
      stopped: how many trials this process stopped early.
      best: the best network so far; None before one was evaluated.
      doing: what happens now, in words.
      name: what it searches for, if that is not what the user asked for; else empty.
    """

    finished: int
    epoch: int | None
    n_trials: int | None
    seconds: float
    rate: float | None
    left: float | None
    share: float
    stopped: int
    best: Best | None
    doing: str
    name: str = ""


class View(Protocol):
    """The interface of what shows a search to the user."""

    def note(self, line: str) -> None:
        """Shows a line of text."""
        ...

    def begin(self, now: Status) -> None:
        """Is told that a search begins."""
        ...

    def show(self, now: Status) -> None:
        """Shows a new status; called several times a second."""
        ...

    def end(self, now: Status) -> None:
        """Is told that the search is over, or was broken off."""
        ...
