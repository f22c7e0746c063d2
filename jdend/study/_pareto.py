"""The Pareto front of parameters and validation accuracy."""

import math
from collections.abc import Iterable

from jdend.study._result import SearchResult

__all__ = ["pareto_front"]


def pareto_front(results: Iterable[SearchResult]) -> list[SearchResult]:
    """The results that no other beats in both parameters and validation accuracy.

    Of equal results only the first is kept. Trials that failed, were stopped or have no validation
    accuracy are left out.

    Returns:
      Fewest parameters first; each has a higher validation accuracy than those before it.
    """
    trained = [r for r in results if r.failed is None and r.stopped_epoch is None]
    front: list[SearchResult] = []
    best = -math.inf
    for result in sorted(trained, key=lambda r: (r.total_params, -_accuracy(r))):
        if _accuracy(result) > best:
            best = _accuracy(result)
            front.append(result)
    return front


def _accuracy(result: SearchResult) -> float:
    accuracy = result.validation_accuracy
    return -math.inf if accuracy is None or math.isnan(accuracy) else accuracy
