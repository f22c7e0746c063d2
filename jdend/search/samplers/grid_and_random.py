"""Samplers that learn nothing: grid, random and mixed. All that they propose fits the budget.

All their randomness comes from a NumPy generator, their argument `rng`.
"""

import itertools
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from jdend._messages import shown
from jdend.models import Configuration, count_params
from jdend.search.errors import SearchError, SpaceError
from jdend.search.samplers.candidates import Candidate, Candidates
from jdend.search.space.dimensions import Choice, Space, Value
from jdend.search.space.feasible import FeasibleShapes, ListedShapes, feasible_shapes
from jdend.search.space.infeasible import nothing_fits
from jdend.search.space.problem import SearchProblem
from jdend.search.space.validation import check_space

__all__ = ["check_trials", "grid", "mixed", "random", "top_up"]

# A grid with more points is not listed; its points are drawn.
MAX_LISTED_POINTS = 10_000_000
# All trials of a strategy that does not learn are drawn before the first is trained.
MAX_TRIALS = 1_000_000

Params = dict[str, Value]


def grid(
    problem: SearchProblem, rng: np.random.Generator, max_trials: int | None = None
) -> Candidates:
    """All combinations of the lists' values that fit, or a random sample of them.

    Args:
      problem: its space holds only lists and constants. Values of `seed` are not combined with the
        others: each configuration is one trial, trained with all of them.
      rng: draws the sample.
      max_trials: the largest number of candidates; None for no limit. Combinations that mean the
        configuration of another one are left out first.

    Raises:
      SpaceError: if the space holds a range, or `check_space` refuses it.
      BudgetError: if nothing fits.
    """
    check_trials("max_trials", max_trials, none_allowed=True)
    ranges = problem.space.ranges
    if ranges:
        raise SpaceError(
            f"a grid takes lists, and {ranges[0]!r} is a range: list its values, or use the random "
            "or the mixed strategy"
        )
    shapes = _fitting_shapes(problem, rng)
    seedless, seeds = problem.seedless, problem.seeds
    other_values = {
        name: dimension.values
        for name, dimension in seedless.space.dimensions.items()
        if isinstance(dimension, Choice) and name not in {axis.name for axis in shapes.axes}
    }
    n_others = math.prod(len(values) for values in other_values.values())
    n_points = shapes.n_fit * n_others
    if isinstance(shapes, ListedShapes) and n_points <= MAX_LISTED_POINTS:
        order = np.arange(n_points) if max_trials is None else rng.permutation(n_points)
        points = ((int(i), _grid_point(shapes, other_values, int(i))) for i in order)
        candidates, n_same = _distinct_first(seedless, points, max_trials)
    elif max_trials is not None:
        candidates, n_same = _draw(seedless, [(seedless.space, shapes)], rng, max_trials)
    else:
        raise SpaceError(
            f"the grid has more than {MAX_LISTED_POINTS:,} points: give max_trials for a sample"
        )
    n_over, n_under = shapes.n_over * n_others, shapes.n_under * n_others
    return Candidates(_with_seeds(candidates, seeds), n_over, n_under, n_points, n_same, max_trials)


def random(problem: SearchProblem, rng: np.random.Generator, n_trials: int) -> Candidates:
    """Draws different configurations that fit, distributed as if each were drawn until one fits.

    Args:
      problem: its space may hold anything.
      rng: draws the configurations.
      n_trials: how many; there are fewer only if the space has no more.

    Raises:
      SpaceError: if `check_space` refuses the space.
      BudgetError: if nothing fits.
    """
    check_trials("n_trials", n_trials)
    shapes = _fitting_shapes(problem, rng)
    candidates, n_same = _draw(problem, [(problem.space, shapes)], rng, n_trials)
    return Candidates(
        tuple(candidates), shapes.n_over, shapes.n_under, shapes.n_fit, n_same, n_trials
    )


def mixed(problem: SearchProblem, rng: np.random.Generator, n_trials: int) -> Candidates:
    """Goes through the combinations of all lists; for each it draws values of the ranges.

    The combinations come in a random order, which is repeated until there are `n_trials`
    candidates. So each combination occurs as often as any other, or once more. Combinations in
    which nothing fits are left out.

    Args, Raises: as `random`.
    """
    check_trials("n_trials", n_trials)
    check_space(problem.space, problem.problem, problem.defaults)
    seedless, seeds = problem.seedless, problem.seeds
    space = seedless.space
    lists = {n: d.values for n, d in space.dimensions.items() if isinstance(d, Choice)}
    n_combinations = math.prod(len(values) for values in lists.values())
    if n_combinations > MAX_LISTED_POINTS:
        raise SpaceError(f"the lists have {n_combinations:,} combinations: use the random strategy")
    parts: list[tuple[Space, FeasibleShapes]] = []
    n_over = n_under = n_fit = 0
    for position in rng.permutation(n_combinations):
        fixed = {n: Choice((v,)) for n, v in _combination(lists, int(position)).items()}
        part = Space({**space.dimensions, **fixed})
        shapes = feasible_shapes(part, problem.problem, problem.budget, rng)
        n_over, n_under = n_over + shapes.n_over, n_under + shapes.n_under
        n_fit += shapes.n_fit
        if shapes.n_fit:
            parts.append((part, shapes))
        if len(parts) == n_trials:
            break
    if not parts:
        whole = feasible_shapes(space, problem.problem, problem.budget, rng)
        raise nothing_fits(whole, problem.problem, problem.budget)
    candidates, n_same = _draw(seedless, parts, rng, n_trials)
    return Candidates(_with_seeds(candidates, seeds), n_over, n_under, n_fit, n_same, n_trials)


