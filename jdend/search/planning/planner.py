"""The planner of compiled programs: which configurations train together."""

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from jdend._messages import did_you_mean
from jdend.models import (
    Structure,
    count_params,
    count_params_of_sizes,
)
from jdend.search.errors import SearchError
from jdend.search.planning.cost_model import Cost, ShapeLoads, column_count, cost_of
from jdend.search.planning.partition import max_programs_worth, pack_shapes
from jdend.search.planning.population import PlannedPopulation, Trial
from jdend.training import Bucket, trains_in_blocks

__all__ = ["MODES", "divided", "plan", "programs", "takes"]

# `exact`: one program for each structure. `padded`: as few programs as possible. `auto`: the plan
# that is fastest by the cost model.
MODES = ("auto", "exact", "padded")
# A worker with a part of a population has a program to compile.
MIN_SECONDS_OF_PART = 4.0


def plan(
    trials: Sequence[Trial],
    mode: str = "auto",
    *,
    kernel: str,
    precision: str = "float32",
    max_programs: int | None = None,
    n_examples: int = 60_000,
    weight: float = 1.0,
    generations: float = 1.0,
    within: Sequence[PlannedPopulation] = (),
) -> list[PlannedPopulation]:
    """Divides trials into populations, in order of their first members.

    Trials with the same seeds can share a program if their structures differ only in sizes: the
    smaller ones are padded to the program's capacity. An architecture whose constructor takes no
    true sizes needs one program for each structure.

    Args:
      trials: the trials to train.
      mode: one of `MODES`.
      kernel: the kernel that computes dendrites, by its own name, never "auto".
      precision: of the products of matrices in training steps.
      max_programs: the largest number of programs. Trials that differ in architecture, batch size
        or seeds cannot share one, so there may be more.
      n_examples: training examples per epoch, by which padding is weighed against compiling.
      weight: how many trials of the whole search each of these stands for.
      generations: in how many generations they train; each loads batches for every program.
      within: populations from `programs`; trials that fit one of them train in its program. Where
        populations do not train in blocks, widths are then rounded up by `column_count`, so that
        generations of similar size share programs.

    Raises:
      SearchError: if the mode is unknown or `max_programs` is not a positive integer.
    """
    if mode not in MODES:
        raise SearchError(f"unknown buckets {mode!r}{did_you_mean(mode, MODES)}")
    if max_programs is not None and (type(max_programs) is not int or max_programs < 1):
        raise SearchError(f"max_programs must be a positive integer, got {max_programs!r}")
    if mode == "exact" and max_programs is not None:
        raise SearchError("max_programs does not go with exact buckets: use auto or padded")
    populations, unplaced = _in_programs(trials, within)
    families = _families(trials, unplaced, exact=mode == "exact")
    if mode != "exact":
        limit = len(families) if mode == "padded" else None
        if max_programs is not None:
            limit = max(1, max_programs - len(populations))
        costs = _Costs(cost_of(kernel), n_examples, weight, generations)
        families = _divided(trials, families, limit, costs)
    populations += [_population(trials, members, kernel, precision) for members in families]
    if within:
        populations = [_of_members(p, p.members) for p in populations]
    return sorted(populations, key=lambda population: population.members[0])


def divided(
    populations: Sequence[PlannedPopulation], seconds: Sequence[float], n_workers: int
) -> list[PlannedPopulation]:
    """Divides the columns of populations, the longest first, until none trains longer than a worker
    would if the work were spread evenly.

    Parts have the programs of the whole, of another width, and so its figures, but for the order in
    which floating-point numbers are added.

    Args:
      populations: planned populations.
      seconds: how long each will train; none is divided into parts of less than
        `MIN_SECONDS_OF_PART`.
      n_workers: how many populations train at the same time.
    """
    n_parts = [1] * len(populations)
    mean = sum(seconds) / n_workers
    # By the time that its parts take, those that can be divided further.
    longest = [(-one, i) for i, one in enumerate(seconds)]
    heapq.heapify(longest)
    while longest and -longest[0][0] > mean:
        i = heapq.heappop(longest)[1]
        n = n_parts[i] + 1
        if n <= len(populations[i].members) and seconds[i] / n >= MIN_SECONDS_OF_PART:
            n_parts[i] = n
            heapq.heappush(longest, (-seconds[i] / n, i))
    return [
        part
        for population, n in zip(populations, n_parts, strict=True)
        for part in ([population] if n == 1 else _parts(population, n))
    ]


def _parts(population: PlannedPopulation, n: int) -> list[PlannedPopulation]:
    return [_of_members(population, population.members[i::n]) for i in range(n)]


def _of_members(population: PlannedPopulation, members: tuple[int, ...]) -> PlannedPopulation:
    """The population of these members, as wide as others of about as many, unless it trains in
    blocks, whose programs do not depend on how many there are."""
    n = len(members)
    width = n if trains_in_blocks(population.bucket) else column_count(n)
    return replace(population, members=members, width=width)


