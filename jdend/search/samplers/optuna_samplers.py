"""Optuna's samplers, asked for points: a study in memory, made anew for each generation."""

import importlib.util
import math
import os
from collections.abc import Mapping, Sequence

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.samplers import BaseSampler, GPSampler, NSGAIISampler, QMCSampler, TPESampler
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial

from jdend.search.errors import SearchError
from jdend.search.samplers.candidates import Observation
from jdend.search.space.dimensions import Choice, Dimension, IntRange
from jdend.study import SearchResult, quiet_optuna

__all__ = ["OptunaAsker", "asker", "check_gp", "distributions"]


def check_gp() -> None:
    """Raises `SearchError` if what Optuna's Gaussian process needs is not installed."""
    missing = [n for n in ("torch", "scipy", "greenlet") if importlib.util.find_spec(n) is None]
    if missing:
        raise SearchError(
            f"strategy 'gp' needs {' and '.join(missing)}: pip install 'jdend[gp]', or take 'tpe'"
        )


def distributions(dimensions: Mapping[str, Dimension]) -> dict[str, BaseDistribution]:
    """Optuna's words for static dimensions."""
    return {name: _distribution(dimension) for name, dimension in dimensions.items()}


def asker(
    name: str,
    dimensions: Mapping[str, Dimension],
    known: Sequence[Observation],
    *,
    seed: int,
    size: int,
) -> "OptunaAsker":
    """A sampler that has been told what is known.

    Args:
      name: `qmc`, `tpe`, `gp` or `nsga2`.
      dimensions: static.
      known: of earlier generations, in order.
      seed: of the sampler.
      size: trials a generation.
    """
    with quiet_optuna():
        return OptunaAsker(name, dimensions, known, seed, size)


class OptunaAsker:
    """A study in memory and its sampler; see `Asker`.

    TPE takes a trial that was stopped for pruned: worse than all that were trained to their end,
    and the better the longer it was kept. The Gaussian process, which leaves pruned trials out,
    is told the accuracy that it had. One that failed counts like the worst.
    """

    def __init__(
        self,
        name: str,
        dimensions: Mapping[str, Dimension],
        known: Sequence[Observation],
        seed: int,
        size: int,
    ):
        if name == "gp":
            _import_torch()
        self._distributions = distributions(dimensions)
        sampler = _sampler(name, seed=seed, size=size)
        self._study = optuna.create_study(
            directions=["maximize", "minimize"] if name == "nsga2" else ["maximize"],
            sampler=sampler,
        )
        self._asked: Trial | None = None
        if isinstance(sampler, NSGAIISampler):
            self._replay(sampler, known)
        elif name == "qmc":
            # The first trial of a study is none of the sequence, so here is one.
            middle = {n: _any_value(d) for n, d in dimensions.items()}
            self._study.add_trial(self._trial(middle, value=0.0))
        else:
            worst = min((_accuracy(t.result) for t in known if _is_number(t.result)), default=0.0)
            for trial in known:
                self._study.add_trial(self._told(trial, worst, prunes=name == "tpe"))

    def ask(self) -> dict[str, object]:
        with quiet_optuna():
            self._asked = self._study.ask(self._distributions)
        return dict(self._asked.params)

    def replace(self, point: Mapping[str, object]) -> None:
        assert self._asked is not None
        if dict(point) != self._asked.params:
            self.drop()
            self._study.add_trial(self._trial(point, state=TrialState.RUNNING))

    def drop(self) -> None:
        assert self._asked is not None
        with quiet_optuna():
            self._study.tell(self._asked, state=TrialState.FAIL, skip_if_finished=True)

    def _trial(self, point: Mapping[str, object], **options) -> FrozenTrial:
        return create_trial(params=dict(point), distributions=self._distributions, **options)

    def _told(self, known: Observation, worst: float, *, prunes: bool) -> FrozenTrial:
        result = known.result
        if result is None:
            return self._trial(known.point, state=TrialState.RUNNING)
        value = _accuracy(result) if _is_number(result) else worst
        if result.stopped_epoch is None or not prunes:
            return self._trial(known.point, value=value)
        epochs = {result.stopped_epoch: value}
        return self._trial(
            known.point, value=value, state=TrialState.PRUNED, intermediate_values=epochs
        )

    def _replay(self, sampler: NSGAIISampler, known: Sequence[Observation]) -> None:
        """Asks and tells again what is finished, so that the sampler forms its generations."""
        for trial in known:
            if trial.result is not None:
                self._study.enqueue_trial(dict(trial.point))
                asked = self._study.ask(self._distributions)
                pending = self._study.get_trials(deepcopy=False)[asked.number]
                sampler.get_trial_generation(self._study, pending)
                accuracy = _accuracy(trial.result) if _is_number(trial.result) else 0.0
                self._study.tell(asked, [accuracy, trial.result.total_params])


def _import_torch() -> None:
    """Imports PyTorch, if nobody has, such that it computes with one thread.

    Optuna's matrices are small, and its threads and SciPy's get in each other's way: of a study of
    six dimensions, a proposal took 0.3 s instead of 5 on two busy cores.
    """
    given = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = given or "1"  # which PyTorch reads when it is imported
    try:
        importlib.import_module("torch")
    finally:
        if given is None:
            del os.environ["OMP_NUM_THREADS"]


def _sampler(name: str, *, seed: int, size: int) -> BaseSampler:
    if name == "tpe":
        return TPESampler(seed=seed, n_startup_trials=0)
    if name == "gp":
        return GPSampler(seed=seed, n_startup_trials=0)
    if name == "nsga2":
        return NSGAIISampler(seed=seed, population_size=max(2, size))
    return QMCSampler(seed=seed, scramble=True)


def _distribution(dimension: Dimension) -> BaseDistribution:
    if isinstance(dimension, Choice):
        return CategoricalDistribution(tuple(dict.fromkeys(dimension.values)))
    if isinstance(dimension, IntRange):
        return IntDistribution(dimension.low, dimension.high)
    return FloatDistribution(dimension.low, dimension.high, log=dimension.log)


def _any_value(dimension: Dimension) -> object:
    return dimension.values[0] if isinstance(dimension, Choice) else dimension.low


def _accuracy(result: SearchResult | None) -> float:
    accuracy = None if result is None else result.validation_accuracy
    return math.nan if accuracy is None else accuracy


def _is_number(result: SearchResult | None) -> bool:
    return result is not None and result.failed is None and math.isfinite(_accuracy(result))
