"""A study's static dimensions, and the configurations that its points mean.

A size that has to fit the budget depends on all the others, so a sampler that proposed it directly
would mostly miss, and could learn nothing of it if its range moved. So one size is no dimension:
`fill`, the share of the budget to use, stands for it. Its own value is derived from the other sizes
and `fill`, and every point means a configuration that fits.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from jdend.fields import canonical_name
from jdend.models import Configuration
from jdend.search.space.budget import count_points
from jdend.search.space.dimensions import Choice, Dimension, IntRange, RealRange, Value
from jdend.search.space.feasible import Axis, FeasibleShapes, ListedShapes, feasible_shapes
from jdend.search.space.infeasible import nothing_fits
from jdend.search.space.problem import SearchProblem
from jdend.search.space.validation import check_space

__all__ = ["FILL", "Encoding", "Params"]

FILL = "fill"
PREFERRED = "n_dendrite_inputs"
# Of the combinations of other values that fit, so many are looked at for the nearest.
MOST_NEAR = 200_000
# Shapes that are drawn of a space too large to be listed.
N_DRAWN = 2_000

Params = dict[str, Value]
Point = Mapping[str, object]


class Encoding:
    """Maps points to configurations that fit the budget, and back.

    Args:
      problem: what is searched; `seed` plays no part.

    Attributes:
      dimensions: by name, in the space's order, `fill` last; of each, only values with which
        something fits. Constants are left out.
      derived: the size that `fill` stands for, None if no size is free: that which can make most
        combinations of the other values fit, or `n_dendrite_inputs` if it makes half as many.
      n_fit, n_over, n_under: shapes, see `jdend.search.space.feasible`.

    Raises:
      SpaceError: for what `check_space` refuses.
      BudgetError: if nothing fits.
    """

    def __init__(self, problem: SearchProblem):
        self._problem = problem = problem.seedless
        check_space(problem.space, problem.problem, problem.defaults)
        # The generator draws shapes of a space too large to be listed, always the same.
        rng = np.random.default_rng(0)
        found = feasible_shapes(problem.space, problem.problem, problem.budget, rng)
        if found.n_fit == 0:
            raise nothing_fits(found, problem.problem, problem.budget)
        self.n_fit, self.n_over, self.n_under = found.n_fit, found.n_over, found.n_under
        fitting = _fitting(found, rng)
        self._listed = isinstance(found, ListedShapes)
        axis = _derived(found.axes, fitting, listed=self._listed)
        self._axis = None if axis is None else found.axes[axis]
        self.derived = None if self._axis is None else self._axis.name
        self._others = tuple(a for i, a in enumerate(found.axes) if i != axis)
        columns = [i for i in range(len(found.axes)) if i != axis]
        self._reachable = np.unique(fitting[:, columns], axis=0)
        self.dimensions = self._dimensions()

    def params(self, point: Point) -> Params:
        """The configuration, under the space's names, that a point means.

        Other sizes that leave the derived one no value are moved to the nearest that do.

        Args:
          point: a value for each dimension.
        """
        given = {**self._constants, **point}
        others = {axis.name: given[axis.name] for axis in self._others}
        values, counts = self._feasible(others)
        if len(values) == 0:
            others = self._nearest(others)
            values, counts = self._feasible(others)
        chosen: Params = {**others}  # pyright: ignore[reportAssignmentType]
        if self._axis is not None:
            chosen[self._axis.name] = values[self._position(given.get(FILL, 1.0), counts)]
        names = self._problem.space.dimensions
        return {n: chosen[n] if n in chosen else _clipped(names[n], given[n]) for n in names}

    def point(self, params: Mapping[str, object]) -> dict[str, object]:
        """Where a configuration that fits lies: `params` of it gives that configuration again."""
        point = {name: params[name] for name in self.dimensions if name != FILL}
        if FILL in self.dimensions and self._axis is not None:
            values, counts = self._feasible({a.name: params[a.name] for a in self._others})
            size = values.index(params[self._axis.name])  # pyright: ignore[reportArgumentType]
            point[FILL] = self._fill(size, counts)
        return point

    def configure(self, params: Mapping[str, object]) -> Configuration:
        """What drawn parameters mean, `seed` left out."""
        return self._problem.configure({n: v for n, v in params.items() if n != "seed"})

    def own_names(self, point: Point) -> dict[str, object]:
        """A point whose dimensions may have other names of the same fields, under its own."""
        names = {canonical_name(name): name for name in self.dimensions}
        return {names.get(canonical_name(name), name): value for name, value in point.items()}

    @property
    def _by_count(self) -> bool:
        """Whether `fill` is a share of the budget; of a list it indexes the values that fit."""
        return self._axis is not None and isinstance(self._axis.values, range)

    def _dimensions(self) -> dict[str, Dimension]:
        self._constants: Params = {}
        found: dict[str, Dimension] = {}
        for name, dimension in self._problem.space.dimensions.items():
            if name == self.derived:
                continue
            position = next((i for i, a in enumerate(self._others) if a.name == name), None)
            if position is not None:
                dimension = self._that_fits(dimension, position)
            elif isinstance(dimension, Choice):
                dimension = Choice(_distinct(dimension.values))
            only = _only_value(dimension)
            if only:
                self._constants[name] = only[0]
            else:
                found[name] = dimension
        ratio = self._problem.budget.min_param_ratio
        if self._axis is not None and ratio < 1:
            found[FILL] = RealRange(ratio, 1.0)
        return found

    def _that_fits(self, dimension: Dimension, position: int) -> Dimension:
        axis, used = self._others[position], np.unique(self._reachable[:, position])
        if isinstance(dimension, Choice):
            return Choice(_distinct([axis.values[int(i)] for i in used]))
        if not self._listed:
            return IntRange(axis.values[0], axis.values[-1])  # pyright: ignore[reportArgumentType]
        return IntRange(axis.values[int(used[0])], axis.values[int(used[-1])])  # pyright: ignore

    def _feasible(self, others: Mapping[str, object]) -> tuple[list[Value], np.ndarray]:
        """The derived size's values that fit beside the others, by count, and their counts."""
        of_axis = {axis.name: axis for axis in self._others}
        frame = {a.field: others[n] for n, a in of_axis.items() if not a.is_size}
        sizes = {
            a.field: np.asarray(others[n], np.int64).reshape(1)
            for n, a in of_axis.items()
            if a.is_size
        }
        values: Sequence[Value] = (None,)
        if self._axis is not None:
            values = self._axis.values
            sizes[self._axis.field] = np.asarray(values, np.int64)
        counts = np.atleast_1d(count_points(frame, sizes, self._problem.problem))
        fits = np.flatnonzero(self._problem.budget.fits(counts))
        order = fits[np.argsort(counts[fits], kind="stable")]
        unique = dict.fromkeys(values[int(i)] for i in order)
        return list(unique), counts[order] if len(unique) == len(order) else _counts_of(
            unique, values, counts
        )

    def _nearest(self, others: Mapping[str, object]) -> Params:
        """The combination that fits and lies nearest; what is no size changes last."""
        distance = np.zeros(len(self._reachable))
        for column, axis in zip(self._reachable.T, self._others, strict=True):
            here = axis.values.index(others[axis.name])  # pyright: ignore[reportArgumentType]
            if axis.is_size:
                distance += ((column - here) / len(axis.values)) ** 2
            else:
                distance += np.where(column == here, 0.0, len(self._others))
        row = self._reachable[int(np.argmin(distance))]
        return {a.name: a.values[int(i)] for a, i in zip(self._others, row, strict=True)}

    def _position(self, fill: object, counts: np.ndarray) -> int:
        budget = self._problem.budget
        if self._by_count:
            return int(np.argmin(np.abs(counts - float(fill) * budget.max_params)))  # pyright: ignore
        ratio = budget.min_param_ratio
        share = (float(fill) - ratio) / (1 - ratio) if ratio < 1 else 0.0  # pyright: ignore
        return min(max(int(share * len(counts)), 0), len(counts) - 1)

    def _fill(self, position: int, counts: np.ndarray) -> float:
        budget = self._problem.budget
        ratio = budget.min_param_ratio
        if self._by_count:
            return float(np.clip(counts[position] / budget.max_params, ratio, 1.0))
        return ratio + (1 - ratio) * (position + 0.5) / len(counts)


