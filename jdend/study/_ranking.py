"""Ranks trained networks by their metric on the validation examples, never on the test examples."""

import math
from collections.abc import Iterable

from jdend.study._errors import StudyError
from jdend.study._result import SearchResult

__all__ = ["rank"]


def rank(results: Iterable[SearchResult]) -> list[SearchResult]:
    """The results, best first: by `score`, which is validation accuracy unless they have another
    metric, then fewer parameters, then their order.

    If some trials have several seeds, trials with one seed come after them, since the best of many
    single seeds is mostly luck. Trials that a rung stopped come after those trained to their end,
    the ones stopped later first. Results that are `only_tested` come after those, ranked by test
    accuracy, which is used for no others. Failed trials come last.

    Raises:
      StudyError: if a trial has no validation accuracy to rank it by.
    """
    results = list(results)
    unvalidated = [r for r in results if not r.is_validated and r.failed is None]
    if not all(r.only_tested for r in unvalidated):
        raise StudyError(
            "results without validation accuracy cannot be ranked, and are never ranked by test "
            "accuracy: search with validation_fraction above 0"
        )
    return sorted(results, key=_rank_key)


def _rank_key(result: SearchResult) -> tuple[float, ...]:
    score = result.test_accuracy if result.only_tested else result.score
    lost = result.failed is not None or score is None or math.isnan(score)
    stopped = math.inf if result.stopped_epoch is None else result.stopped_epoch
    return (
        lost,
        result.only_tested,
        -stopped,
        len(result.seeds) == 1,
        0.0 if lost or score is None else -score,
        result.total_params,
    )
