"""Trials as Optuna keeps them: what of a result is the objective, what an attribute, and back."""

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from jdend.study._ledger import ProposedTrial
from jdend.study._result import SearchResult

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

# Objectives that are better the smaller they are; all others the larger.
MINIMIZED = ("total_params", "validation_loss", "train_loss", "train_time")
# Attributes of a trial beside the fields of `SearchResult`.
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

    Single numbers are in the attribute `figures`, every other field of the result in one of its
    own: few attributes, since a database is asked twice for each. A trial that a rung stopped is
    Optuna's `PRUNED`; one that failed, or has no figure to rank it by, its `FAIL`.

    Args:
      result: what came of it.
      proposed: the trial before it was trained.
      generation, position: which of the study's trials it is.
      distributions: by coordinate of `proposed.point`; a coordinate without one is left out.
      objectives: fields of the result.
      surroundings: further attributes: versions, device.
    """
    from optuna.trial import TrialState, create_trial

    values = [getattr(result, name) for name in objectives]
    lost = result.failed is not None or any(v is None or not math.isfinite(v) for v in values)
    point = {name: v for name, v in proposed.point.items() if name in distributions}
    stopped = getattr(result, "stopped_epoch", None) is not None
    state = TrialState.PRUNED if stopped else TrialState.COMPLETE
    return create_trial(
        state=TrialState.FAIL if lost else state,
        values=None if lost else [float(value) for value in values],
        params=point,
        distributions={name: distributions[name] for name in point},
        intermediate_values=_by_epoch(result.history.get("validation_accuracy", ())),
        user_attrs={
            GENERATION: generation,
            POSITION: position,
            "budget": proposed.budget,
            **_attributes(result),
            **surroundings,
        },
    )


def result_from_attributes(attributes: Mapping[str, object]) -> SearchResult:
    """The result whose trial has these attributes."""
    fields = {field.name for field in dataclasses.fields(SearchResult)}
    values = {name: value for name, value in attributes.items() if name in fields}
    values |= attributes[FIGURES_ATTRIBUTE]  # pyright: ignore[reportOperatorIssue]
    values = {n: v if n == "params" else _restored(v) for n, v in values.items() if n in fields}
    values["seeds"] = tuple(values["seeds"])
    return SearchResult(**values)  # pyright: ignore[reportArgumentType]


def position_of(attributes: Mapping[str, object]) -> tuple[int, int] | None:
    """Generation and position of a trial; None of one that jdend did not make."""
    if FIGURES_ATTRIBUTE not in attributes:
        return None
    return attributes[GENERATION], attributes[POSITION]  # pyright: ignore[reportReturnType]


def trial_to_record(proposed: ProposedTrial) -> dict[str, object]:
    """For JSON."""
    return {f.name: plain(getattr(proposed, f.name)) for f in dataclasses.fields(proposed)}


def trial_from_record(record: Mapping[str, object]) -> ProposedTrial:
    """What `trial_to_record` gave."""
    fields = {field.name for field in dataclasses.fields(ProposedTrial)}
    values = {name: value for name, value in record.items() if name in fields}
    values["seeds"] = tuple(values["seeds"])  # pyright: ignore[reportArgumentType]
    return ProposedTrial(**values)  # pyright: ignore[reportArgumentType]


def plain(value: object) -> object:
    """JSON's kinds of value only: lists for tuples, Python's numbers for NumPy's, and `NaN` and
    the infinities, which JSON lacks, as strings."""
    if isinstance(value, Mapping):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    item = getattr(value, "item", None)
    if item is not None and not isinstance(value, int | float | str):
        return plain(item())
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def _attributes(result: SearchResult) -> dict[str, object]:
    figures, others = {}, {}
    for field in dataclasses.fields(result):
        if field.name == "cut_off":  # such a result is none yet
            continue
        value = plain(getattr(result, field.name))
        number = value is None or isinstance(value, int | float | str)
        (figures if number else others)[field.name] = value
    return {FIGURES_ATTRIBUTE: figures, **others}


def _restored(value: object) -> object:
    """Strings that stand for numbers as numbers."""
    if isinstance(value, str) and value in ("nan", "inf", "-inf"):
        return float(value)
    if isinstance(value, Mapping):
        return {name: _restored(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_restored(item) for item in value]
    return value


def _by_epoch(values: Iterable[float]) -> dict[int, float]:
    """By number of epochs trained; those that are no numbers are left out."""
    return {n: float(v) for n, v in enumerate(values, 1) if v is not None and math.isfinite(v)}
