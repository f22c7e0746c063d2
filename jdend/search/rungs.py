"""The rungs of one generation: which of its trials are stopped, and when.

A rung is the same epoch for all, and no trial passes it before all have reached it.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float

from jdend.search.pruners import Bracket

__all__ = ["Rungs"]


class Rungs:
    """The rungs of one generation.

    Args:
      brackets: of all of its trials.
      n_epochs: of each trial, by position, if it is not stopped.

    Attributes:
      epochs: at which there are rungs, in order.
    """

    def __init__(self, brackets: Sequence[Bracket], n_epochs: Sequence[int]):
        self._brackets, self._n_epochs = tuple(brackets), np.asarray(n_epochs)
        self.epochs: Sequence[int] = sorted(
            {rung.epoch for bracket in brackets for rung in bracket.rungs}
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
        stopped: list[int] = []
        for bracket in self._brackets:
            for rung in bracket.rungs:
                if rung.epoch == epoch:
                    ranked = sorted(
                        (t for t in bracket.members if not out[t]), key=lambda t: (-score[t], t)
                    )
                    stopped += [t for t in ranked[rung.keep :] if live[t]]
        return sorted(stopped)

    def example(self) -> list[int]:
        """After how many epochs each trial would end if accuracy were drawn at random."""
        ends, accuracy = self._n_epochs.copy(), np.random.default_rng(0).random(len(self._n_epochs))
        for epoch in self.epochs:
            ends[self.stopped(epoch, accuracy, ends > epoch)] = epoch
        return ends.tolist()
