"""Samplers: functions that propose configurations which fit the budget.

All randomness comes from the NumPy generator that they are given.
"""

import itertools
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from jdend.models import Configuration, count_params
from jdend.search.errors import SearchError, SpaceError
from jdend.search.space.budget import Budget
from jdend.search.space.dimensions import Choice, Space, Value
from jdend.search.space.feasible import FeasibleShapes, ListedShapes, feasible_shapes
from jdend.search.space.infeasible import nothing_fits
from jdend.search.space.problem import SearchProblem
from jdend.search.space.validation import check_space

__all__ = ["Draw", "Proposal", "check_trials", "grid", "mixed", "random", "top_up"]

# A grid of more points than this is drawn from, never listed.
MOST_POINTS = 10_000_000

Params = dict[str, Value]


@dataclass
class Draw:
    """A proposed trial.

    Attributes:
      params: as drawn, under the names of the space, `seed` left out.
      configuration: what they mean.
      seeds: values of `seed` that were drawn with them, empty if the space has none.
    """

    params: Mapping[str, object]
    configuration: Configuration
    seeds: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Proposal:
    """What a sampler proposes.

    Attributes:
      draws: in the order in which their results will be listed. Several may mean the same
        configuration.
      n_over, n_under: how many of the space's points were left out as too large and too small. Of
        a random search, points are shapes; of a grid, all combinations.
      n_fit: how many fit.
      n_same: how many draws meant the configuration of an earlier one; those of a grid are among
        `draws`, others were drawn anew.
      asked: how many draws were asked for; None for all.
    """

    draws: tuple[Draw, ...]
    n_over: int
    n_under: int
    n_fit: int
    n_same: int
    asked: int | None = None

    def summary(self, budget: Budget) -> list[str]:
        """How many were over, under or the same, in a line or two."""
        lines = [
            f"{self.n_over:,} over {budget.max_params:,} parameters, {self.n_under:,} under "
            f"{budget.min_params:,}, {self.n_fit:,} fit; {len(self.draws):,} trials, "
            f"{self.n_same:,} the same as another"
        ]
        if self.asked is not None and len(self.draws) < self.asked:
            lines.append(f"asked for {self.asked:,}, but there are no more")
        return lines


def grid(
    question: SearchProblem, rng: np.random.Generator, max_trials: int | None = None
) -> Proposal:
    """All combinations of lists of values that fit, or a random sample of them.

    Args:
      question: its space holds lists and constants only. `seed` makes no trials of its own: the
        configuration is trained with each of its values.
      rng: draws the sample.
      max_trials: at most so many draws; distinct configurations come first, and draws that mean one
        of those only if there is room. None for all.

    Raises:
      SpaceError: for a range, or what `check_space` refuses.
      BudgetError: if nothing fits.
    """
    check_trials("max_trials", max_trials, none_allowed=True)
    ranges = question.space.ranges
    if ranges:
        raise SpaceError(
            f"a grid takes lists, and {ranges[0]!r} is a range: list its values, or use the random "
            "or the mixed strategy"
        )
    found = _fitting_shapes(question, rng)
    seedless, seeds = question.seedless, question.seeds
    others = {
        name: dimension.values
        for name, dimension in seedless.space.dimensions.items()
        if isinstance(dimension, Choice) and name not in {axis.name for axis in found.axes}
    }
    n_others = math.prod(len(values) for values in others.values())
    n_points = found.n_fit * n_others
    if isinstance(found, ListedShapes) and n_points <= MOST_POINTS:
        order = np.arange(n_points) if max_trials is None else rng.permutation(n_points)
        points = ((int(i), _grid_point(found, others, int(i))) for i in order)
        draws, n_same = _distinct_first(seedless, points, max_trials)
    elif max_trials is not None:
        draws, n_same = _until(seedless, [(seedless.space, found)], rng, max_trials)
    else:
        raise SpaceError(
            f"the grid has more than {MOST_POINTS:,} points: give max_trials for a sample"
        )
    n_over, n_under = found.n_over * n_others, found.n_under * n_others
    return Proposal(_with_seeds(draws, seeds), n_over, n_under, n_points, n_same, max_trials)


def random(question: SearchProblem, rng: np.random.Generator, n_trials: int) -> Proposal:
    """Draws configurations that fit, all different, each with the law of drawing until one fits.

    Args:
      question: its space may hold anything.
      rng: draws.
      n_trials: how many; fewer are drawn only if the space holds fewer.

    Raises:
      SpaceError: for what `check_space` refuses.
      BudgetError: if nothing fits.
    """
    check_trials("n_trials", n_trials)
    found = _fitting_shapes(question, rng)
    draws, n_same = _until(question, [(question.space, found)], rng, n_trials)
    return Proposal(tuple(draws), found.n_over, found.n_under, found.n_fit, n_same, n_trials)