def top_up(
    problem: SearchProblem,
    rng: np.random.Generator,
    n_trials: int,
    proposed: Collection[Configuration],
) -> list[Candidate]:
    """Draws `n_trials` configurations as `random` does, without those that are in `proposed`; fewer
    only if the space has no more."""
    seedless, seeds = problem.seedless, problem.seeds
    shapes = _fitting_shapes(seedless, rng)
    candidates, _ = _draw(seedless, [(seedless.space, shapes)], rng, n_trials, proposed)
    return list(_with_seeds(candidates, seeds))


def _fitting_shapes(problem: SearchProblem, rng: np.random.Generator) -> FeasibleShapes:
    check_space(problem.space, problem.problem, problem.defaults)
    shapes = feasible_shapes(problem.space, problem.problem, problem.budget, rng)
    if shapes.n_fit == 0:
        raise nothing_fits(shapes, problem.problem, problem.budget)
    return shapes


def _draw(
    problem: SearchProblem,
    parts: Sequence[tuple[Space, FeasibleShapes]],
    rng: np.random.Generator,
    n_trials: int,
    proposed: Collection[Configuration] = (),
) -> tuple[list[Candidate], int]:
    """Draws from the parts of a space in turn, until there are `n_trials` different configurations
    that are not in `proposed`, or long drawing gives no new one.

    Returns:
      The candidates, and how many draws gave a configuration that was there already.
    """
    candidates = {configuration: Candidate({}, configuration) for configuration in proposed}
    n_same = n_in_vain = 0
    for space, shapes in itertools.cycle(parts):
        n_before = len(candidates)
        if n_before >= len(proposed) + n_trials or n_in_vain >= max(200, 20 * n_before):
            break
        n_same += _draw_one(problem, space, shapes, rng, candidates)
        n_in_vain = n_in_vain + 1 if len(candidates) == n_before else 0
    return list(candidates.values())[len(proposed) :], n_same


def _draw_one(
    problem: SearchProblem,
    space: Space,
    shapes: FeasibleShapes,
    rng: np.random.Generator,
    candidates: dict[Configuration, Candidate],
) -> int:
    """Draws once and adds the candidate, or its seed to the candidate of the same configuration.

    Returns 1 if it added nothing, since configuration and seed were there already; else 0.
    """
    drawn = shapes.draw(rng, 1)
    if not drawn:
        return 0
    values = {
        name: drawn[0][name] if name in drawn[0] else dimension.draw(rng)
        for name, dimension in space.dimensions.items()
    }
    seed = values.pop("seed", None)
    configuration = problem.configure(values)
    if not problem.budget.fits(count_params(configuration.structure)):
        return 0
    is_same = configuration in candidates
    candidate = candidates.setdefault(configuration, Candidate(values, configuration))
    if seed is not None and seed not in candidate.seeds:
        candidate.seeds.append(int(seed))
        return 0
    return int(is_same)


def _distinct_first(
    problem: SearchProblem, points: Iterable[tuple[int, Params]], max_trials: int | None
) -> tuple[list[Candidate], int]:
    """Up to `max_trials` candidates in the order of the grid. If there are more, those that have
    the configuration of another one are left out first.

    Returns:
      The candidates, and how many have the configuration of another one.
    """
    first: dict[Configuration, tuple[int, Candidate]] = {}
    again: list[tuple[int, Candidate]] = []
    for position, params in points:
        configuration = problem.configure(params)
        candidate = (position, Candidate(params, configuration))
        if configuration in first:
            again.append(candidate)
        else:
            first[configuration] = candidate
        if max_trials is not None and len(first) >= max_trials:
            break
    n_left = None if max_trials is None else max_trials - len(first)
    chosen = sorted([*first.values(), *again[:n_left]], key=lambda item: item[0])
    return [candidate for _, candidate in chosen], len(chosen) - len(first)


def _with_seeds(candidates: Sequence[Candidate], seeds: Sequence[int]) -> tuple[Candidate, ...]:
    return tuple(replace(candidate, seeds=list(seeds)) for candidate in candidates)


def _grid_point(
    shapes: ListedShapes, other_values: Mapping[str, Sequence[Value]], position: int
) -> Params:
    """The point at a position of the grid, whose first dimension is the shapes that fit."""
    n_others = math.prod(len(values) for values in other_values.values())
    shape, other = divmod(position, n_others)
    return {**shapes.at(int(shapes.fitting[shape])), **_combination(other_values, other)}


def _combination(values: Mapping[str, Sequence[Value]], position: int) -> Params:
    """The combination at a position, in the order of `itertools.product`."""
    sides = tuple(len(v) for v in values.values())
    where = np.unravel_index(position, sides) if sides else ()
    return {n: v[int(i)] for (n, v), i in zip(values.items(), where, strict=True)}


def check_trials(name: str, value: object, *, none_allowed: bool = False) -> None:
    """Raises `SearchError` unless the value is a positive integer, or None where allowed."""
    if value is None and none_allowed:
        return
    if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < 1:
        raise SearchError(f"{name} must be a positive integer, got {shown(value)}")
    if value > MAX_TRIALS:
        raise SearchError(f"{name} must be at most {MAX_TRIALS}, got {shown(value)}")
