"""Parameters against accuracy: the Pareto front, and the smallest network that is good enough."""

import math
from collections.abc import Iterable

from jdend.study._result import SearchResult

__all__ = ["pareto_front", "smallest_reaching"]


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


def smallest_reaching(results: Iterable[SearchResult], accuracy: float) -> SearchResult | None:
    """The result of fewest parameters that reaches an accuracy; None if none does.

    Args:
      results: those that failed or were stopped are left out.
      accuracy: on the validation examples, in [0, 1]; of results that are `only_tested`, as the
        older toolkit wrote them, on the test examples.
    """
    trained = [r for r in results if r.failed is None and r.stopped_epoch is None]
    reached = [
        r for r in trained if (r.test_accuracy if r.only_tested else _accuracy(r)) >= accuracy
    ]
    return min(reached, key=lambda r: r.total_params, default=None)


def _accuracy(result: SearchResult) -> float:
    accuracy = result.validation_accuracy
    return -math.inf if accuracy is None or math.isnan(accuracy) else accuracy
