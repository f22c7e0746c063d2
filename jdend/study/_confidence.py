"""How much an accuracy on few examples says."""

import math
from collections.abc import Mapping, Sequence

from jdend.study._errors import StudyError
from jdend.study._ranking import rank
from jdend.study._result import SearchResult
from jdend.study._table import figure_headings

__all__ = ["FEW_EXAMPLES", "best_interval", "validation_note", "wilson_interval"]

# With fewer validation examples, a search says that they are few.
FEW_EXAMPLES = 200
NORMAL_95 = 1.959964  # the 97.5th percentile of the normal distribution


def wilson_interval(share: float, n: int) -> tuple[float, float]:
    """The interval in which the true accuracy lies, in 95 of 100 cases.

    Args:
      share: the accuracy on `n` examples, in [0, 1]; a mean over seeds is one on the same `n`.
      n: the number of examples, at least 1.

    Returns:
      Its two ends, by Wilson's formula (1927), which holds for shares near 0 and 1 and small `n`.
    """
    z = NORMAL_95**2 / n
    centre = (share + z / 2) / (1 + z)
    half = math.sqrt(z * (share * (1 - share) + z / 4)) / (1 + z)
    return max(0.0, centre - half), min(1.0, centre + half)


def best_interval(
    results: Sequence[SearchResult], config: Mapping[str, object]
) -> tuple[float, float] | None:
    """The interval of the best result's validation accuracy; None if it has none.

    Args:
      results: of a search.
      config: its settings; `n_validation` is the number of validation examples.
    """
    n = config.get("n_validation")
    try:
        best = next(iter(rank(results)), None)
    except StudyError:  # nothing was held out
        return None
    accuracy = None if best is None or best.failed is not None else best.validation_accuracy
    if not isinstance(n, int) or n < 1 or accuracy is None or math.isnan(accuracy):
        return None
    return wilson_interval(accuracy, n)


def validation_note(results: Sequence[SearchResult], config: Mapping[str, object]) -> str:
    """What a table says of its validation accuracies: of how many examples they are, where the true
    accuracy of the best may lie, and how good it is to always say the most frequent class, of
    multilabel of each label what is more frequent. Empty if that is not known.

    Args: as `best_interval`; `majority_accuracy` is that of what is most frequent.
    """
    interval = best_interval(results, config)
    if interval is None:
        return ""
    majority = config.get("majority_accuracy")
    of_labels = config.get("task") == "multilabel"
    most = "each label's majority" if of_labels else "the most frequent class"
    baseline = "" if majority is None else f"; always {most}: {majority:.4f}"
    right = " each right if all of its labels are," if of_labels else ""
    column = figure_headings(results)["validation_accuracy"]
    return (
        f"{column}: on {config['n_validation']:,} examples,{right} for the best true accuracies of "
        f"{interval[0]:.4f} to {interval[1]:.4f} (95%){baseline}"
    )
