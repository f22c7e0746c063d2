"""Rungs: at which epochs weak trials are stopped, and which these are.

Successive halving (Jamieson & Talwalkar 2016) and Hyperband (Li et al. 2018) over one generation:
at each rung, of the trials that are left those of highest validation accuracy, averaged over seeds,
go on. A rung is the same epoch for all, and no trial passes it before all have reached it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

__all__ = ["ETA", "Bracket", "Rung", "Rungs", "brackets"]

# One in so many goes on.
ETA = 3


@dataclass(frozen=True)
class Rung:
    """After `epoch` epochs, the best `keep` go on."""

    epoch: int
    keep: int


@dataclass(frozen=True)
class Bracket:
    """Trials that are ranked among themselves, by position, and their rungs."""

    members: tuple[int, ...]
    rungs: tuple[Rung, ...]


def brackets(
    pruner: str, members: Sequence[int], n_epochs: int, *, eta: int = ETA
) -> list[Bracket]:
    """The brackets of a generation's trials.

    With `halving` there is one, which stops as early as it can: a trial in `eta` passes each rung,
    at epochs that grow by a factor of `eta` up to `n_epochs`. With `hyperband` there are several:
    the first is that of `halving`, each further one skips another rung, and the last stops none.
    Trials are shared out so that the brackets cost about the same.

    Args:
      pruner: `none`, `halving` or `hyperband`.
      members: trials that may be compared: they share a budget.
      n_epochs: of the longest.
      eta: at least 2.
    """
    n_rungs = min(_log(len(members), eta), _log(n_epochs, eta))
    if pruner == "none" or n_rungs == 0:
        return [Bracket(tuple(members), ())]
    depths = range(n_rungs, -1, -1) if pruner == "hyperband" else [n_rungs]
    weights = [math.ceil((n_rungs + 1) / (depth + 1) * eta**depth) for depth in depths]
    found = []
    for depth, some in zip(depths, _shared_out(members, weights), strict=True):
        if some:
            found.append(Bracket(tuple(some), _rungs(len(some), n_epochs, depth, eta)))
    return found


class Rungs:
    """The rungs of one generation.

    Args:
      found: brackets that hold all of its trials.
      n_epochs: of each trial, by position, if it is not stopped.

    Attributes:
      epochs: at which there are rungs, in order.
    """

    def __init__(self, found: Sequence[Bracket], n_epochs: Sequence[int]):
        self._brackets, self._n_epochs = tuple(found), np.asarray(n_epochs)
        self.epochs: Sequence[int] = sorted(
            {rung.epoch for bracket in found for rung in bracket.rungs}
        )

    def stopped(
        self, epoch: int, accuracy: Float[np.ndarray, " n"], live: Bool[np.ndarray, " n"]
    ) -> list[int]:
        """Positions of the trials to stop after so many epochs.

        Trials that have ended by themselves take part in the ranking, and keep their place. Those
        whose accuracy is NaN come last; of equals the earlier goes on.

        Args:
          epoch: one of `epochs`.
          accuracy: validation accuracy, mean over seeds, of the last epoch that each trained.
          live: which still train.
        """
        out = ~live & (self._n_epochs > epoch)  # stopped before
        score = np.where(np.isnan(accuracy), -np.inf, accuracy)
        found = []
        for bracket in self._brackets:
            for rung in bracket.rungs:
                if rung.epoch == epoch:
                    ranked = sorted(
                        (t for t in bracket.members if not out[t]), key=lambda t: (-score[t], t)
                    )
                    found += [t for t in ranked[rung.keep :] if live[t]]
        return sorted(found)

    def example(self) -> list[int]:
        """After how many epochs each trial would end if accuracy were drawn at random."""
        ends, accuracy = self._n_epochs.copy(), np.random.default_rng(0).random(len(self._n_epochs))
        for epoch in self.epochs:
            ends[self.stopped(epoch, accuracy, ends > epoch)] = epoch
        return ends.tolist()


def _rungs(n: int, n_epochs: int, depth: int, eta: int) -> tuple[Rung, ...]:
    """`depth` rungs, the last an `eta`-th of the way; as many as `n` trials allow."""
    found: dict[int, Rung] = {}
    for k in range(1, min(depth, _log(n, eta)) + 1):
        epoch = max(1, round(n_epochs / eta ** (depth - k + 1)))
        found[epoch] = Rung(epoch, math.ceil(n / eta**k))
    return tuple(found.values())


def _shared_out(members: Sequence[int], weights: Sequence[int]) -> list[list[int]]:
    """The members in turn to whoever has least of its share."""
    parts: list[list[int]] = [[] for _ in weights]
    for member in members:
        least = min(range(len(weights)), key=lambda i: (len(parts[i]) + 1) / weights[i])
        parts[least].append(member)
    return parts


def _log(n: int, eta: int) -> int:
    """The whole part of the logarithm."""
    found = 0
    while eta ** (found + 1) <= n:
        found += 1
    return found
