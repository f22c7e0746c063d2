"""Samplers: functions that propose configurations which fit the budget.

All randomness comes from the NumPy generator that they are given.
"""

import itertools
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from jdend.models import Configuration, count_params
from jdend.search.errors import SearchError, SpaceError
from jdend.search.samplers.candidates import Candidate, Candidates
from jdend.search.space.dimensions import Choice, Space, Value
from jdend.search.space.feasible import FeasibleShapes, ListedShapes, feasible_shapes
from jdend.search.space.infeasible import nothing_fits
from jdend.search.space.problem import SearchProblem
from jdend.search.space.validation import check_space

__all__ = ["check_trials", "grid", "mixed", "random", "top_up"]

# A grid of more points than this is drawn from, never listed.
MAX_LISTED_POINTS = 10_000_000

Params = dict[str, Value]


def grid(
    problem: SearchProblem, rng: np.random.Generator, max_trials: int | None = None
) -> Candidates:
    """All combinations of lists of values that fit, or a random sample of them.

    Args:
      problem: its space holds lists and constants only. `seed` makes no trials of its own: the
        configuration is trained with each of its values.
      rng: draws the sample.
      max_trials: at most so many candidates; distinct configurations come first, and those that
        mean one of them again only if there is room. None for all.

    Raises:
      SpaceError: for a range, or what `check_space` refuses.
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
    others = {
        name: dimension.values
        for name, dimension in seedless.space.dimensions.items()
        if isinstance(dimension, Choice) and name not in {axis.name for axis in shapes.axes}
    }
    n_others = math.prod(len(values) for values in others.values())
    n_points = shapes.n_fit * n_others
    if isinstance(shapes, ListedShapes) and n_points <= MAX_LISTED_POINTS:
        order = np.arange(n_points) if max_trials is None else rng.permutation(n_points)
        points = ((int(i), _grid_point(shapes, others, int(i))) for i in order)
        candidates, n_same = _distinct_first(seedless, points, max_trials)
    elif max_trials is not None:
        candidates, n_same = _until(seedless, [(seedless.space, shapes)], rng, max_trials)
    else:
        raise SpaceError(
            f"the grid has more than {MAX_LISTED_POINTS:,} points: give max_trials for a sample"
        )
    n_over, n_under = shapes.n_over * n_others, shapes.n_under * n_others
    return Candidates(_with_seeds(candidates, seeds), n_over, n_under, n_points, n_same, max_trials)


def random(problem: SearchProblem, rng: np.random.Generator, n_trials: int) -> Candidates:
    """Draws configurations that fit, all different, each with the law of drawing until one fits.

    Args:
      problem: its space may hold anything.
      rng: draws.
      n_trials: how many; fewer are drawn only if the space holds fewer.

    Raises:
      SpaceError: for what `check_space` refuses.
      BudgetError: if nothing fits.
    """
    check_trials("n_trials", n_trials)
    shapes = _fitting_shapes(problem, rng)
    candidates, n_same = _until(problem, [(problem.space, shapes)], rng, n_trials)
    return Candidates(
        tuple(candidates), shapes.n_over, shapes.n_under, shapes.n_fit, n_same, n_trials
    )


def mixed(problem: SearchProblem, rng: np.random.Generator, n_trials: int) -> Candidates:
    """Goes through all combinations of the lists, drawing the ranges anew for each.

    The combinations come in random order, again and again until there are `n_trials` of them, so
    that each is drawn as often as any other, or one more; those in which nothing fits are left out.

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
    candidates, n_same = _until(seedless, parts, rng, n_trials)
    return Candidates(_with_seeds(candidates, seeds), n_over, n_under, n_fit, n_same, n_trials)


def top_up(
    problem: SearchProblem,
    rng: np.random.Generator,
    n_trials: int,
    proposed: Collection[Configuration],
) -> list[Candidate]:
    """Draws at random, like `random`, what is not proposed yet; fewer only if there is no more."""
    seedless, seeds = problem.seedless, problem.seeds
    shapes = _fitting_shapes(seedless, rng)
    candidates, _ = _until(seedless, [(seedless.space, shapes)], rng, n_trials, proposed)
    return list(_with_seeds(candidates, seeds))


def _fitting_shapes(problem: SearchProblem, rng: np.random.Generator) -> FeasibleShapes:
    check_space(problem.space, problem.problem, problem.defaults)
    shapes = feasible_shapes(problem.space, problem.problem, problem.budget, rng)
    if shapes.n_fit == 0:
        raise nothing_fits(shapes, problem.problem, problem.budget)
    return shapes


def _until(
    problem: SearchProblem,
    parts: Sequence[tuple[Space, FeasibleShapes]],
    rng: np.random.Generator,
    n: int,
    proposed: Collection[Configuration] = (),
) -> tuple[list[Candidate], int]:
    """Draws from the parts of a space in turn, until there are `n` different configurations that
    are not proposed yet, or no new one turns up any more."""
    seen = {configuration: Candidate({}, configuration) for configuration in proposed}
    n_same, idle = 0, 0
    for space, shapes in itertools.cycle(parts):
        if len(seen) >= len(proposed) + n or idle >= max(200, 20 * len(seen)):
            break
        before = len(seen)
        n_same += _draw_one(problem, space, shapes, rng, seen)
        idle = idle + 1 if len(seen) == before else 0
    return list(seen.values())[len(proposed) :], n_same


def _draw_one(
    problem: SearchProblem,
    space: Space,
    shapes: FeasibleShapes,
    rng: np.random.Generator,
    seen: dict[Configuration, Candidate],
) -> int:
    """Draws once; returns 1 if that is a configuration seen before, with no seed of its own."""
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
    is_known = configuration in seen
    candidate = seen.setdefault(configuration, Candidate(values, configuration))
    if seed is not None and seed not in candidate.seeds:
        candidate.seeds.append(int(seed))
        return 0
    return int(is_known)


def _distinct_first(
    problem: SearchProblem, points: Iterable[tuple[int, Params]], most: int | None
) -> tuple[list[Candidate], int]:
    """Up to `most` candidates in grid order, those of new configurations before their likes."""
    first: dict[Configuration, tuple[int, Candidate]] = {}
    again: list[tuple[int, Candidate]] = []
    for position, params in points:
        configuration = problem.configure(params)
        candidate = (position, Candidate(params, configuration))
        if configuration in first:
            again.append(candidate)
        else:
            first[configuration] = candidate
        if most is not None and len(first) >= most:
            break
    room = None if most is None else most - len(first)
    chosen = sorted([*first.values(), *again[:room]], key=lambda item: item[0])
    return [candidate for _, candidate in chosen], len(chosen) - len(first)


def _with_seeds(candidates: Sequence[Candidate], seeds: Sequence[int]) -> tuple[Candidate, ...]:
    return tuple(replace(candidate, seeds=list(seeds)) for candidate in candidates)


def _grid_point(shapes: ListedShapes, others: Mapping[str, Sequence[Value]], point: int) -> Params:
    n_others = math.prod(len(values) for values in others.values())
    shape, other = divmod(point, n_others)
    return {**shapes.at(int(shapes.fitting[shape])), **_combination(others, other)}


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
        raise SearchError(f"{name} must be a positive integer, got {value!r}")