def programs(
    sample: Sequence[Trial],
    n_planned: int = 128,
    *,
    mode: str = "auto",
    kernel: str,
    precision: str = "float32",
    max_programs: int | None = None,
    n_examples: int = 60_000,
    weight: float = 1.0,
    generations: float = 1.0,
) -> list[PlannedPopulation]:
    """The programs of a search of many generations, for the argument `within` of `plan`.

    Args:
      sample: trials drawn as those of the search will be; each of them fits one of the programs.
      n_planned: the number of trials that are planned. The capacities of that plan are then
        enlarged until the other trials fit as well.
      mode, kernel, precision, max_programs, n_examples, weight, generations: as in `plan`.
    """
    populations = plan(
        sample[:n_planned],
        mode,
        kernel=kernel,
        precision=precision,
        max_programs=max_programs,
        n_examples=n_examples,
        weight=weight * len(sample) / n_planned,
        generations=generations,
    )
    for trial in sample[n_planned:]:
        if any(takes(population, trial) for population in populations):
            continue
        grown = [(i, _grown(population, trial)) for i, population in enumerate(populations)]
        larger = [(i, population) for i, population in grown if population is not None]
        if larger:
            i, population = min(larger, key=lambda item: count_params(item[1].bucket.structure))
            populations[i] = population
        else:
            bucket = Bucket(trial.configuration.structure, kernel=kernel, precision=precision)
            populations.append(PlannedPopulation(bucket, trial.seeds, (0,), 1))
    return populations


def takes(population: PlannedPopulation, trial: Trial) -> bool:
    """Whether a trial can train in a population's program."""
    structure = trial.configuration.structure
    return population.seeds == trial.seeds and population.bucket.fits(structure)


def _grown(population: PlannedPopulation, trial: Trial) -> PlannedPopulation | None:
    """The population with its capacity enlarged for a trial; None if no program can hold both."""
    structure, bucket = trial.configuration.structure, population.bucket
    largest = _capacity([bucket.structure, structure])
    larger = replace(population, bucket=replace(bucket, structure=largest, padded=True))
    same_sizes = structure.sizes.keys() == bucket.structure.sizes.keys()
    return larger if same_sizes and takes(larger, trial) else None


def _in_programs(
    trials: Sequence[Trial], within: Sequence[PlannedPopulation]
) -> tuple[list[PlannedPopulation], list[int]]:
    """Puts each trial into the smallest program that it fits; returns these populations, and the
    positions of the trials that fit none."""
    by_size = sorted(within, key=lambda population: count_params(population.bucket.structure))
    members: dict[PlannedPopulation, list[int]] = {}
    unplaced: list[int] = []
    for position, trial in enumerate(trials):
        fitting = next((population for population in by_size if takes(population, trial)), None)
        (unplaced if fitting is None else members.setdefault(fitting, [])).append(position)
    return [replace(p, members=tuple(positions)) for p, positions in members.items()], unplaced


def _families(trials: Sequence[Trial], positions: Sequence[int], *, exact: bool) -> list[list[int]]:
    """Groups the positions of trials by whether they could share a program."""
    families: dict[object, list[int]] = {}
    for position in positions:
        trial = trials[position]
        structure = trial.configuration.structure
        if not exact:
            structure = structure.family
        families.setdefault((structure, trial.seeds), []).append(position)
    return list(families.values())


@dataclass(frozen=True)
class _Costs:
    """What a plan's cost depends on: the cost model's coefficients, and arguments of `plan`."""

    model: Cost
    n_examples: int
    weight: float
    generations: float


def _divided(
    trials: Sequence[Trial], families: list[list[int]], limit: int | None, costs: _Costs
) -> list[list[int]]:
    """The cheapest division of all families into populations, with at most `limit` of them."""
    divisions = [_divisions_of_family(trials, family, limit, costs) for family in families]
    # For each family the position of the chosen division, which is its number of programs less one.
    chosen = [min(range(len(d)), key=lambda n, d=d: d[n][0]) for d in divisions]
    # Above the limit, give up one program at a time: the one whose loss costs least.
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
    """For 1, 2, … programs, the time of a family and the positions of each population's trials."""
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
        max_programs_worth(len(by_shape), limit),
    )
    positions = list(by_shape.values())
    return [
        (time, [sorted(i for shape in shapes for i in positions[shape]) for shapes in division])
        for time, division in packed
    ]


def _loads(
    trials: Sequence[Trial], by_shape: Mapping[Structure, list[int]], costs: _Costs
) -> ShapeLoads:
    """The shapes of a family, and the training load of each."""
    structures, positions = list(by_shape), list(by_shape.values())
    first = structures[0]
    n_seeds = len(trials[positions[0][0]].seeds)
    steps_per_epoch = max(1, costs.n_examples // first.batch_size)
    sizes = {name: np.array([s.sizes[name] for s in structures]) for name in first.sizes}

    def n_epochs(position: int) -> int:
        return trials[position].configuration.hyperparameters.n_epochs

    def resamplings(position: int) -> float:
        period = trials[position].configuration.hyperparameters.steps_to_resample
        return 1 / period if period else 0.0

    return ShapeLoads(
        sizes,
        params=count_params_of_sizes(first, sizes),
        trials=np.array([costs.weight * len(p) * n_seeds for p in positions]),
        steps=np.array([max(map(n_epochs, p)) * steps_per_epoch for p in positions]),
        resamplings=np.array(
            [costs.weight * n_seeds * sum(map(resamplings, p)) for p in positions]
        ),
        batch_size=first.batch_size,
        patches=first.patches[0],
    )


def _population(
    trials: Sequence[Trial], members: Sequence[int], kernel: str, precision: str
) -> PlannedPopulation:
    structures = [trials[i].configuration.structure for i in members]
    first = structures[0]
    padded = any(structure != first for structure in structures)
    capacity = _capacity(structures) if padded else first
    return PlannedPopulation(
        Bucket(capacity, padded=padded, kernel=kernel, precision=precision),
        trials[members[0]].seeds,
        tuple(members),
        len(members),
    )


def _capacity(structures: Sequence[Structure]) -> Structure:
    """The smallest structure that can hold all of these, which differ only in their sizes."""
    first = structures[0]
    return first.with_sizes(
        {name: max(s.sizes.get(name, 0) for s in structures) for name in first.sizes}
    )
