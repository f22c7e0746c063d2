"""Hyperparameter importances, computed by Optuna from stored studies or from plain results."""

import functools
import importlib
import math
import sys
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jdend.fields import FIELDS, canonical_name
from jdend.report._record import finite
from jdend.study import SearchResult, quiet_optuna

if TYPE_CHECKING:
    import optuna
    from optuna.distributions import BaseDistribution

__all__ = ["Importances", "importances", "varying"]

# Importances of fewer trials would not be reliable, so they are not computed.
MIN_TRIALS = 8
# With fewer trials than this trained to their end, all trials are compared at the first rung.
MIN_COMPLETE_TRIALS = 24


@dataclass(frozen=True)
class Importances:
    """How much each hyperparameter explains of the differences in accuracy between trials.

    Attributes:
      shares: by name, largest first; they sum to 1. Empty if there are too few trials.
      n_trials: how many trials were compared.
      epoch: the epoch after which they were compared; None if at the end of training.
    """

    shares: Mapping[str, float] = field(default_factory=dict)
    n_trials: int = 0
    epoch: int | None = None


def importances(
    results: Sequence[SearchResult], studies: Sequence["optuna.Study"] = ()
) -> Importances:
    """Optuna's PED-ANOVA (Watanabe, Bansal & Hutter 2023) of scores, which are validation
    accuracies unless the search has another metric.

    Trials that were trained to their end are compared. If there are fewer than 24 of them, all
    trials are compared as they were at the first rung. Fewer than 8 trials have no importances.

    Args:
      results: the results, with the parameters that play a part; a study is made from them
        unless one stored study holds them.
      studies: the stored studies. Several may differ in their spaces, so then a study is made
        from the results.
    """
    optuna_importance = _optuna_importance()
    study = studies[0] if len(studies) == 1 else _study_of(results)
    study, epoch = _comparable(study)
    trials = study.get_trials(deepcopy=False)
    names = sorted({name for trial in trials for name in trial.params})
    moving = [n for n in names if len({_key(t.params.get(n)) for t in trials}) > 1]
    read = {name for result in results for name in result.params}
    moving = [n for n in moving if canonical_name(n) in read or canonical_name(n) not in FIELDS]
    if len(trials) < MIN_TRIALS or not moving:
        return Importances({}, len(trials), epoch)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the evaluator is experimental
        evaluator = optuna_importance.PedAnovaImportanceEvaluator()
        evaluated = optuna_importance.get_param_importances(
            study, evaluator=evaluator, params=moving
        )
    shares = {name: float(share) for name, share in evaluated.items() if math.isfinite(share)}
    shares = dict(sorted(shares.items(), key=lambda item: -item[1]))
    return Importances(shares, len(trials), epoch)


@functools.cache
def _optuna_importance() -> Any:
    """`optuna.importance`, without scikit-learn, which takes longer to import than all else of a
    report does, and which PED-ANOVA has no use for. Whoever imports the module afterwards gets it
    anew, with the evaluators that need scikit-learn."""
    name, hidden = "optuna.importance", "sklearn"
    if name in sys.modules or hidden in sys.modules:
        return importlib.import_module(name)
    import optuna

    before = vars(optuna).get("importance")  # Optuna puts a stand-in there
    sys.modules[hidden] = None  # pyright: ignore[reportArgumentType]  # as if not installed
    try:
        module = importlib.import_module(name)
    finally:
        del sys.modules[hidden]
        for loaded in [m for m in sys.modules if f"{m}.".startswith(f"{name}.")]:
            del sys.modules[loaded]
        if before is not None:
            optuna.importance = before
    return module


def varying(results: Sequence[SearchResult]) -> list[str]:
    """Names of the hyperparameters that differ between results, in the order they were drawn."""
    names = dict.fromkeys(name for result in results for name in result.params)
    return [n for n in names if len({_key(r.params.get(n)) for r in results}) > 1]


def _comparable(study: "optuna.Study") -> tuple["optuna.Study", int | None]:
    """A study in memory with one objective, measured after the same epoch in all trials."""
    from optuna.trial import TrialState, create_trial

    trials = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED))
    complete = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    epoch = None
    if len(complete) >= min(MIN_COMPLETE_TRIALS, len(trials)):
        values = [(trial, trial.values[0]) for trial in complete]
    else:
        epoch = min(max(trial.intermediate_values, default=0) for trial in trials)
        values = [
            (t, t.intermediate_values[epoch]) for t in trials if epoch in t.intermediate_values
        ]
    comparable = _new_study()
    comparable.add_trials(
        create_trial(params=trial.params, distributions=trial.distributions, value=value)
        for trial, value in values
    )
    return comparable, epoch


def _study_of(results: Sequence[SearchResult]) -> "optuna.Study":
    """A study in memory of results that did not fail."""
    from optuna.trial import TrialState, create_trial

    usable = [r for r in results if r.failed is None and finite(r.score)]
    ranges = {n: _range([r.params[n] for r in usable if n in r.params]) for n in varying(usable)}
    study = _new_study()
    for result in usable:
        params: Mapping[str, Any] = {n: result.params[n] for n in ranges if n in result.params}
        curve = enumerate(result.score_history, 1)
        study.add_trial(
            create_trial(
                params={n: v if ranges[n][1] else str(v) for n, v in params.items()},
                distributions={n: ranges[n][0] for n in params},
                value=result.score,
                intermediate_values={epoch: v for epoch, v in curve if finite(v)},
                state=TrialState.COMPLETE if result.stopped_epoch is None else TrialState.PRUNED,
            )
        )
    return study


def _new_study() -> "optuna.Study":
    import optuna

    with quiet_optuna():
        return optuna.create_study(direction="maximize")  # in memory


def _range(values: Sequence[Any]) -> tuple["BaseDistribution", bool]:
    """A distribution that contains the values, and whether they are numbers."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    numbers = [v for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
    if len(numbers) < len(values):
        return CategoricalDistribution(sorted({str(value) for value in values})), False
    low, high = min(numbers), max(numbers)
    if all(isinstance(value, int) for value in numbers):
        return IntDistribution(int(low), int(high)), True
    return FloatDistribution(low, high, log=low > 0 and high > 10 * low), True


def _key(value: object) -> str:
    return repr(value)
