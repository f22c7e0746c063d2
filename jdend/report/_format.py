"""Names and numbers as text, for a report."""

from collections.abc import Mapping, Sequence

from jdend.fields import label
from jdend.report._record import finite
from jdend.study import SearchResult

__all__ = ["by_metric", "called", "duration", "metric_of", "percent", "setting", "settings"]


def called(name: str) -> str:
    """A hyperparameter's name, for people."""
    return "part of the budget used" if name == "fill" else label(name)


def setting(value: object) -> str:
    """A hyperparameter's value, for people."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3g}"
    if value is None:
        return "–"
    if isinstance(value, int):
        return f"{value:,}"
    return str(value).replace("_", " ")


def settings(result: SearchResult) -> Mapping[str, object]:
    """A result's hyperparameters, without its seed."""
    return {name: value for name, value in result.params.items() if name != "seed"}


def percent(value: float | None, std: float | None = None, *, digits: int = 2) -> str:
    """A share, with its standard deviation if there is one."""
    if not finite(value):
        return "–"
    spread = f" ± {100 * std:.{digits}f}" if finite(std) else ""
    return f"{100 * value:.{digits}f}{spread} %"


def by_metric(metric: str, value: float | None, std: float | None = None) -> str:
    """A figure by a metric, of accuracy as a share, with its standard deviation if there is one."""
    if metric == "accuracy":
        return percent(value, std)
    if not finite(value):
        return "–"
    return f"{value:.4f} ± {std:.4f}" if finite(std) else f"{value:.4f}"


ABBREVIATED = {"auc": "AUC", "mae": "mean absolute error", "r2": "R²", "rmse": "RMSE"}


def metric_of(results: Sequence[SearchResult]) -> str:
    """The name of the metric of results, which are those of one search, for people."""
    name = results[0].metric if results else "accuracy"
    return ABBREVIATED.get(name, name.replace("_", " "))


def duration(seconds: float) -> str:
    """Seconds, minutes or hours."""
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, seconds_left = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds_left} s"
