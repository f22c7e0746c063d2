"""The pruners: at which epochs weak trials of a generation are stopped, and how many go on.

These are successive halving (Jamieson & Talwalkar 2016) and Hyperband (Li et al. 2018) within one
generation: at each rung, the remaining trials with the highest validation accuracy (mean over
seeds) go on. The command line's help shows the names, so nothing heavy is imported here.
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

# At each rung, one trial in so many goes on.
ETA = 3


@dataclass(frozen=True)
class Rung:
    """After `epoch` epochs, the best `keep` trials go on and the others are stopped."""

    epoch: int
    keep: int


@dataclass(frozen=True)
class Bracket:
    """The positions of trials that are ranked among themselves, and their rungs in order."""

    members: tuple[int, ...]
    rungs: tuple[Rung, ...] = ()


@dataclass(frozen=True)
class Pruner:
    """A rule that stops weak trials early.

    Attributes:
      name: its name on the command line and in records.
      brackets: a function that divides trials into brackets. Its arguments are the positions of
        trials that may be compared, since they share a budget, and the epochs of the longest.
      stops: whether it stops any trials.
    """

    name: str
    brackets: Callable[[Sequence[int], int], Sequence[Bracket]]
    stops: bool = True

    def divide(self, members: Sequence[int], n_epochs: int) -> Sequence[Bracket]:
        """The brackets of these trials, checked.

        Raises:
          SearchError: unless each trial is in one bracket, the epochs of a bracket's rungs ascend
            and lie before the last epoch, and at each rung at least one trial goes on, and not more
            than at the rung before.
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
    """One bracket without rungs, so that no trial is stopped."""
    return [Bracket(tuple(members))]


def halving(members: Sequence[int], n_epochs: int, *, eta: int = ETA) -> list[Bracket]:
    """One bracket with as many rungs as possible. At each rung one trial in `eta` goes on, and the
    epochs of successive rungs grow by a factor of `eta` up to `n_epochs`.

    Args:
      members: the positions of trials that may be compared.
      n_epochs: the epochs of the longest of these trials.
      eta: a whole number of at least 2.
    """
    n_rungs = _n_rungs(len(members), n_epochs, eta)
    return [Bracket(tuple(members), _rungs(len(members), n_epochs, n_rungs, eta))]


def hyperband(members: Sequence[int], n_epochs: int, *, eta: int = ETA) -> list[Bracket]:
    """Several brackets: the first has the rungs of `halving`, each further one leaves out one more
    of the early rungs, and the last has none. The trials are divided so that training takes about
    the same time for each bracket.

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
    """Adds a pruner to those that `optimize` and `--pruner` find by name; returns it.

    If the name was registered before, the new pruner replaces the old one.
    """
    _PRUNERS[pruner.name] = pruner
    return pruner


def pruners() -> tuple[str, ...]:
    """The names of all registered pruners."""
    return tuple(_PRUNERS)


def find_pruner(pruner: object) -> Pruner:
    """The registered pruner of this name, or `SearchError`; a `Pruner` is returned unchanged."""
    if isinstance(pruner, Pruner):
        return pruner
    if pruner not in _PRUNERS:
        raise SearchError(f"unknown pruner {pruner!r}{did_you_mean(pruner, _PRUNERS)}")
    return _PRUNERS[str(pruner)]


def _n_rungs(n: int, n_epochs: int, eta: int) -> int:
    """The largest number of rungs for `n` trials and `n_epochs` epochs."""
    return min(_log(n, eta), _log(n_epochs, eta))


def _rungs(n: int, n_epochs: int, depth: int, eta: int) -> tuple[Rung, ...]:
    """`depth` rungs, or as many as `n` trials allow; the last of `depth` is at `n_epochs / eta`."""
    rungs: dict[int, Rung] = {}
    for k in range(1, min(depth, _log(n, eta)) + 1):
        epoch = max(1, round(n_epochs / eta ** (depth - k + 1)))
        rungs[epoch] = Rung(epoch, math.ceil(n / eta**k))
    return tuple(rungs.values())


def _shared_out(members: Sequence[int], weights: Sequence[int]) -> list[list[int]]:
    """Divides the members in proportion to the weights: each goes to the part that is furthest
    behind its share."""
    parts: list[list[int]] = [[] for _ in weights]
    for member in members:
        least = min(range(len(weights)), key=lambda i: (len(parts[i]) + 1) / weights[i])
        parts[least].append(member)
    return parts


def _log(n: int, eta: int) -> int:
    """The logarithm of `n` to the base `eta`, rounded down."""
    exponent = 0
    while eta ** (exponent + 1) <= n:
        exponent += 1
    return exponent


register_pruner(Pruner("none", none, stops=False))
register_pruner(Pruner("halving", halving))
register_pruner(Pruner("hyperband", hyperband))
