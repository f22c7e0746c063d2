"""The static dimensions of a study, and how their points become configurations that fit.

Whether a network fits the budget depends on all of its sizes together. A sampler that proposed
every size by itself would mostly propose networks that do not fit. And if the range of one size
were adapted to the others, it would differ from trial to trial, and the sampler could not learn
from it. So one size is not a dimension. In its place stands `fill`, the share of the budget to
use; the size is derived from `fill` and the other sizes. Every point then means a configuration
that fits.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from jdend.fields import canonical_name
from jdend.models import Configuration
from jdend.search.space.dimensions import Choice, Dimension, IntRange, RealRange, Value
from jdend.search.space.feasible import Axis, FeasibleShapes, ListedShapes, feasible_shapes
from jdend.search.space.infeasible import nothing_fits
from jdend.search.space.parameter_count import count_points
from jdend.search.space.problem import SearchProblem
from jdend.search.space.validation import check_space

__all__ = ["FILL", "Encoding", "Params"]

FILL = "fill"
# The size that `fill` stands for where it is about as good as another.
PREFERRED_SIZE = "n_dendrite_inputs"
# How many shapes that fit are compared, at most, to find the nearest.
MAX_NEAR_SHAPES = 200_000
# How many shapes are drawn from a space that is too large to be listed.
N_DRAWN_SHAPES = 2_000

Params = dict[str, Value]
Point = Mapping[str, Any]


class Encoding:
    """Turns points into configurations that fit the budget, and back.

    Args:
      problem: what is searched; its `seed` is ignored.

    Attributes:
      dimensions: by name, in the space's order, `fill` last. Each has only the values with which
        some network fits. Constants are left out.
      derived: the size that `fill` stands for; None if no size varies. It is the size that can make
        the most combinations of the other values fit, or `n_dendrite_inputs` if that can do so for
        at least half as many.
      n_fit, n_over, n_under: how many shapes fit, are too large and too small; see
        `jdend.search.space.feasible`.

    Raises:
      SpaceError: for what `check_space` refuses.
      BudgetError: if nothing fits.
    """

    def __init__(self, problem: SearchProblem):
        self._problem = problem = problem.seedless
        check_space(problem.space, problem.problem, problem.defaults)
        # From a space that is too large to be listed, always the same shapes are drawn.
        rng = np.random.default_rng(0)
        shapes = feasible_shapes(problem.space, problem.problem, problem.budget, rng)
        if shapes.n_fit == 0:
            raise nothing_fits(shapes, problem.problem, problem.budget)
        self.n_fit, self.n_over, self.n_under = shapes.n_fit, shapes.n_over, shapes.n_under
        positions = _positions(shapes, rng)
        self._listed = isinstance(shapes, ListedShapes)
        derived = _derived(shapes.axes, positions, listed=self._listed)
        others = [i for i in range(len(shapes.axes)) if i != derived]
        self._axis = None if derived is None else shapes.axes[derived]
        self.derived = None if self._axis is None else self._axis.name
        self._others = tuple(shapes.axes[i] for i in others)
        self._reachable = _distinct_rows(positions[:, others])
        self.dimensions, self._constants = self._dimensions()

    def params(self, point: Point) -> Params:
        """The parameters that a point means, under the space's names.

        If no value of the derived size fits beside the point's other sizes, these are moved to the
        nearest sizes beside which one fits.

        Args:
          point: a value for each dimension.
        """
        point = {**self._constants, **point}
        others: Params = {axis.name: point[axis.name] for axis in self._others}
        values, counts = self._feasible(others)
        if len(values) == 0:
            others = self._nearest(others)
            values, counts = self._feasible(others)
        if self._axis is not None:
            others[self._axis.name] = values[self._position(point.get(FILL, 1.0), counts)]
        dimensions = self._problem.space.dimensions.items()
        return {n: others[n] if n in others else _clipped(d, point[n]) for n, d in dimensions}

    def point(self, params: Point) -> dict[str, object]:
        """The point of parameters that fit: `params` turns it into these parameters again."""
        point = {name: params[name] for name in self.dimensions if name != FILL}
        if FILL in self.dimensions and self._axis is not None:
            values, counts = self._feasible({a.name: params[a.name] for a in self._others})
            point[FILL] = self._fill(values.index(params[self._axis.name]), counts)
        return point

    def configure(self, params: Point) -> Configuration:
        """The configuration of drawn parameters; `seed` is ignored."""
        return self._problem.configure({n: v for n, v in params.items() if n != "seed"})

    def own_names(self, point: Point) -> dict[str, object]:
        """The point with the dimensions' names of this space; it may use aliases of them."""
        names = {canonical_name(name): name for name in self.dimensions}
        return {names.get(canonical_name(name), name): value for name, value in point.items()}

    @property
    def _by_count(self) -> bool:
        """Whether the derived size is a range, for which `fill` is a share of the budget. Of a list
        it says the position among the values that fit."""
        return self._axis is not None and isinstance(self._axis.values, range)

    def _dimensions(self) -> tuple[dict[str, Dimension], Params]:
        """The dimensions that vary, and the values of the parameters that do not."""
        free: dict[str, Dimension] = {}
        constants: Params = {}
        for name, dimension in self._problem.space.dimensions.items():
            if name == self.derived:
                continue
            position = next((i for i, a in enumerate(self._others) if a.name == name), None)
            if position is not None:
                dimension = self._restricted(dimension, position)
            elif isinstance(dimension, Choice):
                dimension = Choice(_distinct(dimension.values))
            only = _only_value(dimension)
            if only:
                constants[name] = only[0]
            else:
                free[name] = dimension
        ratio = self._problem.budget.min_param_ratio
        if self._axis is not None and ratio < 1:
            free[FILL] = RealRange(ratio, 1.0)
        return free, constants

    def _restricted(self, dimension: Dimension, position: int) -> Dimension:
        """The dimension without the values with which no network fits."""
        axis, used = self._others[position], np.unique(self._reachable[:, position])
        if isinstance(dimension, Choice):
            return Choice(_distinct([axis.values[int(i)] for i in used]))
        if not self._listed:
            return IntRange(axis.sizes[0], axis.sizes[-1])
        return IntRange(axis.sizes[int(used[0])], axis.sizes[int(used[-1])])

    def _feasible(self, others: Params) -> tuple[list[Value], np.ndarray]:
        """The values of the derived size that fit beside the other values, fewest parameters first,
        and the number of parameters with each."""
        frame = {axis.field: others[axis.name] for axis in self._others if not axis.is_size}
        sizes = {
            axis.field: np.array([others[axis.name]], np.int64)
            for axis in self._others
            if axis.is_size
        }
        values: Sequence[Value] = (None,)
        if self._axis is not None:
            values = self._axis.values
            sizes[self._axis.field] = np.asarray(values, np.int64)
        counts = np.atleast_1d(count_points(frame, sizes, self._problem.problem))
        fits = np.flatnonzero(self._problem.budget.fits(counts))
        order = fits[np.argsort(counts[fits], kind="stable")]
        unique = dict.fromkeys(values[int(i)] for i in order)
        if len(unique) == len(order):
            return list(unique), counts[order]
        return list(unique), np.array([counts[values.index(value)] for value in unique])

    def _nearest(self, others: Params) -> Params:
        """The nearest combination that fits; values that are no sizes change only if they must."""
        distance = np.zeros(len(self._reachable))
        for column, axis in zip(self._reachable.T, self._others, strict=True):
            here = axis.values.index(others[axis.name])
            if axis.is_size:
                distance += ((column - here) / len(axis.values)) ** 2
            else:
                distance += np.where(column == here, 0.0, len(self._others))
        row = self._reachable[int(np.argmin(distance))]
        return {a.name: a.values[int(i)] for a, i in zip(self._others, row, strict=True)}

    def _position(self, fill: float, counts: np.ndarray) -> int:
        """The position of the value that `fill` means, among those of `_feasible`."""
        budget = self._problem.budget
        if self._by_count:
            return int(np.argmin(np.abs(counts - fill * budget.max_params)))
        ratio = budget.min_param_ratio
        share = (fill - ratio) / (1 - ratio) if ratio < 1 else 0.0
        return min(max(int(share * len(counts)), 0), len(counts) - 1)

    def _fill(self, position: int, counts: np.ndarray) -> float:
        """The `fill` that means the value at this position: the inverse of `_position`."""
        budget = self._problem.budget
        ratio = budget.min_param_ratio
        if self._by_count:
            return float(np.clip(counts[position] / budget.max_params, ratio, 1.0))
        return ratio + (1 - ratio) * (position + 0.5) / len(counts)


