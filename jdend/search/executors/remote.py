"""A population that a worker trains, as the search loop sees it: what the worker last said of it.

Shape letters: `S` seeds (times folds, if there are), `C` configurations.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from safetensors import SafetensorError
from safetensors.numpy import load

from jdend.search.executors.protocol import Work
from jdend.search.executors.worker import Report
from jdend.training import Outcome, Progress

__all__ = ["RemotePart"]


@dataclass(frozen=True)
class _Content:
    """A state as bytes."""

    content: bytes

    def to_bytes(self) -> bytes:
        return self.content


class RemotePart:
    """All columns of a population; a `jdend.search.executors.protocol.Part`.

    Args:
      work: the population.

    Attributes:
      stops: at which epochs which columns were stopped, from the beginning.
      content: its last state; None before the first.
      asked: the epoch that was last asked for; None for the end.
    """

    def __init__(self, work: Work):
        self.configurations, self.metric = work.configurations, work.metric
        self.seeds = tuple(work.seeds)
        self.epoch, self.epochs_done, self.steps_done = 0, 0.0, 0
        self.ends: list[int] = [c.hyperparameters.n_epochs for c in work.configurations]
        n_members = len(self.seeds) * work.data.n_folds
        self.score: Float[np.ndarray, "S C"] = np.full((n_members, len(self.ends)), np.nan)
        self.stops: list[tuple[int, tuple[int, ...]]] = []
        self.content: bytes | None = None
        self.asked: int | None = 0
        self._so_far: Sequence[Outcome | None] = [None] * len(self.ends)
        self._outcomes: Sequence[Outcome] | None = None

    @property
    def is_measured(self) -> bool:
        return self._outcomes is not None

    def score_after(self, epoch: int) -> Float[np.ndarray, "S C"]:
        if epoch != self.asked:
            raise ValueError(f"trained to epoch {self.asked}, and asked for the score at {epoch}")
        return self.score

    def stop(self, configurations: Sequence[int]) -> None:
        """Takes effect in the worker, when it is asked for more."""
        at = self.epoch if self.asked is None else self.asked
        if configurations:
            self.stops.append((at, tuple(configurations)))
        for c in configurations:
            if self.ends[c] > self.epoch:
                self.ends[c] = self.epoch

    def outcomes(self) -> Sequence[Outcome]:
        if self._outcomes is None:
            raise ValueError("it was not trained to its end yet")
        return self._outcomes

    def outcomes_so_far(self) -> Sequence[Outcome | None]:
        return self._so_far

    def snapshot(self) -> _Content:
        if self.content is None:
            raise RuntimeError("no worker has said yet where it stands")
        return _Content(self.content)

    def restore(self, content: bytes) -> None:
        """Its worker goes on from there; only epochs are read here."""
        try:
            tensors = load(content)
            self.epoch, self.ends = int(tensors["epoch"]), tensors["ends"].tolist()
        except (SafetensorError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"not the state of such a population: {error}") from error
        self.content, self.epochs_done, self.steps_done = content, float(self.epoch), self.epoch

    def take(self, report: Report) -> None:
        """Is told where it stands."""
        self.epoch, self.epochs_done = report.epoch, report.epochs_done
        self.steps_done, self.ends, self.score = report.steps_done, report.ends, report.score
        self._so_far, self._outcomes = report.so_far, report.outcomes
        self.content = report.content or self.content

    def see(self, progress: Progress) -> None:
        """Is told how far it is, between two states."""
        self.epoch, self.score = int(progress.epoch), progress.score

    def progress(self) -> Progress:
        """How far it is, at the end of what was asked for."""
        n_epochs = max(c.hyperparameters.n_epochs for c in self.configurations)
        return Progress(self.epochs_done, n_epochs, self.score.size, self.score, 0.0, 0.0)
