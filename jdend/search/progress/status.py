"""How far a search is, and what shows it: what the reporter and its views share."""

from dataclasses import dataclass
from typing import Protocol

__all__ = ["Best", "Status", "View"]


@dataclass(frozen=True)
class Best:
    """The best network so far.

    Attributes:
      accuracy: on the validation examples, mean over seeds.
      total_params: its trainable parameters.
      architecture: its name.
    """

    accuracy: float
    total_params: int
    architecture: str


@dataclass(frozen=True)
class Status:
    """How far a search is.

    Attributes:
      done: trials, with fractions of those that train now; of other workers too.
      n_trials: at most so many; None if only time ends the search.
      seconds: since it began.
      rate: trials a second, waiting for compilers left out; None before the first.
      left: seconds that are expected to be left; None while nothing is known.
      share: of the search that is done, in [0, 1].
      stopped: trials that were stopped early by this process.
      best: None before the first network was evaluated.
      doing: what happens now.
    """

    done: float
    n_trials: int | None
    seconds: float
    rate: float | None
    left: float | None
    share: float
    stopped: int
    best: Best | None
    doing: str


class View(Protocol):
    """Shows what a reporter is told."""

    def note(self, line: str) -> None:
        """A line of its own."""
        ...

    def begin(self, now: Status) -> None:
        """A search begins."""
        ...

    def show(self, now: Status) -> None:
        """Something has changed; called several times a second."""
        ...

    def end(self, now: Status) -> None:
        """The search is over, or was broken off."""
        ...