def mixed(question: SearchProblem, rng: np.random.Generator, n_trials: int) -> Proposal:
    """Goes through all combinations of the lists, drawing the ranges anew for each.

    The combinations come in random order, again and again until there are `n_trials` draws, so
    that each has as many draws as any other, or one more; those in which nothing fits are left out.

    Args, Raises: as `random`.
    """
    check_trials("n_trials", n_trials)
    check_space(question.space, question.problem, question.defaults)
    seedless, seeds = question.seedless, question.seeds
    space = seedless.space
    lists = {n: d.values for n, d in space.dimensions.items() if isinstance(d, Choice)}
    n_combinations = math.prod(len(values) for values in lists.values())
    if n_combinations > MOST_POINTS:
        raise SpaceError(f"the lists have {n_combinations:,} combinations: use the random strategy")
    parts: list[tuple[Space, FeasibleShapes]] = []
    n_over = n_under = n_fit = 0
    for position in rng.permutation(n_combinations):
        fixed = {n: Choice((v,)) for n, v in _combination(lists, int(position)).items()}
        part = Space({**space.dimensions, **fixed})
        found = feasible_shapes(part, question.problem, question.budget, rng)
        n_over, n_under = n_over + found.n_over, n_under + found.n_under
        n_fit += found.n_fit
        if found.n_fit:
            parts.append((part, found))
        if len(parts) == n_trials:
            break
    if not parts:
        whole = feasible_shapes(space, question.problem, question.budget, rng)
        raise nothing_fits(whole, question.problem, question.budget)
    draws, n_same = _until(seedless, parts, rng, n_trials)
    return Proposal(_with_seeds(draws, seeds), n_over, n_under, n_fit, n_same, n_trials)


def top_up(
    question: SearchProblem,
    rng: np.random.Generator,
    n_trials: int,
    known: Collection[Configuration],
) -> list[Draw]:
    """Draws at random, like `random`, what is not known yet; fewer only if there is no more."""
    seedless, seeds = question.seedless, question.seeds
    found = _fitting_shapes(seedless, rng)
    draws, _ = _until(seedless, [(seedless.space, found)], rng, n_trials, known)
    return list(_with_seeds(draws, seeds))


def _fitting_shapes(question: SearchProblem, rng: np.random.Generator) -> FeasibleShapes:
    check_space(question.space, question.problem, question.defaults)
    found = feasible_shapes(question.space, question.problem, question.budget, rng)
    if found.n_fit == 0:
        raise nothing_fits(found, question.problem, question.budget)
    return found


def _until(
    question: SearchProblem,
    parts: Sequence[tuple[Space, FeasibleShapes]],
    rng: np.random.Generator,
    n: int,
    known: Collection[Configuration] = (),
) -> tuple[list[Draw], int]:
    """Draws from the parts of a space in turn, until there are `n` different configurations that
    are not known, or no new one turns up any more."""
    seen = {configuration: Draw({}, configuration) for configuration in known}
    n_same, idle = 0, 0
    for space, found in itertools.cycle(parts):
        if len(seen) >= len(known) + n or idle >= max(200, 20 * len(seen)):
            break
        before = len(seen)
        n_same += _draw_one(question, space, found, rng, seen)
        idle = idle + 1 if len(seen) == before else 0
    return list(seen.values())[len(known) :], n_same


def _draw_one(
    question: SearchProblem,
    space: Space,
    found: FeasibleShapes,
    rng: np.random.Generator,
    seen: dict[Configuration, Draw],
) -> int:
    """Draws once; returns 1 if that is a configuration seen before, with no seed of its own."""
    drawn = found.draw(rng, 1)
    if not drawn:
        return 0
    values = {
        name: drawn[0][name] if name in drawn[0] else dimension.draw(rng)
        for name, dimension in space.dimensions.items()
    }
    seed = values.pop("seed", None)
    configuration = question.configure(values)
    if not question.budget.fits(count_params(configuration.structure)):
        return 0
    known = configuration in seen
    draw = seen.setdefault(configuration, Draw(values, configuration))
    if seed is not None and seed not in draw.seeds:
        draw.seeds.append(int(seed))
        return 0
    return int(known)


def _distinct_first(
    question: SearchProblem, points: Iterable[tuple[int, Params]], most: int | None
) -> tuple[list[Draw], int]:
    """Up to `most` draws in grid order, those of new configurations before their likes."""
    first: dict[Configuration, tuple[int, Draw]] = {}
    again: list[tuple[int, Draw]] = []
    for position, params in points:
        configuration = question.configure(params)
        draw = (position, Draw(params, configuration))
        if configuration in first:
            again.append(draw)
        else:
            first[configuration] = draw
        if most is not None and len(first) >= most:
            break
    room = None if most is None else most - len(first)
    chosen = sorted([*first.values(), *again[:room]], key=lambda item: item[0])
    return [draw for _, draw in chosen], len(chosen) - len(first)


def _with_seeds(draws: Sequence[Draw], seeds: Sequence[int]) -> tuple[Draw, ...]:
    return tuple(replace(draw, seeds=list(seeds)) for draw in draws)


def _grid_point(found: ListedShapes, others: Mapping, point: int) -> Params:
    n_others = math.prod(len(values) for values in others.values())
    shape, other = divmod(point, n_others)
    return {**found.at(int(found.fitting[shape])), **_combination(others, other)}


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
