"""Which configurations train together: the planner of compiled programs."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from jdend.models import Configuration, Structure, architecture, count_params_of_sizes, nearest
from jdend.search.cost import Shapes, cost_of
from jdend.search.errors import SearchError
from jdend.search.packing import most_programs_worth, pack_shapes
from jdend.training import Bucket

__all__ = ["MODES", "Group", "Trial", "plan"]

# `exact`: one program a structure. `padded`: as few programs as possible. `auto`: what the cost
# model finds fastest.
MODES = ("auto", "exact", "padded")


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
      width: columns of the program, at least one a member.
    """

    bucket: Bucket
    seeds: tuple[int, ...]
    members: tuple[int, ...]
    width: int


def plan(
    trials: Sequence[Trial],
    mode: str = "auto",
    *,
    kernel: str = "auto",
    max_programs: int | None = None,
    n_examples: int = 60_000,
) -> list[Group]:
    """Divides trials into populations, in order of their first members.

    Trials can share a program if they differ in nothing but sizes, seeds apart: those smaller than
    the program's capacity are padded. An architecture whose constructor takes no true sizes has a
    program a structure.

    Args:
      trials: what will be trained.
      mode: one of `MODES`.
      kernel: how the buckets compute dendrites, see `jdend.kernels`.
      max_programs: at most so many, as far as architectures, batch sizes and seeds allow.
      n_examples: training examples an epoch, by which padding is weighed against compiling.

    Raises:
      SearchError: if the mode is unknown or `max_programs` is not a positive integer.
    """
    if mode not in MODES:
        raise SearchError(f"unknown buckets {mode!r}{nearest(mode, MODES)}")
    if max_programs is not None and (type(max_programs) is not int or max_programs < 1):
        raise SearchError(f"max_programs must be a positive integer, got {max_programs!r}")
    if mode == "exact":
        if max_programs is not None:
            raise SearchError("max_programs does not go with exact buckets: use auto or padded")
        families = _families(trials, exact=True)
    else:
        families = _families(trials, exact=False)
    if mode == "exact":
        divisions = [[members] for members in families]
    else:
        divisions = _divisions(trials, families, mode, kernel, max_programs, n_examples)
    groups = [_group(trials, members, kernel) for division in divisions for members in division]
    return sorted(groups, key=lambda group: group.members[0])


def _families(trials: Sequence[Trial], *, exact: bool) -> list[list[int]]:
    """Positions of the trials that could share a program."""
    families: dict[object, list[int]] = {}
    for position, trial in enumerate(trials):
        structure = trial.configuration.structure
        if not exact and architecture(structure.architecture).paddable:
            structure = replace(structure, values=_options(structure))
        families.setdefault((structure, trial.seeds), []).append(position)
    return list(families.values())


def _options(structure: Structure) -> tuple[tuple[str, int | bool | float | str], ...]:
    """What is not a size."""
    sizes = structure.sizes
    return tuple(item for item in structure.values if item[0] not in sizes)


def _divisions(
    trials: Sequence[Trial],
    families: list[list[int]],
    mode: str,
    kernel: str,
    max_programs: int | None,
    n_examples: int,
) -> list[list[list[int]]]:
    """Each family's populations, so many in all as cost least, or as few as can be."""
    fewest = len(families) if mode == "padded" and max_programs is None else max_programs
    options = [_options_of_family(trials, f, kernel, fewest, n_examples) for f in families]
    chosen = [min(range(len(o)), key=lambda p, o=o: o[p][0]) for o in options]
    # Over the limit, the program that is missed least is given up, one at a time.
    while fewest is not None and sum(p + 1 for p in chosen) > max(fewest, len(families)):
        losses = [
            options[f][p - 1][0] - options[f][p][0] if p > 0 else np.inf
            for f, p in enumerate(chosen)
        ]
        chosen[int(np.argmin(losses))] -= 1
    return [options[f][p][1] for f, p in enumerate(chosen)]


def _options_of_family(
    trials: Sequence[Trial], members: list[int], kernel: str, limit: int | None, n_examples: int
) -> list[tuple[float, list[list[int]]]]:
    """For 1, 2, … programs, the time of a family and the positions of its populations' trials."""
    first = trials[members[0]]
    structure, n_seeds = first.configuration.structure, len(first.seeds)
    steps_per_epoch = max(1, n_examples // structure.batch_size)
    by_shape: dict[tuple, list[int]] = {}
    for position in members:
        by_shape.setdefault(trials[position].configuration.structure.values, []).append(position)
    if len(by_shape) == 1:
        return [(0.0, [members])]
    positions = list(by_shape.values())
    each = [trials[p[0]].configuration.structure for p in positions]
    sizes = {name: np.array([s.sizes[name] for s in each]) for name in structure.sizes}
    lengths = [
        max(trials[i].configuration.hyperparameters.n_epochs for i in p) * steps_per_epoch
        for p in positions
    ]
    shapes = Shapes(
        sizes,
        params=count_params_of_sizes(structure, sizes),
        trials=np.array([len(p) * n_seeds for p in positions]),
        steps=np.array(lengths),
    )
    most = most_programs_worth(len(positions), limit)
    packed = pack_shapes(
        shapes,
        n_seeds,
        cost_of(kernel),
        lambda capacity: count_params_of_sizes(structure, capacity),
        most,
    )
    return [
        (time, [sorted(i for shape in group for i in positions[shape]) for group in groups])
        for time, groups in packed
    ]


def _group(trials: Sequence[Trial], members: list[int], kernel: str) -> Group:
    structures = [trials[i].configuration.structure for i in members]
    first = structures[0]
    padded = any(structure != first for structure in structures)
    if padded:
        largest = {name: max(s.sizes[name] for s in structures) for name in first.sizes}
        first = replace(first, values=tuple(sorted((*_options(first), *largest.items()))))
    return Group(
        Bucket(first, padded=padded, kernel=kernel),
        trials[members[0]].seeds,
        tuple(members),
        len(members),
    )
