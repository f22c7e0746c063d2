"""Which configurations train together: the planner of compiled programs."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from jdend._words import did_you_mean
from jdend.models import (
    Structure,
    architecture,
    count_params,
    count_params_of_sizes,
)
from jdend.search.errors import SearchError
from jdend.search.planning.cost_model import ShapeLoads, column_count, cost_of
from jdend.search.planning.partition import most_programs_worth, pack_shapes
from jdend.search.planning.population import PlannedPopulation, Trial
from jdend.training import Bucket

__all__ = ["MODES", "plan", "programs"]

# `exact`: one program a structure. `padded`: as few programs as possible. `auto`: what the cost
# model finds fastest.
MODES = ("auto", "exact", "padded")


def plan(
    trials: Sequence[Trial],
    mode: str = "auto",
    *,
    kernel: str = "auto",
    max_programs: int | None = None,
    n_examples: int = 60_000,
    weight: float = 1.0,
    generations: float = 1.0,
    within: Sequence[PlannedPopulation] = (),
) -> list[PlannedPopulation]:
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
      weight: how often such trials will be trained.
      generations: in how many, each of which has its batches for each program.
      within: populations of `programs`, whose programs are taken by the trials that fit them. Then
        there are as many columns as `column_count` says, so that generations of about one size
        share their programs.

    Raises:
      SearchError: if the mode is unknown or `max_programs` is not a positive integer.
    """
    if mode not in MODES:
        raise SearchError(f"unknown buckets {mode!r}{did_you_mean(mode, MODES)}")
    if max_programs is not None and (type(max_programs) is not int or max_programs < 1):
        raise SearchError(f"max_programs must be a positive integer, got {max_programs!r}")
    if mode == "exact" and max_programs is not None:
        raise SearchError("max_programs does not go with exact buckets: use auto or padded")
    groups, left = _into(trials, within)
    families = _families(trials, left, exact=mode == "exact")
    if mode == "exact":
        divisions = [[members] for members in families]
    else:
        divisions = _divisions(
            trials, families, mode, kernel, max_programs, n_examples, weight, generations
        )
    groups += [_group(trials, members, kernel) for division in divisions for members in division]
    if within:
        groups = [replace(group, width=column_count(len(group.members))) for group in groups]
    return sorted(groups, key=lambda group: group.members[0])


def programs(
    sample: Sequence[Trial], n_planned: int = 128, *, weight: float = 1.0, **options
) -> list[PlannedPopulation]:
    """The programs of a search of many generations: what `plan` takes for `within`.

    Args:
      sample: trials such as will be trained; all of them will fit.
      n_planned: how many of them are planned; to the capacities then found the others are added.
      weight, options: of `plan`.
    """
    groups = plan(sample[:n_planned], weight=weight * len(sample) / n_planned, **options)
    for trial in sample[n_planned:]:
        structure = trial.configuration.structure
        if any(_takes(group, trial) for group in groups):
            continue
        grown = [(i, _grown(group, trial)) for i, group in enumerate(groups)]
        larger = [(i, group) for i, group in grown if group is not None]
        if larger:
            i, group = min(larger, key=lambda item: count_params(item[1].bucket.structure))
            groups[i] = group
        else:
            bucket = Bucket(structure, kernel=groups[0].bucket.kernel)
            groups.append(PlannedPopulation(bucket, trial.seeds, (0,), 1))
    return groups


def _takes(group: PlannedPopulation, trial: Trial) -> bool:
    return group.seeds == trial.seeds and group.bucket.fits(trial.configuration.structure)


def _grown(group: PlannedPopulation, trial: Trial) -> PlannedPopulation | None:
    """The group with room for a trial; None if it is of another family."""
    structure, bucket = trial.configuration.structure, group.bucket
    largest = _capacity([bucket.structure, structure])
    larger = replace(group, bucket=replace(bucket, structure=largest, padded=True))
    same_sizes = structure.sizes.keys() == bucket.structure.sizes.keys()
    return larger if same_sizes and _takes(larger, trial) else None


def _into(
    trials: Sequence[Trial], within: Sequence[PlannedPopulation]
) -> tuple[list[PlannedPopulation], list[int]]:
    """Trials in the smallest of the programs that they fit, and those that fit none."""
    by_size = sorted(within, key=lambda group: count_params(group.bucket.structure))
    members: dict[PlannedPopulation, list[int]] = {}
    left = []
    for position, trial in enumerate(trials):
        fitting = next((group for group in by_size if _takes(group, trial)), None)
        (left if fitting is None else members.setdefault(fitting, [])).append(position)
    return [replace(group, members=tuple(some)) for group, some in members.items()], left


def _families(trials: Sequence[Trial], some: list[int], *, exact: bool) -> list[list[int]]:
    """Positions of those trials that could share a program."""
    families: dict[object, list[int]] = {}
    for position in some:
        trial = trials[position]
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
    weight: float,
    generations: float,
) -> list[list[list[int]]]:
    """Each family's populations, so many in all as cost least, or as few as can be."""
    fewest = len(families) if mode == "padded" and max_programs is None else max_programs
    options = [
        _options_of_family(trials, f, kernel, fewest, n_examples, weight, generations)
        for f in families
    ]
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
    trials: Sequence[Trial],
    members: list[int],
    kernel: str,
    limit: int | None,
    n_examples: int,
    weight: float,
    generations: float,
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

    def resamplings(position: int) -> float:
        every = trials[position].configuration.hyperparameters.steps_to_resample
        return 1 / every if every else 0.0

    shapes = ShapeLoads(
        sizes,
        params=count_params_of_sizes(structure, sizes),
        trials=np.array([weight * len(p) * n_seeds for p in positions]),
        steps=np.array(lengths),
        resamplings=np.array([weight * n_seeds * sum(map(resamplings, p)) for p in positions]),
        batch_size=structure.batch_size,
    )
    most = most_programs_worth(len(positions), limit)
    packed = pack_shapes(
        shapes,
        n_seeds * generations,
        cost_of(kernel),
        lambda capacity: count_params_of_sizes(structure, capacity),
        most,
    )
    return [
        (time, [sorted(i for shape in group for i in positions[shape]) for group in groups])
        for time, groups in packed
    ]


def _group(trials: Sequence[Trial], members: list[int], kernel: str) -> PlannedPopulation:
    structures = [trials[i].configuration.structure for i in members]
    first = structures[0]
    padded = any(structure != first for structure in structures)
    return PlannedPopulation(
        Bucket(_capacity(structures) if padded else first, padded=padded, kernel=kernel),
        trials[members[0]].seeds,
        tuple(members),
        len(members),
    )


def _capacity(structures: Sequence[Structure]) -> Structure:
    """The smallest that is at least each of some that differ in nothing but sizes."""
    first = structures[0]
    largest = {name: max(s.sizes.get(name, 0) for s in structures) for name in first.sizes}
    return replace(first, values=tuple(sorted((*_options(first), *largest.items()))))
