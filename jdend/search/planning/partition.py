"""Packs different shapes into few programs: which to pad to a common capacity.

Shapes are sorted by size in several ways; along each order, dynamic programming finds the division
into consecutive groups that costs least. Letters: `n` shapes, `p` programs.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from jdend.search.planning.cost_model import BATCH, Cost, ShapeLoads

__all__ = ["most_programs_worth", "pack_shapes"]

Positions = NDArray[np.intp]
CountCapacity = Callable[[dict[str, np.ndarray]], np.ndarray]


def pack_shapes(
    shapes: ShapeLoads, n_batches: float, cost: Cost, count: CountCapacity, most: int
) -> list[tuple[float, list[list[int]]]]:
    """The best division into 1, 2, … up to `most` groups: its milliseconds, and its groups.

    Args:
      shapes: `n` different ones of one architecture.
      n_batches: a group takes so many a step: one a seed, and again in every generation.
      cost: the model.
      count: parameters of capacities, for arrays of sizes.
      most: the largest number of groups to try.

    Returns:
      For each number of groups, from one on, the time and the positions of each group's shapes.
    """
    best: list[tuple[float, list[list[int]]]] = []
    for order in _orders(shapes):
        table = _interval_costs(shapes, order, n_batches, cost, count)
        for position, (time, bounds) in enumerate(_divide(table, most)):
            groups: list[list[int]] = [order[begin:end].tolist() for begin, end in bounds]
            if position == len(best):
                best.append((time, groups))
            elif time < best[position][0]:
                best[position] = (time, groups)
    return best


def most_programs_worth(n: int, limit: int | None) -> int:
    """How many groups to consider: more than this never paid in any search measured."""
    return min(n, 12 if limit is None else limit)


def _orders(shapes: ShapeLoads) -> list[Positions]:
    """Permutations of the shapes: by each size, by their product, by parameters, by length."""
    product = np.prod([values.astype(float) for values in shapes.sizes.values()], axis=0)
    keys = [product, shapes.params, shapes.steps * product, *shapes.sizes.values()]
    return [np.lexsort((product, key)) for key in keys]


def _interval_costs(
    shapes: ShapeLoads, order: Positions, n_batches: float, cost: Cost, count: CountCapacity
) -> np.ndarray:
    """Milliseconds `[n, n]` of a group from the i-th to the j-th shape of the order, both in."""
    n = len(order)
    table = np.full((n, n), np.inf)
    work, trials = shapes.work(cost)[order], shapes.trials[order]
    # What a parameter of the capacity costs each shape a step.
    padding = cost.padded * trials + cost.resampled * shapes.resamplings[order]
    for i in range(n):
        capacity = {
            name: np.maximum.accumulate(values[order[i:]]) for name, values in shapes.sizes.items()
        }
        # Trials that end earlier stay in their program to its end.
        steps = np.maximum.accumulate(shapes.steps[order[i:]])
        batch = cost.batch * n_batches * shapes.batch_size / BATCH
        a_step = batch + np.cumsum(work[i:]) + count(capacity) * np.cumsum(padding[i:])
        table[i, i:] = cost.program + steps * a_step
    return table


def _divide(table: np.ndarray, most: int) -> list[tuple[float, list[tuple[int, int]]]]:
    """The cheapest division of `0 … n-1` into 1, 2, …, `most` intervals, as `[begin, end)`."""
    n = len(table)
    best = table[0].copy()  # of the first j + 1 shapes, with the programs so far
    starts: list[np.ndarray] = [np.zeros(n, int)]
    divisions: list[tuple[float, list[tuple[int, int]]]] = []
    for p in range(most):
        if p > 0:
            # candidates[i, j]: shapes before i in p programs, and one from i to j.
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
