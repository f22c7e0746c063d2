"""Which configurations train together: the planner of compiled programs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from jdend._messages import did_you_mean
from jdend.models import (
    Structure,
    architecture,
    count_params,
    count_params_of_sizes,
)
from jdend.search.errors import SearchError
from jdend.search.planning.cost_model import Cost, ShapeLoads, column_count, cost_of
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
    kernel: str,
    max_programs: int | None = None,
    n_examples: int = 60_000,
    weight: float = 1.0,
    generations: float = 1.0,
    within: Sequence[PlannedPopulation] = (),
) -> list[PlannedPopulation]:
    """Divides trials into populations, in order of their first members.

    Trials can share a program if they differ in nothing but sizes, seeds apart: those smaller than
    the program's capacity are padded. An architecture whose constructor takes no true sizes has a
    program for each structure.

    Args:
      trials: what will be trained.
      mode: one of `MODES`.
      kernel: how the populations compute dendrites; a kernel's own name, never "auto".
      max_programs: the most programs, as far as architectures, batch sizes and seeds allow.
      n_examples: training examples an epoch, by which padding is weighed against compiling.
      weight: how often such trials will be trained.
      generations: in how many generations, each of which has its batches for each program.
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
    populations, left = _in_programs(trials, within)
    families = _families(trials, left, exact=mode == "exact")
    if mode != "exact":
        limit = len(families) if mode == "padded" and max_programs is None else max_programs
        costs = _Costs(cost_of(kernel), n_examples, weight, generations)
        families = _divided(trials, families, limit, costs)
    populations += [_population(trials, members, kernel) for members in families]
    if within:
        populations = [replace(p, width=column_count(len(p.members))) for p in populations]
    return sorted(populations, key=lambda population: population.members[0])


def programs(
    sample: Sequence[Trial],
    n_planned: int = 128,
    *,
    mode: str = "auto",
    kernel: str,
    max_programs: int | None = None,
    n_examples: int = 60_000,
    weight: float = 1.0,
    generations: float = 1.0,
) -> list[PlannedPopulation]:
    """The programs of a search of many generations: what `plan` takes for `within`.

    Args:
      sample: trials such as will be trained; all of them will fit.
      n_planned: how many of them are planned; to the capacities then found the others are added.
      mode, kernel, max_programs, n_examples, weight, generations: of `plan`.
    """
    populations = plan(
        sample[:n_planned],
        mode,
        kernel=kernel,
        max_programs=max_programs,
        n_examples=n_examples,
        weight=weight * len(sample) / n_planned,
        generations=generations,
    )
    for trial in sample[n_planned:]:
        if any(_takes(population, trial) for population in populations):
            continue
        grown = [(i, _grown(population, trial)) for i, population in enumerate(populations)]
        larger = [(i, population) for i, population in grown if population is not None]
        if larger:
            i, population = min(larger, key=lambda item: count_params(item[1].bucket.structure))
            populations[i] = population
        else:
            bucket = Bucket(trial.configuration.structure, kernel=kernel)
            populations.append(PlannedPopulation(bucket, trial.seeds, (0,), 1))
    return populations


def _takes(population: PlannedPopulation, trial: Trial) -> bool:
    """Whether a trial can train in a population's program."""
    structure = trial.configuration.structure
    return population.seeds == trial.seeds and population.bucket.fits(structure)


def _grown(population: PlannedPopulation, trial: Trial) -> PlannedPopulation | None:
    """The population with room for a trial; None if the trial is of another family."""
    structure, bucket = trial.configuration.structure, population.bucket
    largest = _capacity([bucket.structure, structure])
    larger = replace(population, bucket=replace(bucket, structure=largest, padded=True))
    same_sizes = structure.sizes.keys() == bucket.structure.sizes.keys()
    return larger if same_sizes and _takes(larger, trial) else None


def _in_programs(
    trials: Sequence[Trial], within: Sequence[PlannedPopulation]
) -> tuple[list[PlannedPopulation], list[int]]:
    """Populations of those trials that fit a program, each in the smallest; and positions of the
    trials that fit none."""
    by_size = sorted(within, key=lambda population: count_params(population.bucket.structure))
    members: dict[PlannedPopulation, list[int]] = {}
    left: list[int] = []
    for position, trial in enumerate(trials):
        fitting = next((population for population in by_size if _takes(population, trial)), None)
        (left if fitting is None else members.setdefault(fitting, [])).append(position)
    return [replace(p, members=tuple(positions)) for p, positions in members.items()], left


