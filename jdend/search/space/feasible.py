"""The shapes of a space that fit the budget: all of them, if there are few enough to be listed.

A shape is a combination of values of the parameters that decide how many trainable parameters a
network has. All shapes are counted at once, and random proposals are then drawn uniformly from
those that fit. That has the same distribution as drawing from all of them until one fits, but no
draw is in vain.
"""

import math
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from jdend.models import Problem, architecture
from jdend.search.space.budget import Budget
from jdend.search.space.dimensions import Choice, IntRange, Space, Value
from jdend.search.space.parameter_count import count_points, counts_many
from jdend.search.space.validation import architectures_of, canonical

__all__ = ["Axis", "DrawnShapes", "FeasibleShapes", "ListedShapes", "feasible_shapes", "frames"]

# How many shapes are listed at most, and how many are drawn if there are more. The first number is
# for spaces that formulas count at once, the second for those whose shapes are counted one by one.
MAX_LISTED_SHAPES = (4_000_000, 2_000)
MAX_DRAWN_SHAPES = (2_000_000, 10_000)
# How many shapes are drawn and counted at a time.
BLOCK_SHAPES = 8192

Params = dict[str, Value]


@dataclass(frozen=True)
class Axis:
    """A parameter that decides a network's size, and the values it can take."""

    name: str
    values: Sequence[Value]

    @property
    def field(self) -> str:
        return canonical(self.name)

    @property
    def sizes(self) -> Sequence[int]:
        """The values, of an axis that is a size."""
        if isinstance(self.values, range):
            return self.values
        return [value for value in self.values if isinstance(value, int)]

    @property
    def is_size(self) -> bool:
        """Whether all values are whole numbers, so that they can be counted at once."""
        return isinstance(self.values, range) or all(type(v) is int for v in self.values)

    @property
    def varies(self) -> bool:
        """Whether it has several values. Those of a range differ, and it may be very long."""
        return len(self.values if isinstance(self.values, range) else {*self.values}) > 1


class FeasibleShapes(Protocol):
    """The shapes of a space that fit the budget.

    Attributes:
      axes: the parameters of which a shape is a combination of values.
      n_fit, n_over, n_under: how many shapes fit, are too large and too small. If the space is too
        large to be listed, these are numbers of shapes that were drawn.
    """

    axes: tuple[Axis, ...]
    n_fit: int
    n_over: int
    n_under: int

    def draw(self, rng: np.random.Generator, n: int) -> list[Params]:
        """Draws `n` shapes that fit; fewer if long drawing gives no more."""
        ...


def feasible_shapes(
    space: Space, problem: Problem, budget: Budget, rng: np.random.Generator
) -> FeasibleShapes:
    """Lists the shapes of a space if there are few enough, otherwise draws from them.

    Args:
      space: a space that `check_space` accepts for the problem.
      problem: the data's features, classes and image shape.
      budget: which parameter counts fit.
      rng: draws from a space that is too large to be listed.
    """
    axes = tuple(_axes(space))
    at_once = 0 if _count_at_once(axes, problem) else 1
    n_left_out = 0
    if _size(axes) > MAX_LISTED_SHAPES[at_once] and at_once == 0:
        whole, axes = axes, _without_too_large(axes, problem, budget)
        n_left_out = _size(whole) - _size(axes)
    if _size(axes) <= MAX_LISTED_SHAPES[at_once]:
        return ListedShapes(axes, problem, budget, n_left_out)
    return DrawnShapes(axes, problem, budget, rng, MAX_DRAWN_SHAPES[at_once])


def _size(axes: Sequence[Axis]) -> int:
    """How many shapes there are."""
    return math.prod(len(axis.values) for axis in axes)


def _count_at_once(axes: Sequence[Axis], problem: Problem) -> bool:
    """Whether formulas count all shapes, so that none is traced."""
    return all(counts_many(frame, _smallest(axes), problem) for frame in frames(axes))


def _smallest(axes: Sequence[Axis]) -> dict[str, np.ndarray]:
    """The smallest value of each size. A range begins with it, and may be very long."""
    sizes = [(axis.field, axis.sizes) for axis in axes if axis.is_size]
    smallest = {field: s[0] if isinstance(s, range) else min(s) for field, s in sizes}
    return {field: np.array(value, np.int64) for field, value in smallest.items()}


def _without_too_large(
    axes: tuple[Axis, ...], problem: Problem, budget: Budget
) -> tuple[Axis, ...]:
    """The axes with each range cut after the largest value that fits if all other sizes are at
    their smallest."""
    smallest = _smallest(axes)

    def can_fit(axis: Axis, value: int) -> bool:
        sizes = {**smallest, axis.field: np.asarray(value, np.int64)}
        return any(not budget.over(count_points(f, sizes, problem)) for f in frames(axes))

    def cut(axis: Axis) -> Axis:
        if not isinstance(axis.values, range):
            return axis
        n = bisect_left(axis.values, True, key=lambda value: not can_fit(axis, value))
        return Axis(axis.name, axis.values[: max(1, n)])

    return tuple(cut(axis) for axis in axes)


