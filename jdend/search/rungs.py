"""The rungs of one generation: at which epochs weak trials are stopped, and which ones.

A rung is at the same epoch for all trials, and none passes it before all have reached it.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float

from jdend.search.pruners import Bracket

__all__ = ["Rungs"]


class Rungs:
    """The rungs of one generation.

    Args:
      brackets: the brackets into which its trials are divided.
      n_epochs: the epochs of each trial, by position, if it is not stopped.

    Attributes:
      epochs: the epochs with a rung, in order.
    """

    def __init__(self, brackets: Sequence[Bracket], n_epochs: Sequence[int]):
        self._brackets, self._n_epochs = tuple(brackets), np.asarray(n_epochs)
        self.epochs: Sequence[int] = sorted(
            {rung.epoch for bracket in brackets for rung in bracket.rungs}
        )

    def stopped(
        self, epoch: int, score: Float[np.ndarray, " n"], live: Bool[np.ndarray, " n"]
    ) -> list[int]:
        """The positions of the trials to stop at a rung.

        Trials that are finished are ranked with the others, and count among those that go on.
        Trials whose score is NaN come last. Of two with equal scores the earlier is better.

        Args:
          epoch: one of `epochs`.
          score: each trial's, after its last epoch, mean over seeds; more is better.
          live: which trials are neither finished nor stopped.
        """
        out = ~live & (self._n_epochs > epoch)  # stopped before
        score = np.where(np.isnan(score), -np.inf, score)
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
        """The epochs that each trial would be trained if its score were drawn at random."""
        ends, score = self._n_epochs.copy(), np.random.default_rng(0).random(len(self._n_epochs))
        for epoch in self.epochs:
            ends[self.stopped(epoch, score, ends > epoch)] = epoch
        return ends.tolist()