def _positions(shapes: FeasibleShapes, rng: np.random.Generator) -> np.ndarray:
    """Shapes that fit, one in each row, as positions on the axes."""
    axes = shapes.axes
    if not axes:
        return np.zeros((1, 0), np.int64)
    if isinstance(shapes, ListedShapes):
        step = -(-shapes.n_fit // MAX_NEAR_SHAPES)
        sides = tuple(len(axis.values) for axis in axes)
        return np.stack(np.unravel_index(shapes.fitting[::step], sides), axis=1)
    drawn = shapes.draw(rng, N_DRAWN_SHAPES)
    rows = [[axis.values.index(shape[axis.name]) for axis in axes] for shape in drawn]
    return np.array(rows, np.int64)


def _derived(axes: Sequence[Axis], positions: np.ndarray, *, listed: bool) -> int | None:
    """The position of the size that can make the most combinations of the others fit."""
    shares: dict[int, float] = {}
    for i, axis in enumerate(axes):
        if axis.is_size and axis.varies:
            others = [j for j in range(len(axes)) if j != i]
            n_others = float(np.prod([len(axes[j].values) for j in others]))
            shares[i] = len(_distinct_rows(positions[:, others])) / n_others
    if not shares:
        return None
    preferred = next((i for i in shares if axes[i].name == PREFERRED_SIZE), None)
    if preferred is not None and (not listed or 2 * shares[preferred] >= max(shares.values())):
        return preferred
    return max(shares, key=lambda i: (shares[i], i == preferred))


def _distinct_rows(rows: np.ndarray) -> np.ndarray:
    """`np.unique(rows, axis=0)` in a tenth of the time: it compares rows, this sorts by columns."""
    if rows.shape[1] == 0:
        return rows[:1]
    rows = rows[np.lexsort(rows.T[::-1])]
    is_new = np.append(True, (rows[1:] != rows[:-1]).any(axis=1))
    return rows[is_new]


def _distinct(values: Sequence[Value]) -> tuple[Value, ...]:
    """The values without repetitions; 1 and True count as different."""
    return tuple({(type(value), value): value for value in values}.values())


def _only_value(dimension: Dimension) -> tuple[Value, ...]:
    """The value of a dimension that has only one; empty if it has several."""
    if isinstance(dimension, Choice):
        distinct = _distinct(dimension.values)
        return distinct if len(distinct) == 1 else ()
    return (dimension.low,) if dimension.low == dimension.high else ()


def _clipped(dimension: Dimension, value: Any) -> Value:
    if isinstance(dimension, Choice):
        return value
    kind = int if isinstance(dimension, IntRange) else float
    return kind(min(max(value, dimension.low), dimension.high))