class ListedShapes:
    """All shapes of a space, with their parameter counts; see `FeasibleShapes`.

    Args:
      axes, problem, budget: see `feasible_shapes`.
      n_left_out: how many shapes of the space are not listed because they are too large.

    Attributes:
      counts: the parameters of each shape as int64, in the order of `itertools.product`.
      fitting: the positions in `counts` of the shapes that fit.
    """

    def __init__(
        self, axes: tuple[Axis, ...], problem: Problem, budget: Budget, n_left_out: int = 0
    ):
        self.axes = axes
        self._sides = tuple(len(axis.values) for axis in axes)
        self.counts = self._count(problem)
        self.fitting = np.flatnonzero(budget.fits(self.counts))
        self.n_fit = len(self.fitting)
        self.n_over = int(np.count_nonzero(budget.over(self.counts))) + n_left_out
        self.n_under = int(np.count_nonzero(budget.under(self.counts)))

    def draw(self, rng: np.random.Generator, n: int) -> list[Params]:
        if self.n_fit == 0:
            return []
        return [self.at(int(self.fitting[i])) for i in rng.integers(self.n_fit, size=n)]

    def at(self, position: int) -> Params:
        """The shape at a position of `counts`."""
        where = np.unravel_index(position, self._sides) if self._sides else ()
        return {axis.name: axis.values[int(i)] for axis, i in zip(self.axes, where, strict=True)}

    def _count(self, problem: Problem) -> np.ndarray:
        counts = np.empty(self._sides, np.int64)
        framing = [i for i, axis in enumerate(self.axes) if not axis.is_size]
        n_sizes = len(self.axes) - len(framing)
        sizes = {}
        for axis in (axis for axis in self.axes if axis.is_size):
            side = [1] * n_sizes
            side[len(sizes)] = -1
            sizes[axis.field] = np.asarray(axis.values, np.int64).reshape(side)
        for where in np.ndindex(*(self._sides[i] for i in framing)):
            at = dict(zip(framing, where, strict=True))
            frame = {self.axes[i].field: self.axes[i].values[j] for i, j in at.items()}
            index = tuple(at.get(i, slice(None)) for i in range(len(self.axes)))
            counts[index] = count_points(frame, sizes, problem)
        return counts.reshape(-1)


class DrawnShapes:
    """Shapes drawn from a space that is too large to be listed; see `FeasibleShapes`.

    Args:
      axes, problem, budget, rng: see `feasible_shapes`.
      max_drawn: how many shapes are drawn at most until enough fit.
    """

    def __init__(
        self,
        axes: tuple[Axis, ...],
        problem: Problem,
        budget: Budget,
        rng: np.random.Generator,
        max_drawn: int,
    ):
        self.axes = axes
        self.n_fit = self.n_over = self.n_under = 0
        self._problem, self._budget, self._max_drawn = problem, budget, max_drawn
        self._unused: list[Params] = []  # shapes that fit and were not handed out yet
        self._n_drawn = 0
        self._search(rng, 1)

    def draw(self, rng: np.random.Generator, n: int) -> list[Params]:
        self._search(rng, n)
        drawn, self._unused = self._unused[:n], self._unused[n:]
        return drawn

    def _search(self, rng: np.random.Generator, n: int) -> None:
        """Draws blocks of shapes until `n` that fit are unused, or too many were drawn."""
        last = self._n_drawn + self._max_drawn
        while len(self._unused) < n and self._n_drawn < last:
            block = min(BLOCK_SHAPES, self._max_drawn)
            where = [rng.integers(len(axis.values), size=block) for axis in self.axes]
            counts = self._count(where, block)
            self._n_drawn += block
            fitting = np.flatnonzero(self._budget.fits(counts))
            self.n_fit += len(fitting)
            self.n_over += int(np.count_nonzero(self._budget.over(counts)))
            self.n_under += int(np.count_nonzero(self._budget.under(counts)))
            for i in fitting:
                chosen = zip(self.axes, where, strict=True)
                self._unused.append({axis.name: axis.values[int(w[i])] for axis, w in chosen})

    def _count(self, where: list[np.ndarray], block: int) -> np.ndarray:
        counts = np.empty(block, np.int64)
        framing = [i for i, axis in enumerate(self.axes) if not axis.is_size]
        sizes = {
            axis.field: _values_at(axis, w)
            for axis, w in zip(self.axes, where, strict=True)
            if axis.is_size
        }
        for frame in np.ndindex(*(len(self.axes[i].values) for i in framing)):
            at = dict(zip(framing, frame, strict=True))
            rows = np.ones(block, bool)
            for i, j in at.items():
                rows &= where[i] == j
            if rows.any():
                fields = {self.axes[i].field: self.axes[i].values[j] for i, j in at.items()}
                of_rows = {field: column[rows] for field, column in sizes.items()}
                counts[rows] = count_points(fields, of_rows, self._problem)
        return counts


def _axes(space: Space) -> Iterator[Axis]:
    names = architectures_of(space)
    sizing = {"architecture"} | {
        field
        for arch in map(architecture, names)
        for field in arch.fields
        if arch.field(field).fixes_shape
    }
    for name, dimension in space.dimensions.items():
        if canonical(name) not in sizing:
            continue
        if isinstance(dimension, Choice):
            yield Axis(name, dimension.values)
        elif isinstance(dimension, IntRange):
            yield Axis(name, range(dimension.low, dimension.high + 1))


def _values_at(axis: Axis, where: np.ndarray) -> np.ndarray:
    if isinstance(axis.values, range):
        return axis.values.start + where.astype(np.int64)
    return np.asarray(axis.values, np.int64)[where]


def frames(axes: Sequence[Axis]) -> Iterator[Mapping[str, Value]]:
    """Each combination of the values of the axes that are not sizes, by field."""
    framing = [axis for axis in axes if not axis.is_size]
    for where in np.ndindex(*(len(axis.values) for axis in framing)):
        yield {axis.field: axis.values[j] for axis, j in zip(framing, where, strict=True)}
