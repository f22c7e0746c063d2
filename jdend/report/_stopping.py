"""What each rung stopped, and by how narrow a margin, from the learning curves of the trials."""

from collections.abc import Sequence
from dataclasses import dataclass

from jdend.report._record import finite
from jdend.study import SearchResult

__all__ = ["RungRecord", "rungs_of"]


@dataclass(frozen=True)
class RungRecord:
    """A rung of one generation.

    Attributes:
      generation: from 1.
      epoch: the epoch after which trials were stopped.
      reached: how many trials trained that far.
      stopped: how many of them were stopped there.
      best_stopped, weakest_kept: the figure by the metric on the validation examples at that epoch,
        of the best that was stopped and of the weakest that went on; None where there is none.
      minimised: whether less of that metric is better.
    """

    generation: int
    epoch: int
    reached: int
    stopped: int
    best_stopped: float | None
    weakest_kept: float | None
    minimised: bool = False

    @property
    def crosses(self) -> bool:
        """Whether a stopped trial was better than one that went on: brackets allow that."""
        if self.best_stopped is None or self.weakest_kept is None:
            return False
        if self.minimised:
            return self.best_stopped < self.weakest_kept
        return self.best_stopped > self.weakest_kept


def rungs_of(generations: Sequence[Sequence[SearchResult]]) -> list[RungRecord]:
    """The rungs at which trials were stopped, by generation and epoch."""
    records = []
    for number, results in enumerate(generations, 1):
        minimised = any(r.minimised for r in results)
        best, worst = (min, max) if minimised else (max, min)
        for epoch in sorted({r.stopped_epoch for r in results if r.stopped_epoch is not None}):
            reached = [r for r in results if len(_curve(r)) >= epoch]
            stopped = [r for r in reached if r.stopped_epoch == epoch]
            # Trials that had ended before this epoch were ranked as well, but do not count here.
            continuing = [r for r in reached if r.stopped_epoch is None or r.stopped_epoch > epoch]
            records.append(
                RungRecord(
                    number,
                    epoch,
                    len(reached),
                    len(stopped),
                    best(_at(stopped, epoch), default=None),
                    worst(_at(continuing, epoch), default=None),
                    minimised,
                )
            )
    return records


def _curve(result: SearchResult) -> Sequence[float | None]:
    return result.history.get(f"validation_{result.metric}", ())


def _at(results: Sequence[SearchResult], epoch: int) -> list[float]:
    values = (_curve(result)[epoch - 1] for result in results)
    return [value for value in values if finite(value)]
