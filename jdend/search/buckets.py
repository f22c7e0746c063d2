"""Which configurations train together: the planner of compiled programs."""

from collections.abc import Sequence
from dataclasses import dataclass

from jdend import kernels
from jdend.models import Configuration, nearest
from jdend.search.errors import SearchError
from jdend.training import Bucket

__all__ = ["MODES", "Group", "Trial", "plan"]

# `exact`: one bucket a structure. `auto`: what is fastest, which as long as there is nothing else
# is the same.
MODES = ("auto", "exact")


@dataclass(frozen=True)
class Trial:
    """A configuration and the seeds to train it with."""

    configuration: Configuration
    seeds: tuple[int, ...]


@dataclass(frozen=True)
class Group:
    """A population: trials that share a program and their seeds.

    Attributes:
      bucket: the program.
      seeds: with which all members are trained.
      members: positions in the list of trials that was planned.
    """

    bucket: Bucket
    seeds: tuple[int, ...]
    members: tuple[int, ...]


def plan(trials: Sequence[Trial], mode: str = "auto", *, kernel: str = "auto") -> list[Group]:
    """Divides trials into populations, in order of their first members.

    Args:
      trials: what will be trained.
      mode: one of `MODES`.
      kernel: how the buckets compute dendrites, see `jdend.kernels`.

    Raises:
      SearchError: if the mode or the kernel is unknown, or the kernel cannot be used here.
    """
    if mode not in MODES:
        raise SearchError(f"unknown buckets {mode!r}{nearest(mode, MODES)}")
    try:
        kernels.resolve(kernel)
    except (ValueError, RuntimeError) as error:
        raise SearchError(str(error)) from None
    groups: dict[object, list[int]] = {}
    for position, trial in enumerate(trials):
        key = (trial.configuration.structure, trial.seeds)
        groups.setdefault(key, []).append(position)
    return [
        Group(
            Bucket(trials[members[0]].configuration.structure, kernel=kernel),
            trials[members[0]].seeds,
            tuple(members),
        )
        for members in groups.values()
    ]
