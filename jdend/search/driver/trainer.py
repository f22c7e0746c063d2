"""Trains the trials of a generation in planned populations."""

import os
from collections.abc import Sequence
from typing import Any

import jax

from jdend import kernels
from jdend.search.driver.data import SearchData
from jdend.search.driver.meter import Meter
from jdend.search.driver.populations import execute
from jdend.search.errors import SearchError
from jdend.search.planning.calibration import learn
from jdend.search.planning.planner import plan, programs
from jdend.search.planning.population import PlannedPopulation, Trial
from jdend.search.planning.runtime import forecast
from jdend.search.progress.reporter import Reporter
from jdend.search.pruners import Rungs
from jdend.search.space.budget import confirmed_params
from jdend.study import FIGURES, SearchResult
from jdend.training import Outcome, enable_program_cache

__all__ = ["Trainer", "device", "result_from_outcome"]


class Trainer:
    """Trains trials in planned populations, each trial once.

    Args:
      material: the data.
      reporter: told how it goes.
      buckets, max_programs, kernel: see `jdend.search.planning.planner.plan`.
      compile_cache: whether compiled programs are kept in the user's cache folder.

    Attributes:
      known: what came of the trials that are trained.

    Raises:
      SearchError: for an unknown mode or kernel, or a kernel that cannot be used here.
    """

    def __init__(
        self,
        material: SearchData,
        reporter: Reporter,
        *,
        buckets: str,
        max_programs: int | None,
        kernel: str,
        compile_cache: bool,
    ):
        try:
            kernels.resolve(kernel)
        except (ValueError, RuntimeError) as error:
            raise SearchError(str(error)) from None
        plan((), buckets, kernel=kernel, max_programs=max_programs)
        self.kernel = kernel
        self.known: dict[Trial, Outcome] = {}
        self._material, self._reporter = material, reporter
        self._buckets, self._max_programs = buckets, max_programs
        self._compile_cache = compile_cache
        self._programs: Sequence[PlannedPopulation] = ()

    def share(self, sample: Sequence[Trial], weight: float = 1.0, generations: float = 1.0) -> None:
        """Plans programs that the generations to come share; none for no trials.

        What is trained later depends on the sample, and not on what was trained before.

        Args:
          sample: trials such as they will consist of.
          weight: how often such trials will be trained.
          generations: in how many.
        """
        options = {"weight": weight, "generations": generations, **self._planning()}
        self._programs = programs(sample, **options) if sample else ()

    def plan(self, trials: Sequence[Trial]) -> list[PlannedPopulation]:
        """The populations in which these would be trained; equal trials are one."""
        distinct = list(dict.fromkeys(trials))
        return plan(distinct, within=self._programs, **self._planning())

    def train(self, trials: Sequence[Trial], rungs: Rungs | None = None) -> None:
        """Trains those that are not known yet; what is finished is known even if it is broken off.

        Args:
          trials: of one generation; the positions that `rungs` speaks of are among the unknown.
          rungs: which of them are stopped early.

        Raises:
          SearchError: if a batch is larger than the training part.
          DataError: if the data cannot be had.
        """
        new = [trial for trial in dict.fromkeys(trials) if trial not in self.known]
        if not new:
            return
        data = self._material.split
        largest = max(trial.configuration.structure.batch_size for trial in new)
        if largest > len(data.train_y):
            raise SearchError(
                f"batch_size={largest} is more than the {len(data.train_y)} training examples"
            )
        if self._compile_cache:
            enable_program_cache()
        groups = self.plan(new)
        for group in groups:
            confirmed_params(group.bucket.structure)
        watch = Meter(self._reporter, len(new))
        for position, outcome in execute(new, groups, data, watch, rungs):
            self.known[new[position]] = outcome
        ends = [_end(trial, self.known[trial]) for trial in new]
        if len(groups) == 1:  # else programs have compiled beside it
            learn(self.kernel, forecast(new, groups, data, ends).training, watch.training)

    def _planning(self) -> dict[str, Any]:
        return {
            "mode": self._buckets,
            "kernel": self.kernel,
            "max_programs": self._max_programs,
            "n_examples": len(self._material.outline.train_y),
        }

    def settings(self) -> dict[str, object]:
        """For the search's record."""
        return {
            "buckets": self._buckets,
            "max_programs": self._max_programs,
            "kernel": self.kernel,
        }


def result_from_outcome(
    params: dict[str, object], total_params: int, outcome: Outcome, *, held_out: bool
) -> SearchResult:
    """The outcome as it is reported and stored; `held_out` says if there was a validation part."""
    return SearchResult.from_seeds(
        params,
        total_params=total_params,
        seconds=outcome.seconds,
        seeds=outcome.seeds,
        figures={name: getattr(outcome, name) for name in FIGURES},
        history=outcome.history,
        failed_epoch=outcome.failed_epoch,
        held_out=held_out,
        stopped_epoch=outcome.stopped_epoch,
    )


def device() -> dict[str, object]:
    """What JAX runs on."""
    devices = jax.devices()
    return {
        "platform": devices[0].platform,
        "kind": devices[0].device_kind,
        "count": len(devices),
        "processors": os.cpu_count(),
    }


def _end(trial: Trial, outcome: Outcome) -> int:
    """Epochs that it was trained for."""
    return outcome.stopped_epoch or trial.configuration.hyperparameters.n_epochs
