"""Capacities that follow from the budget, so that different searches share programs.

A search in the ranges of the default space has the largest sizes of that space's networks of its
budget, whatever its own trials, strategy and seed are.
"""

from collections.abc import Sequence

import numpy as np

from jdend.models import Problem, Structure, count_params_of_sizes
from jdend.search.planning.population import PlannedPopulation, Trial
from jdend.search.space.default_space import SEARCHED, default_space
from jdend.search.space.dimensions import IntRange, parse_space
from jdend.training import Bucket, trains_in_blocks

__all__ = ["canonical_programs"]


def canonical_programs(
    trials: Sequence[Trial], budget: int, problem: Problem, *, kernel: str, precision: str
) -> list[PlannedPopulation]:
    """The programs, without members, of those trials that have canonical capacities.

    One for each family of structures, and seeds, if it has different structures, all of which fit;
    where populations train in blocks.

    Args:
      trials: those of a search, or drawn as they will be.
      budget: the largest number of parameters that they may have.
      problem: the data's features, classes and image shape.
      kernel, precision: as of a `Bucket`.
    """
    families: dict[object, list[Trial]] = {}
    for trial in trials:
        family = trial.configuration.structure.family, trial.seeds
        families.setdefault(family, []).append(trial)
    names = sorted({trial.configuration.structure.architecture for trial in trials})
    known = tuple(name for name in names if name in SEARCHED)
    found: list[PlannedPopulation] = []
    for members in families.values():
        structures = {trial.configuration.structure for trial in members}
        first = next(iter(structures))
        if len(structures) == 1 or first.architecture not in known:
            continue
        sizes = _largest_sizes(first, known, budget, problem)
        if sizes is None:
            continue
        bucket = Bucket(first.with_sizes(sizes), padded=True, kernel=kernel, precision=precision)
        if trains_in_blocks(bucket) and all(map(bucket.fits, structures)):
            found.append(PlannedPopulation(bucket, members[0].seeds, (), 1))
    return found


def _largest_sizes(
    structure: Structure, architectures: Sequence[str], budget: int, problem: Problem
) -> dict[str, int] | None:
    """For each size of a structure the largest that fits the budget with the smallest of the
    others, in the ranges of the default space; None where that has not all of them."""
    space = parse_space(default_space(budget, problem, architectures)).dimensions
    ranges = {name: space.get(name) for name in structure.sizes}
    lows = {name: one.low for name, one in ranges.items() if isinstance(one, IntRange)}
    highs = {name: one.high for name, one in ranges.items() if isinstance(one, IntRange)}
    if lows.keys() != ranges.keys():
        return None

    def largest(name: str) -> int:
        values = np.arange(lows[name], highs[name] + 1)
        sizes = {other: np.full(len(values), low) for other, low in lows.items()}
        counts = count_params_of_sizes(structure, {**sizes, name: values})
        return int(values[counts <= budget].max(initial=lows[name]))

    return {name: largest(name) for name in ranges}