def _fitting(found: FeasibleShapes, rng: np.random.Generator) -> np.ndarray:
    """Shapes that fit, as positions on the axes, one a row."""
    if isinstance(found, ListedShapes):
        step = -(-found.n_fit // MOST_NEAR)
        sides = tuple(len(axis.values) for axis in found.axes)
        if not sides:
            return np.zeros((1, 0), np.int64)
        return np.stack(np.unravel_index(found.fitting[::step], sides), axis=1)
    drawn = found.draw(rng, N_DRAWN)
    rows = [[axis.values.index(shape[axis.name]) for axis in found.axes] for shape in drawn]  # pyright: ignore
    return np.array(rows, np.int64)


def _derived(axes: Sequence[Axis], fitting: np.ndarray, *, listed: bool) -> int | None:
    """The position of the size that makes most of the others' combinations fit."""
    shares = {}
    for i, axis in enumerate(axes):
        if axis.is_size and len(set(axis.values)) > 1:
            others = [j for j in range(len(axes)) if j != i]
            n_others = float(np.prod([len(axes[j].values) for j in others]))
            shares[i] = len(np.unique(fitting[:, others], axis=0)) / n_others
    if not shares:
        return None
    preferred = next((i for i in shares if axes[i].name == PREFERRED), None)
    if preferred is not None and (not listed or 2 * shares[preferred] >= max(shares.values())):
        return preferred
    return max(shares, key=lambda i: (shares[i], i == preferred))


def _counts_of(unique: Mapping, values: Sequence[Value], counts: np.ndarray) -> np.ndarray:
    """Of a list with repetitions, the counts of its distinct values."""
    return np.array([counts[values.index(value)] for value in unique])


def _distinct(values: Sequence[Value]) -> tuple[Value, ...]:
    """Without repetitions; 1 and True are not the same."""
    return tuple({(type(value), value): value for value in values}.values())


def _only_value(dimension: Dimension) -> tuple[Value, ...]:
    """The one value of a dimension that has no other, else nothing."""
    if isinstance(dimension, Choice):
        distinct = _distinct(dimension.values)
        return distinct if len(distinct) == 1 else ()
    return (dimension.low,) if dimension.low == dimension.high else ()


def _clipped(dimension: Dimension, value) -> Value:
    if isinstance(dimension, Choice):
        return value
    kind = int if isinstance(dimension, IntRange) else float
    return kind(min(max(value, dimension.low), dimension.high))
