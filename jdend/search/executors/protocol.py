"""The contract between the search loop and what trains its populations.

The loop alone proposes, plans, ranks at rungs and writes the study. It submits populations with the
epoch up to which they shall be trained, and gets back where they stand, or in the end their
outcomes. What is asked for is named by generation, population and epoch; to ask for it again does
no harm, since figures follow from keys alone.

Shape letters: `S` seeds, `C` configurations.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from jaxtyping import Float

from jdend.data import Split
from jdend.models import Configuration
from jdend.search.planning.cost_model import narrowing
from jdend.training import ACCURACY, Bucket, Metric, Narrow, Outcome, Progress

__all__ = ["Executor", "Kept", "Part", "Watcher", "Work"]


@dataclass(frozen=True, eq=False)
class Work:
    """A planned population, with all that its figures follow from.

    Attributes:
      generation, number: the numbers of its generation, and of the population in it.
      bucket: what its columns share.
      configurations: those of its `C` columns; members come first, then fillers.
      seeds: its `S` seeds.
      n_members: how many of its columns are trials.
      params: the mean number of its members' trainable parameters.
      data: what it is trained on.
      metric: what its networks are measured by.
      seconds: how long it will train, as predicted.
    """

    generation: int
    number: int
    bucket: Bucket
    configurations: Sequence[Configuration]
    seeds: Sequence[int]
    n_members: int
    params: float
    data: Split
    metric: Metric = ACCURACY
    seconds: float = 0.0

    @property
    def narrow(self) -> Narrow:
        """Decides to which width it is narrowed when trials have ended."""
        return narrowing(self.bucket, self.params, len(self.seeds))


class Kept(Protocol):
    """The state of a part, as of `jdend.training.Snapshot`."""

    def to_bytes(self) -> bytes: ...


class Part(Protocol):
    """Columns of a population that train together; `jdend.training.Run` is one, and says what the
    names mean. Only an executor trains it."""

    @property
    def configurations(self) -> Sequence[Configuration]: ...
    @property
    def seeds(self) -> Sequence[int]: ...
    @property
    def metric(self) -> Metric: ...
    @property
    def epoch(self) -> int: ...
    @property
    def ends(self) -> Sequence[int]: ...
    @property
    def score(self) -> Float[np.ndarray, "S C"]: ...
    @property
    def steps_done(self) -> int: ...
    @property
    def epochs_done(self) -> float: ...
    @property
    def is_measured(self) -> bool: ...
    def score_after(self, epoch: int) -> Float[np.ndarray, "S C"]: ...
    def stop(self, configurations: Sequence[int]) -> None: ...
    def outcomes(self) -> Sequence[Outcome]: ...
    def outcomes_so_far(self) -> Sequence[Outcome | None]: ...
    def snapshot(self) -> Kept: ...
    def restore(self, content: bytes) -> None: ...


class Watcher(Protocol):
    """Is told by an executor what happens, in the thread of the search loop."""

    def wait(self, programs: Future[object], work: Work) -> None:
        """Returns when the programs of a population are compiled."""
        ...

    def begin(self, work: Work, parts: Sequence[Part]) -> None:
        """Parts are made, and not begun; they are restored if an earlier search kept them."""
        ...

    def enter(self, work: Work, part: Part) -> None:
        """`look` is about this part from now on."""
        ...

    def look(self, progress: Progress) -> None:
        """How far a part is; called about once a second."""
        ...

    def note(self, line: str) -> None:
        """Shows a line to the user."""
        ...


class Executor(Protocol):
    """Trains populations, wherever it wants.

    Attributes:
      is_local: whether it trains in this process, one population after another.
    """

    @property
    def is_local(self) -> bool: ...

    def n_workers(self, data: Split) -> int:
        """How many populations it trains at the same time, at least one.

        Args:
          data: what they are trained on.
        """
        ...

    def submit(
        self, works: Sequence[Work], epoch: int | None, watcher: Watcher
    ) -> Iterator[tuple[Work, Sequence[Part]]]:
        """Trains populations of a generation; yields each with its parts as soon as it is there.

        Args:
          works: the populations. Those of a generation keep what they have come to from one call to
            the next; `Part.stop` may end trials in between.
          epoch: how many epochs shall be done; None to train and measure all to their end, after
            which the population is forgotten.
          watcher: is told what happens.
        """
        ...

    def close(self) -> None:
        """Gives back what it holds; it can be used again."""
        ...
