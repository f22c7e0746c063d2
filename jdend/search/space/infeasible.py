"""Why nothing in a space fits the budget, and the nearest change that would help."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from jdend.models import DEFAULTS, Problem, architecture
from jdend.search.errors import BudgetError
from jdend.search.space.budget import Budget
from jdend.search.space.dimensions import Value
from jdend.search.space.feasible import FeasibleShapes, ListedShapes, frames
from jdend.search.space.parameter_count import count_points

__all__ = ["nothing_fits"]

# Larger values of a size are not suggested.
LARGEST_SIZE = 1_000_000


@dataclass(frozen=True)
class _Corner:
    """The smallest or the largest network of a space: its fields, and its parameter count."""

    count: int
    frame: Mapping[str, Value]
    sizes: Mapping[str, int]


def nothing_fits(shapes: FeasibleShapes, problem: Problem, budget: Budget) -> BudgetError:
    """The error to raise: how large the nearest networks are, and which parameter to change."""
    smallest = min(_corners(shapes, problem, min), key=lambda corner: corner.count)
    largest = max(_corners(shapes, problem, max), key=lambda corner: corner.count)
    if budget.over(smallest.count):
        return BudgetError(
            f"no network in this space fits {_allowed(budget)}: the smallest, {_named(smallest)}, "
            f"has {smallest.count:,}. {_smaller(smallest, problem, budget)}"
            f"a budget of at least {smallest.count:,}"
        )
    if budget.under(largest.count):
        return BudgetError(
            f"no network in this space fits {_allowed(budget)}: the largest, {_named(largest)}, "
            f"has {largest.count:,}. {_larger(largest, problem, budget)}"
            f"a budget of {largest.count:,}"
        )
    if not isinstance(shapes, ListedShapes):
        n_drawn = shapes.n_over + shapes.n_under
        return BudgetError(
            f"none of {n_drawn:,} random networks of this space has {_allowed(budget)}: "
            f"{shapes.n_over:,} have more, {shapes.n_under:,} have fewer; narrow its ranges"
        )
    below = int(shapes.counts[budget.under(shapes.counts)].max())
    above = int(shapes.counts[budget.over(shapes.counts)].min())
    return BudgetError(
        f"no network in this space fits {_allowed(budget)}: the nearest have {below:,} and "
        f"{above:,}. Give values in between, lower min_param_ratio to "
        f"{math.floor(below / budget.max_params * 1000) / 1000:g}, or take a budget of {above:,}"
    )


def _allowed(budget: Budget) -> str:
    return f"{budget.min_params:,} to {budget.max_params:,} parameters"


def _named(corner: _Corner) -> str:
    fields = {**corner.frame, **corner.sizes}
    return ", ".join(f"{name}={value}" for name, value in fields.items()) or "with its defaults"


def _corners(shapes: FeasibleShapes, problem: Problem, end: Callable) -> Iterator[_Corner]:
    """For each combination of the values that are not sizes, the network with the smallest or the
    largest sizes; `end` is `min` or `max`. Sizes that the space leaves out have their defaults."""
    extremes = {axis.field: int(end(axis.values)) for axis in shapes.axes if axis.is_size}
    for frame in frames(shapes.axes):
        arch = architecture(str(frame.get("architecture", DEFAULTS["architecture"])))
        own = arch.defaults_for(problem)
        defaults = {f: v for f, v in own.items() if type(v) is int and f not in frame}
        sizes = defaults | {f: size for f, size in extremes.items() if f in arch.fields}
        yield _Corner(_count(frame, sizes, problem), frame, sizes)


def _count(frame: Mapping[str, Value], sizes: Mapping[str, int], problem: Problem) -> int:
    return int(count_points(frame, {f: np.asarray(v, np.int64) for f, v in sizes.items()}, problem))


def _smaller(corner: _Corner, problem: Problem, budget: Budget) -> str:
    """Advises to lower the one size that has to change least for the network to fit."""
    options = []
    for field, size in corner.sizes.items():

        def count(value: int, field=field) -> int:
            return _count(corner.frame, {**corner.sizes, field: value}, problem)

        if size > 1 and not budget.over(count(1)):
            value = _last(lambda v: not budget.over(count(v)), 1, size)
            text = f"Lower {field} to {value}, or take "
            options.append((not budget.fits(count(value)), size / value, text))
    return min(options)[-1] if options else "Lower several sizes, or take "


def _larger(corner: _Corner, problem: Problem, budget: Budget) -> str:
    """Advises to raise the one size that has to change least for the network to fit."""
    options = []
    for field, size in corner.sizes.items():
        end = problem.most(field) or LARGEST_SIZE

        def count(value: int, field=field) -> int:
            return _count(corner.frame, {**corner.sizes, field: value}, problem)

        if size < end and not budget.under(count(end)):
            value = _last(lambda v: bool(budget.under(count(v))), size, end) + 1
            text = f"Raise {field} to {value}, or take "
            options.append((not budget.fits(count(value)), value / size, text))
    return min(options)[-1] if options else "Raise several sizes, or take "


def _last(holds: Callable[[int], bool], low: int, high: int) -> int:
    """The last whole number in [low, high) for which `holds` is true. It is true for `low`, and
    false for all numbers above that one."""
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low
