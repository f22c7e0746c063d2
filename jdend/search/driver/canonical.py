"""Capacities that follow from the budget, so that different searches share programs.

A search in the ranges of the default space has the capacity of typical networks of that space and
its budget, whatever its own trials, strategy and seed are.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from jdend.models import Problem
from jdend.search.errors import BudgetError
from jdend.search.planning.population import PlannedPopulation, Trial
from jdend.search.samplers.grid_and_random import random
from jdend.search.space.budget import Budget
from jdend.search.space.default_space import SEARCHED, default_space
from jdend.search.space.dimensions import parse_space
from jdend.search.space.problem import SearchProblem
from jdend.training import Bucket, trains_in_blocks

__all__ = ["canonical_programs"]

N_TYPICAL = 512


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
        sizes = _largest_sizes(known, budget, problem).get(first.architecture, {})
        if sizes.keys() != first.sizes.keys():
            continue
        bucket = Bucket(first.with_sizes(sizes), padded=True, kernel=kernel, precision=precision)
        if trains_in_blocks(bucket) and all(map(bucket.fits, structures)):
            found.append(PlannedPopulation(bucket, members[0].seeds, (), 1))
    return found


@lru_cache
def _largest_sizes(
    architectures: tuple[str, ...], budget: int, problem: Problem
) -> dict[str, dict[str, int]]:
    """The largest sizes of typical networks of the default space with these architectures."""
    space = parse_space(default_space(budget, problem, architectures))
    whole = SearchProblem(space, problem, Budget(budget), {})
    try:
        candidates = random(whole, np.random.default_rng(0), N_TYPICAL).candidates
    except BudgetError:
        return {}
    largest: dict[str, dict[str, int]] = {}
    for candidate in candidates:
        structure = candidate.configuration.structure
        sizes = largest.setdefault(structure.architecture, {})
        sizes |= {name: max(n, sizes.get(name, 0)) for name, n in structure.sizes.items()}
    return largest
