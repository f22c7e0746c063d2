"""Packs different shapes into few programs by padding each group to a common capacity.

The shapes are sorted in several ways. For each order, dynamic programming finds the cheapest
division into consecutive groups. Letters: `n` shapes, `p` programs.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from jdend.search.planning.cost_model import REFERENCE_BATCH_SIZE, Cost, ShapeLoads

__all__ = ["max_programs_worth", "pack_shapes"]

Positions = NDArray[np.intp]
CountCapacity = Callable[[dict[str, np.ndarray]], np.ndarray]


def pack_shapes(
    shapes: ShapeLoads, n_batches: float, cost: Cost, count: CountCapacity, max_groups: int
) -> list[tuple[float, list[list[int]]]]:
    """The cheapest divisions into 1, 2, … up to `max_groups` groups.

    Args:
      shapes: `n` different shapes of one architecture.
      n_batches: batches that a group loads per step: one a seed, in each of the generations.
      cost: the coefficients of the cost model.
      count: the number of parameters of capacities, for arrays of sizes.
      max_groups: the largest number of groups to try.

    Returns:
      For 1, 2, … groups, the milliseconds and the positions of each group's shapes.
    """
    best: list[tuple[float, list[list[int]]]] = []
    for order in _orders(shapes):
        table = _interval_costs(shapes, order, n_batches, cost, count)
        for position, (time, bounds) in enumerate(_divide(table, max_groups)):
            groups: list[list[int]] = [order[begin:end].tolist() for begin, end in bounds]
            if position == len(best):
                best.append((time, groups))
            elif time < best[position][0]:
                best[position] = (time, groups)
    return best


def max_programs_worth(n_shapes: int, limit: int | None) -> int:
    """The largest number of groups to try: more than 12 never paid off in measured searches."""
    return min(n_shapes, 12 if limit is None else limit)


def _orders(shapes: ShapeLoads) -> list[Positions]:
    """Permutations of the shapes: by each size, their product, parameters, and training length."""
    product = np.prod([values.astype(float) for values in shapes.sizes.values()], axis=0)
    keys = [product, shapes.params, shapes.steps * product, *shapes.sizes.values()]
    return [np.lexsort((product, key)) for key in keys]


def _interval_costs(
    shapes: ShapeLoads, order: Positions, n_batches: float, cost: Cost, count: CountCapacity
) -> np.ndarray:
    """Milliseconds `[n, n]` of a group from the i-th to the j-th shape of the order, inclusive."""
    n = len(order)
    table = np.full((n, n), np.inf)
    work, trials = shapes.work(cost)[order], shapes.trials[order]
    # The milliseconds per step and parameter of the capacity, for each shape.
    padding = cost.padded * trials + cost.resampled * shapes.resamplings[order]
    for i in range(n):
        capacity = {
            name: np.maximum.accumulate(values[order[i:]]) for name, values in shapes.sizes.items()
        }
        # Trials that end earlier stay in their program to its end.
        steps = np.maximum.accumulate(shapes.steps[order[i:]])
        batch = cost.batch * n_batches * shapes.batch_size / REFERENCE_BATCH_SIZE
        step = batch + np.cumsum(work[i:]) + count(capacity) * np.cumsum(padding[i:])
        table[i, i:] = cost.program + steps * step
    return table


def _divide(table: np.ndarray, max_groups: int) -> list[tuple[float, list[tuple[int, int]]]]:
    """The cheapest division of `0 … n-1` into 1, 2, … `max_groups` intervals `[begin, end)`."""
    n = len(table)
    best = table[0].copy()  # cost of the first j + 1 shapes with p + 1 programs
    starts: list[np.ndarray] = [np.zeros(n, int)]
    divisions: list[tuple[float, list[tuple[int, int]]]] = []
    for p in range(max_groups):
        if p > 0:
            # candidates[i, j]: the shapes before i in p programs, those from i to j in one more.
            candidates = np.full((n, n), np.inf)
            candidates[1:] = best[:-1, None] + table[1:]
            starts.append(np.argmin(candidates, axis=0))
            best = candidates[starts[-1], np.arange(n)]
        divisions.append((float(best[-1]), _trace_back(starts, n)))
    return divisions


def _trace_back(starts: list[np.ndarray], n: int) -> list[tuple[int, int]]:
    bounds: list[tuple[int, int]] = []
    end = n
    for first in reversed(starts):
        begin = int(first[end - 1])
        bounds.append((begin, end))
        end = begin
    return bounds[::-1]
