"""A run whose networks are kept after every epoch, so that none of them is trained again."""

from collections.abc import Sequence
from typing import Any

from jdend.training._kept_networks import KeptNetworks
from jdend.training._outcome import Outcome
from jdend.training._run import Run

__all__ = ["KeepingRun"]


class KeepingRun(Run):
    """A `Run` that tells `KeptNetworks` what its networks are before training and after each epoch.

    Args:
      networks: what keeps them; None to keep none.
      others: the other arguments, as of `Run`.
    """

    def __init__(self, *positional: Any, networks: KeptNetworks | None = None, **others: Any):
        super().__init__(*positional, **others)
        self._networks = networks

    def stop(self, configurations: Sequence[int]) -> None:
        stopped = [c for c in configurations if c in self.live]
        super().stop(configurations)
        self._let_go(stopped)

    def outcomes(self) -> list[Outcome]:
        outcomes = super().outcomes()
        if self._networks is not None:
            self._networks.finish(self, self.bucket.precision, outcomes)
        return outcomes

    def _make_ready(self) -> None:
        is_new = not self._states
        super()._make_ready()
        if is_new:
            self._note(0)

    def _record(self) -> None:
        super()._record()
        self._note(self.epoch + 1)

    def _note(self, epoch: int) -> None:
        if self._networks is not None:
            columns = {c: self._columns.index(c) for c in self.live}
            self._networks.note(self, epoch, self._states, columns)

    def _let_go(self, positions: Sequence[int]) -> None:
        if self._networks is not None:
            self._networks.drop(self, positions)
