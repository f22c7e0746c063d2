"""Parameters against accuracy, or another metric: the Pareto front, and the smallest network that
is good enough."""

import math
from collections.abc import Iterable

from jdend.study._result import SearchResult

__all__ = ["pareto_front", "smallest_reaching"]


def pareto_front(results: Iterable[SearchResult]) -> list[SearchResult]:
    """The results that no other beats in both parameters and `score`, which is validation accuracy
    unless they have another metric.

    Of equal results only the first is kept. Trials that failed, were stopped or have no score are
    left out.

    Returns:
      Fewest parameters first; each has a higher score than those before it.
    """
    trained = [r for r in results if r.failed is None and r.stopped_epoch is None]
    front: list[SearchResult] = []
    best = -math.inf
    for result in sorted(trained, key=lambda r: (r.total_params, -_score(r))):
        if _score(result) > best:
            best = _score(result)
            front.append(result)
    return front


def smallest_reaching(results: Iterable[SearchResult], accuracy: float) -> SearchResult | None:
    """The result of fewest parameters that reaches an accuracy; None if none does.

    Args:
      results: those that failed or were stopped are left out.
      accuracy: on the validation examples, in [0, 1]; of results that are `only_tested`, as the
        older toolkit wrote them, on the test examples. Of results with another metric a value of
        that, which is not passed if less of it is better.
    """
    trained = [r for r in results if r.failed is None and r.stopped_epoch is None]
    reached = [
        r
        for r in trained
        if (r.test_accuracy if r.only_tested else _score(r))
        >= (-accuracy if r.minimised else accuracy)
    ]
    return min(reached, key=lambda r: r.total_params, default=None)


def _score(result: SearchResult) -> float:
    score = result.score
    return -math.inf if score is None or math.isnan(score) else score