def _families(trials: Sequence[Trial], positions: Sequence[int], *, exact: bool) -> list[list[int]]:
    """Positions, in parts that could share a program."""
    families: dict[object, list[int]] = {}
    for position in positions:
        trial = trials[position]
        structure = trial.configuration.structure
        if not exact and architecture(structure.architecture).paddable:
            structure = structure.with_sizes({})
        families.setdefault((structure, trial.seeds), []).append(position)
    return list(families.values())


@dataclass(frozen=True)
class _Costs:
    """What padding is weighed by: the cost model's coefficients, and arguments of `plan`."""

    model: Cost
    n_examples: int
    weight: float
    generations: float


def _divided(
    trials: Sequence[Trial], families: list[list[int]], limit: int | None, costs: _Costs
) -> list[list[int]]:
    """Each family's populations: as many in all as cost least, within a limit."""
    divisions = [_divisions_of_family(trials, family, limit, costs) for family in families]
    # Of each family, the position of the division that is chosen: one less than its programs.
    chosen = [min(range(len(d)), key=lambda n, d=d: d[n][0]) for d in divisions]
    # Over the limit, the program that is missed least is given up, one at a time.
    while limit is not None and sum(n + 1 for n in chosen) > max(limit, len(families)):
        losses = [
            divisions[f][n - 1][0] - divisions[f][n][0] if n > 0 else np.inf
            for f, n in enumerate(chosen)
        ]
        chosen[int(np.argmin(losses))] -= 1
    return [members for f, n in enumerate(chosen) for members in divisions[f][n][1]]


def _divisions_of_family(
    trials: Sequence[Trial], members: list[int], limit: int | None, costs: _Costs
) -> list[tuple[float, list[list[int]]]]:
    """For 1, 2, … programs, the time of a family and the positions of its populations' trials."""
    by_shape: dict[Structure, list[int]] = {}
    for position in members:
        by_shape.setdefault(trials[position].configuration.structure, []).append(position)
    if len(by_shape) == 1:
        return [(0.0, [members])]
    structure = next(iter(by_shape))
    n_seeds = len(trials[members[0]].seeds)
    packed = pack_shapes(
        _loads(trials, by_shape, costs),
        n_seeds * costs.generations,
        costs.model,
        lambda capacity: count_params_of_sizes(structure, capacity),
        most_programs_worth(len(by_shape), limit),
    )
    positions = list(by_shape.values())
    return [
        (time, [sorted(i for shape in shapes for i in positions[shape]) for shapes in division])
        for time, division in packed
    ]


def _loads(
    trials: Sequence[Trial], by_shape: Mapping[Structure, list[int]], costs: _Costs
) -> ShapeLoads:
    """How much there is of each shape of a family."""
    structures, positions = list(by_shape), list(by_shape.values())
    first = structures[0]
    n_seeds = len(trials[positions[0][0]].seeds)
    steps_per_epoch = max(1, costs.n_examples // first.batch_size)
    sizes = {name: np.array([s.sizes[name] for s in structures]) for name in first.sizes}

    def n_epochs(position: int) -> int:
        return trials[position].configuration.hyperparameters.n_epochs

    def resamplings(position: int) -> float:
        every = trials[position].configuration.hyperparameters.steps_to_resample
        return 1 / every if every else 0.0

    return ShapeLoads(
        sizes,
        params=count_params_of_sizes(first, sizes),
        trials=np.array([costs.weight * len(p) * n_seeds for p in positions]),
        steps=np.array([max(map(n_epochs, p)) * steps_per_epoch for p in positions]),
        resamplings=np.array(
            [costs.weight * n_seeds * sum(map(resamplings, p)) for p in positions]
        ),
        batch_size=first.batch_size,
    )


def _population(trials: Sequence[Trial], members: Sequence[int], kernel: str) -> PlannedPopulation:
    structures = [trials[i].configuration.structure for i in members]
    first = structures[0]
    padded = any(structure != first for structure in structures)
    capacity = _capacity(structures) if padded else first
    return PlannedPopulation(
        Bucket(capacity, padded=padded, kernel=kernel),
        trials[members[0]].seeds,
        tuple(members),
        len(members),
    )


def _capacity(structures: Sequence[Structure]) -> Structure:
    """The smallest that is at least each of several structures that differ in their sizes alone."""
    first = structures[0]
    return first.with_sizes(
        {name: max(s.sizes.get(name, 0) for s in structures) for name in first.sizes}
    )
