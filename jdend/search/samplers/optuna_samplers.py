"""Optuna's samplers as askers: for each generation a study in memory that holds the trials of the
earlier ones."""

import importlib
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.samplers import BaseSampler, GPSampler, NSGAIISampler, QMCSampler, TPESampler
from optuna.trial import Trial, TrialState, create_trial

from jdend.search.samplers.candidates import Observation
from jdend.search.samplers.registry import MakesAsker
from jdend.search.space.dimensions import Choice, Dimension, IntRange
from jdend.study import quiet_optuna

__all__ = ["OptunaAsker", "distributions", "gp", "nsga2", "optuna_asker", "qmc", "tpe"]

Dimensions = Mapping[str, Dimension]
Direction = Literal["maximize", "minimize"]


def distributions(dimensions: Dimensions) -> dict[str, BaseDistribution]:
    """Optuna's distributions of static dimensions."""
    return {name: _distribution(dimension) for name, dimension in dimensions.items()}


class OptunaAsker:
    """An Optuna sampler with a study in memory; see `Asker`.

    Args:
      sampler: the sampler of Optuna.
      dimensions: the static dimensions.
      directions: `maximize` or `minimize` for each objective.

    Attributes:
      study: the study of Optuna.
      distributions: the distributions of the dimensions.
    """

    def __init__(
        self,
        sampler: BaseSampler,
        dimensions: Dimensions,
        directions: Sequence[Direction] = ("maximize",),
    ):
        self.distributions = distributions(dimensions)
        with quiet_optuna():
            self.study = optuna.create_study(directions=list(directions), sampler=sampler)
        self._asked: Trial | None = None

    def ask(self) -> Mapping[str, object]:
        with quiet_optuna():
            self._asked = self.study.ask(self.distributions)
        return self._asked.params

    def settle(self, point: Mapping[str, object] | None) -> None:
        assert self._asked is not None
        if point is not None and dict(point) == self._asked.params:
            return  # for Optuna, a trial that was asked for is pending
        with quiet_optuna():
            self.study.tell(self._asked, state=TrialState.FAIL, skip_if_finished=True)
        if point is not None:
            self.add(point, state=TrialState.RUNNING)

    def add(
        self,
        point: Mapping[str, object],
        value: float | None = None,
        *,
        state: TrialState = TrialState.COMPLETE,
        stopped_epoch: int | None = None,
    ) -> None:
        """Adds a trial to the study."""
        values = {} if value is None or stopped_epoch is None else {stopped_epoch: value}
        self.study.add_trial(
            create_trial(
                params=dict(point),
                distributions=self.distributions,
                value=value,
                state=state,
                intermediate_values=values,
            )
        )


def optuna_asker(
    sampler: Callable[[int], BaseSampler], *, tells_stopped: bool = False
) -> MakesAsker:
    """Turns a sampler of Optuna into an asker, for a strategy that learns, with one objective.

    Example usage::

      >>> from optuna.samplers import TPESampler

      >>> from jdend.search import Strategy, optuna_asker

      >>> def multivariate(seed):
      ...   return TPESampler(multivariate=True, n_startup_trials=0, seed=seed)

      >>> strategy = Strategy("tpe-multivariate", asker=optuna_asker(multivariate), learns=True)

    The sampler is told that a failed trial has the score of the worst trial.

    Args:
      sampler: a function from a seed to the sampler.
      tells_stopped: whether the sampler is told that trials that a rung stopped were pruned;
        otherwise it is told only their score. TPE ranks pruned trials below all those that were
        trained to their end, the ones that were pruned later first. Other samplers ignore pruned
        trials.
    """

    def make(
        dimensions: Dimensions, observations: Sequence[Observation], *, seed: int, size: int
    ) -> OptunaAsker:
        with quiet_optuna():
            asker = OptunaAsker(sampler(seed), dimensions)
        scores = [o.score for o in observations]
        worst = min((score for score in scores if score is not None), default=0.0)
        for observation, score in zip(observations, scores, strict=True):
            if observation.result is None:
                asker.add(observation.point, state=TrialState.RUNNING)
                continue
            value, stopped = score, observation.result.stopped_epoch
            if value is None:
                value = worst
            if stopped is None or not tells_stopped:
                asker.add(observation.point, value)
            else:
                asker.add(observation.point, value, state=TrialState.PRUNED, stopped_epoch=stopped)
        return asker

    return make


def _gaussian_process(seed: int) -> BaseSampler:
    _import_torch()
    return GPSampler(seed=seed, n_startup_trials=0)


tpe = optuna_asker(lambda seed: TPESampler(seed=seed, n_startup_trials=0), tells_stopped=True)
gp = optuna_asker(_gaussian_process)


def nsga2(
    dimensions: Dimensions, observations: Sequence[Observation], *, seed: int, size: int
) -> OptunaAsker:
    """NSGA-II, with few parameters as its second objective.

    All finished trials are asked for and told again, so that the sampler forms its generations.
    """
    with quiet_optuna():
        sampler = NSGAIISampler(seed=seed, population_size=max(2, size))
        asker = OptunaAsker(sampler, dimensions, ("maximize", "minimize"))
        scores = [o.score for o in observations]
        worst = min([0.0, *(score for score in scores if score is not None)])
        for observation, score in zip(observations, scores, strict=True):
            if observation.result is not None:
                asker.study.enqueue_trial(dict(observation.point))
                asked = asker.study.ask(asker.distributions)
                pending = asker.study.get_trials(deepcopy=False)[asked.number]
                sampler.get_trial_generation(asker.study, pending)
                value = worst if score is None else score
                values = [value, observation.result.total_params]
                asker.study.tell(asked, values)
    return asker


def qmc(
    dimensions: Dimensions, observations: Sequence[Observation], *, seed: int, size: int
) -> OptunaAsker:
    """A scrambled Sobol sequence."""
    with quiet_optuna():
        asker = OptunaAsker(QMCSampler(seed=seed, scramble=True), dimensions)
    # The sampler gives points of the sequence only if its study has a trial; so this adds one.
    asker.add({name: _any_value(dimension) for name, dimension in dimensions.items()}, 0.0)
    return asker


def _import_torch() -> None:
    """Imports PyTorch so that it computes with one thread, unless it is imported already.

    Optuna's matrices are small, and PyTorch's threads and SciPy's slow each other down: with six
    dimensions, on two busy cores, a proposal took 0.3 s instead of 5 s.
    """
    n_threads = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = n_threads or "1"  # PyTorch reads it when it is imported
    try:
        importlib.import_module("torch")
    finally:
        if n_threads is None:
            del os.environ["OMP_NUM_THREADS"]


def _distribution(dimension: Dimension) -> BaseDistribution:
    if isinstance(dimension, Choice):
        return CategoricalDistribution(tuple(dict.fromkeys(dimension.values)))
    if isinstance(dimension, IntRange):
        return IntDistribution(dimension.low, dimension.high)
    return FloatDistribution(dimension.low, dimension.high, log=dimension.log)


def _any_value(dimension: Dimension) -> object:
    return dimension.values[0] if isinstance(dimension, Choice) else dimension.low
