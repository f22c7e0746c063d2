"""Converts results to Optuna's trials, with objectives and attributes, and back."""

import dataclasses
import math
import operator
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from jdend.study._ledger import ProposedTrial
from jdend.study._result import ACCURACY, SearchResult

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial

__all__ = [
    "MINIMIZED",
    "optuna_trial",
    "position_of",
    "result_from_attributes",
    "trial_from_record",
    "trial_to_record",
]

# Objectives to minimize; all others are maximized, `score` among them whatever the metric.
MINIMIZED = ("total_params", "validation_loss", "train_loss", "train_time")
# Attributes of a trial in addition to the fields of `SearchResult`.
GENERATION, POSITION = "generation", "position"
FIGURES_ATTRIBUTE = "figures"


def optuna_trial(
    result: SearchResult,
    proposed: ProposedTrial,
    generation: int,
    position: int,
    *,
    distributions: Mapping[str, "BaseDistribution"],
    objectives: Sequence[str],
    surroundings: Mapping[str, object],
) -> "FrozenTrial":
    """A finished trial.

    All single numbers are in the attribute `figures`, and every other field of the result has an
    attribute of its own. So there are few attributes, each of which costs a database two queries.
    A trial that a rung stopped gets Optuna's state `PRUNED`; one that failed, or has no value for
    an objective, gets `FAIL`.

    Args:
      result: the result of the trial.
      proposed: the trial before it was trained.
      generation, position: its generation, and its position there.
      distributions: by coordinate of `proposed.point`; coordinates without one are left out.
      objectives: the attributes of the result that are objectives.
      surroundings: further attributes: versions, device.
    """
    from optuna.trial import TrialState, create_trial

    values = [getattr(result, name) for name in objectives]
    failed = result.failed is not None or any(v is None or not math.isfinite(v) for v in values)
    point = {name: v for name, v in proposed.point.items() if name in distributions}
    stopped = getattr(result, "stopped_epoch", None) is not None
    state = TrialState.PRUNED if stopped else TrialState.COMPLETE
    return create_trial(
        state=TrialState.FAIL if failed else state,
        values=None if failed else [float(value) for value in values],
        params=point,
        distributions={name: distributions[name] for name in point},
        intermediate_values=_by_epoch(result.score_history),
        user_attrs={
            GENERATION: generation,
            POSITION: position,
            "budget": proposed.budget,
            **_attributes(result),
            **surroundings,
        },
    )


def result_from_attributes(attributes: Mapping[str, Any]) -> SearchResult:
    """The result whose trial has these attributes."""
    fields = {field.name for field in dataclasses.fields(SearchResult)}
    values = {name: value for name, value in attributes.items() if name in fields}
    values |= attributes[FIGURES_ATTRIBUTE]
    values: dict[str, Any] = {
        n: v if n == "params" else _restored(v) for n, v in values.items() if n in fields
    }
    values["seeds"] = tuple(values["seeds"])
    history = values.get("history", {})
    for name, by_seed in values.get("seed_history", {}).items():
        if by_seed == [history.get(name)]:  # of one seed: the same list, held once
            by_seed[0] = history[name]
    return SearchResult(**values)


def position_of(attributes: Mapping[str, Any]) -> tuple[int, int] | None:
    """The generation and position of a trial; None if jdend did not make it."""
    if FIGURES_ATTRIBUTE not in attributes:
        return None
    return attributes[GENERATION], attributes[POSITION]


def trial_to_record(proposed: ProposedTrial) -> dict[str, object]:
    """A proposed trial as plain JSON values."""
    return {f.name: plain(getattr(proposed, f.name)) for f in dataclasses.fields(proposed)}


def trial_from_record(record: Mapping[str, Any]) -> ProposedTrial:
    """The trial that `trial_to_record` converted."""
    fields = {field.name for field in dataclasses.fields(ProposedTrial)}
    values = {name: value for name, value in record.items() if name in fields}
    values["seeds"] = tuple(values["seeds"])
    return ProposedTrial(**values)


def plain(value: object) -> object:
    """A value as JSON can store it: tuples become lists, NumPy's numbers become Python's, and
    `NaN` and the infinities, which JSON lacks, become strings."""
    if isinstance(value, Mapping):
        return {
            str(name): plain(item) for name, item in cast(Mapping[object, object], value).items()
        }
    if isinstance(value, list | tuple):
        return [plain(item) for item in cast(Sequence[object], value)]
    item = getattr(value, "item", None)
    if item is not None and not isinstance(value, int | float | str):
        return plain(item())
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def _attributes(result: SearchResult) -> dict[str, object]:
    figures: dict[str, object] = {}
    attributes: dict[str, object] = {}
    for field in dataclasses.fields(result):
        if field.name == "cut_off":  # such a result is none yet
            continue
        if field.name in ("metric", "minimised") and result.metric == ACCURACY:
            continue
        value = plain(getattr(result, field.name))
        number = value is None or isinstance(value, int | float | str)
        (figures if number else attributes)[field.name] = value
    return {FIGURES_ATTRIBUTE: figures, **attributes}


def _restored(value: Any) -> Any:
    """The inverse of `plain` for the strings that stand for `NaN` and the infinities. A value that
    holds none is not copied, since the study holds it for as long as the result."""
    if isinstance(value, str) and value in ("nan", "inf", "-inf"):
        return float(value)
    if isinstance(value, Mapping):
        old = cast(Mapping[str, Any], value)
        new = {name: _restored(item) for name, item in old.items()}
        return old if all(new[name] is old[name] for name in old) else new
    if isinstance(value, list):
        items = cast(list[Any], value)
        restored = [_restored(item) for item in items]
        return items if all(map(operator.is_, restored, items)) else restored
    return value


def _by_epoch(values: Iterable[float | None]) -> dict[int, float]:
    """The values by the number of epochs trained; without those that are not finite."""
    return {n: float(v) for n, v in enumerate(values, 1) if v is not None and math.isfinite(v)}
