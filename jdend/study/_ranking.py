"""Which of several trained networks is the best: by validation accuracy, never by test accuracy."""

import math
from collections.abc import Iterable

from jdend.study._errors import StudyError
from jdend.study._result import SearchResult

__all__ = ["rank"]


def rank(results: Iterable[SearchResult]) -> list[SearchResult]:
    """Best first: by validation accuracy, then fewer parameters, then the order given.

    Trials that a rung stopped come after those trained to their end, those stopped later first;
    trials that failed come last. Test accuracy plays no part.

    Raises:
      StudyError: if a trial has no validation accuracy to rank it by.
    """
    results = list(results)
    if any(r.validation_accuracy is None and r.failed is None for r in results):
        raise StudyError(
            "results without validation accuracy cannot be ranked, and are never ranked by test "
            "accuracy: search with validation_fraction above 0"
        )
    return sorted(results, key=_rank_key)


def _rank_key(result: SearchResult):
    accuracy = result.validation_accuracy
    lost = result.failed is not None or accuracy is None or math.isnan(accuracy)
    stopped = math.inf if result.stopped_epoch is None else result.stopped_epoch
    return (lost, -stopped, 0.0 if lost else -accuracy, result.total_params)  # pyright: ignore
