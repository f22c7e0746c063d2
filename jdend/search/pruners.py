"""Pruners by name: at which epochs weak trials of a generation are stopped, and how many go on.

Successive halving (Jamieson & Talwalkar 2016) and Hyperband (Li et al. 2018) over one generation:
at each rung, of the trials that are left those of highest validation accuracy, averaged over seeds,
go on. Nothing heavy is imported: the command line's help has the names from here.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from jdend._messages import did_you_mean
from jdend.search.errors import SearchError

__all__ = [
    "ETA",
    "Bracket",
    "Pruner",
    "Rung",
    "find_pruner",
    "halving",
    "hyperband",
    "none",
    "pruners",
    "register_pruner",
]

# One in so many goes on.
ETA = 3


@dataclass(frozen=True)
class Rung:
    """After `epoch` epochs, the best `keep` go on."""

    epoch: int
    keep: int


@dataclass(frozen=True)
class Bracket:
    """Trials that are ranked among themselves, by position, and their rungs in order."""

    members: tuple[int, ...]
    rungs: tuple[Rung, ...] = ()


@dataclass(frozen=True)
class Pruner:
    """What stops weak trials early.

    Attributes:
      name: what the command line and records call it.
      brackets: given the positions of trials that may be compared (they share a budget) and the
        epochs of the longest of them, the brackets that they are divided into.
      stops: whether it ever stops a trial.
    """

    name: str
    brackets: Callable[[Sequence[int], int], Sequence[Bracket]]
    stops: bool = True

    def divide(self, members: Sequence[int], n_epochs: int) -> Sequence[Bracket]:
        """The brackets of some trials.

        Raises:
          SearchError: if the pruner does not keep its contract: each trial in one bracket; a
            bracket's epochs ascend and lie before the last, and never more trials go on, but one.
        """
        brackets = self.brackets(members, n_epochs)
        placed = sorted(member for bracket in brackets for member in bracket.members)
        if placed != sorted(members):
            raise SearchError(f"pruner {self.name!r} must put every trial into one bracket")
        for bracket in brackets:
            epochs = [0, *(rung.epoch for rung in bracket.rungs), n_epochs]
            kept = [len(bracket.members), *(rung.keep for rung in bracket.rungs)]
            ascend = all(before < after for before, after in pairwise(epochs))
            fall = all(1 <= after <= before for before, after in pairwise(kept))
            if bracket.rungs and not (ascend and fall):
                raise SearchError(
                    f"pruner {self.name!r} gave {len(bracket.members)} trials of {n_epochs} epochs "
                    f"the rungs {[(rung.epoch, rung.keep) for rung in bracket.rungs]}; epochs must "
                    f"ascend from 1 to {n_epochs - 1}, and fewer and fewer go on, but one at least"
                )
        return brackets


def none(members: Sequence[int], n_epochs: int) -> list[Bracket]:
    """One bracket that stops none."""
    return [Bracket(tuple(members))]


def halving(members: Sequence[int], n_epochs: int, *, eta: int = ETA) -> list[Bracket]:
    """One bracket, which stops as early as it can: a trial in `eta` passes each rung, at epochs
    that grow by a factor of `eta` up to `n_epochs`.

    Args:
      members: trials that may be compared.
      n_epochs: of the longest.
      eta: at least 2.
    """
    n_rungs = _n_rungs(len(members), n_epochs, eta)
    return [Bracket(tuple(members), _rungs(len(members), n_epochs, n_rungs, eta))]


def hyperband(members: Sequence[int], n_epochs: int, *, eta: int = ETA) -> list[Bracket]:
    """Several brackets: the first is that of `halving`, each further one skips another rung, and
    the last stops none. Trials are shared out so that the brackets cost about the same.

    Args: as `halving`.
    """
    n_rungs = _n_rungs(len(members), n_epochs, eta)
    depths = range(n_rungs, -1, -1)
    weights = [math.ceil((n_rungs + 1) / (depth + 1) * eta**depth) for depth in depths]
    parts = zip(depths, _shared_out(members, weights), strict=True)
    return [
        Bracket(tuple(part), _rungs(len(part), n_epochs, depth, eta))
        for depth, part in parts
        if part
    ]


_PRUNERS: dict[str, Pruner] = {}


def register_pruner(pruner: Pruner) -> Pruner:
    """Makes a pruner known by its name, to `optimize` and to `--pruner`; returns it.

    Registering a name again replaces it.
    """
    _PRUNERS[pruner.name] = pruner
    return pruner


def pruners() -> tuple[str, ...]:
    """The names of all registered pruners."""
    return tuple(_PRUNERS)


def find_pruner(pruner: object) -> Pruner:
    """The pruner of that name, or the pruner itself; `SearchError` if there is none."""
    if isinstance(pruner, Pruner):
        return pruner
    if pruner not in _PRUNERS:
        raise SearchError(f"unknown pruner {pruner!r}{did_you_mean(pruner, _PRUNERS)}")
    return _PRUNERS[str(pruner)]


def _n_rungs(n: int, n_epochs: int, eta: int) -> int:
    """How many rungs so many trials and epochs allow."""
    return min(_log(n, eta), _log(n_epochs, eta))


def _rungs(n: int, n_epochs: int, depth: int, eta: int) -> tuple[Rung, ...]:
    """`depth` rungs, the last an `eta`-th of the way; as many as `n` trials allow."""
    rungs: dict[int, Rung] = {}
    for k in range(1, min(depth, _log(n, eta)) + 1):
        epoch = max(1, round(n_epochs / eta ** (depth - k + 1)))
        rungs[epoch] = Rung(epoch, math.ceil(n / eta**k))
    return tuple(rungs.values())


def _shared_out(members: Sequence[int], weights: Sequence[int]) -> list[list[int]]:
    """The members in turn to whoever has least of its share."""
    parts: list[list[int]] = [[] for _ in weights]
    for member in members:
        least = min(range(len(weights)), key=lambda i: (len(parts[i]) + 1) / weights[i])
        parts[least].append(member)
    return parts


def _log(n: int, eta: int) -> int:
    """The whole part of the logarithm."""
    exponent = 0
    while eta ** (exponent + 1) <= n:
        exponent += 1
    return exponent


register_pruner(Pruner("none", none, stops=False))
register_pruner(Pruner("halving", halving))
register_pruner(Pruner("hyperband", hyperband))
