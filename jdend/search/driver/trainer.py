# pyright: reportUnknownMemberType=false
"""Plans and trains the trials of one generation.

A trainer remembers nothing: what it plans and what it yields follows from its arguments.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import jax

from jdend.models import Configuration
from jdend.search.driver.data import SearchData
from jdend.search.driver.meter import Meter
from jdend.search.driver.populations import Keeper, train_populations
from jdend.search.driver.schedule import Schedule
from jdend.search.errors import SearchError
from jdend.search.planning.calibration import corrected, learn
from jdend.search.planning.planner import plan, programs
from jdend.search.planning.population import PlannedPopulation, Trial
from jdend.search.planning.runtime import forecast
from jdend.search.progress.reporter import Reporter
from jdend.search.rungs import Rungs
from jdend.search.space.parameter_count import confirmed_params
from jdend.study import FINAL_FIGURES, ProposedTrial, SearchResult
from jdend.training import Outcome, enable_program_cache

__all__ = ["Trainer", "device", "result_from_outcome", "results_of"]

# So many trials tell how long one takes.
N_TYPICAL = 64


@dataclass(frozen=True)
class Trainer:
    """Trains trials in planned populations.

    Attributes:
      data: to train on.
      kernel: how dendrites are computed; a kernel's own name, never "auto".
      buckets, max_programs: `mode` and `max_programs` of `jdend.search.planning.planner.plan`.
      compile_cache: whether compiled programs are kept in the user's cache folder.

    Raises:
      SearchError: for an unknown mode, or a number of programs that cannot be.
    """

    data: SearchData
    kernel: str
    buckets: str = "auto"
    max_programs: int | None = None
    compile_cache: bool = True

    def __post_init__(self):
        plan((), self.buckets, kernel=self.kernel, max_programs=self.max_programs)

    def plan(
        self, trials: Sequence[Trial], within: Sequence[PlannedPopulation] = ()
    ) -> list[PlannedPopulation]:
        """The populations in which different trials are trained.

        Args:
          trials: all different.
          within: `shared_programs`, whose programs are taken by the trials that fit them.
        """
        return plan(
            trials,
            self.buckets,
            kernel=self.kernel,
            max_programs=self.max_programs,
            n_examples=len(self.data.outline.train_y),
            within=within,
        )

    def shared_programs(
        self, schedule: Schedule, seconds: float | None = None
    ) -> list[PlannedPopulation]:
        """Programs that the generations of a schedule share; none for a single generation.

        They follow from what the schedule may propose, and not from what was trained before.

        Args:
          schedule: what the generations consist of.
          seconds: that there are, if time ends the search.
        """
        if schedule.n_generations == 1:
            return []
        sample, n_budgets = schedule.sample, len(schedule.problems)
        n_trials: float = len(sample)
        if seconds is not None:
            n_trials = min(n_trials, seconds / self.seconds_a_trial(sample))
        elif schedule.n_trials is not None:
            n_trials = schedule.n_trials * n_budgets
        # Each program is compiled for about two numbers of trials.
        n_generations = max(1.0, n_trials / (schedule.generation * n_budgets) / 2)
        return programs(
            sample,
            mode=self.buckets,
            kernel=self.kernel,
            max_programs=self.max_programs,
            n_examples=len(self.data.outline.train_y),
            weight=n_trials / len(sample) / 2,
            generations=n_generations,
        )

    def train(
        self,
        trials: Sequence[Trial],
        populations: Sequence[PlannedPopulation],
        reporter: Reporter,
        rungs: Rungs | None = None,
        keeper: Keeper | None = None,
    ) -> Iterator[tuple[Trial, Outcome]]:
        """Trains planned populations; yields each trial with its outcome when its population ends.

        Args:
          trials: what was planned.
          populations: its plan.
          reporter: told how it goes.
          rungs: when weak trials are stopped; None if none ever is.
          keeper: keeps what they come to.

        Raises:
          SearchError: if a batch is larger than the training part.
          DataError: if the data cannot be had.
        """
        if not trials:
            return
        data = self.data.split
        largest = max(trial.configuration.structure.batch_size for trial in trials)
        if largest > len(data.train_y):
            raise SearchError(
                f"batch_size={largest} is more than the {len(data.train_y)} training examples"
            )
        if self.compile_cache:
            enable_program_cache()
        for population in populations:
            confirmed_params(population.bucket.structure)
        meter = Meter(reporter, len(trials))
        ends: dict[Trial, int] = {}
        for trial, outcome in train_populations(trials, populations, data, meter, rungs, keeper):
            n_epochs = trial.configuration.hyperparameters.n_epochs
            ends[trial] = outcome.stopped_epoch or n_epochs
            yield trial, outcome
        went_on = keeper is not None and keeper.has_restored
        if len(populations) == 1 and not went_on:  # else programs have compiled beside it
            expected = forecast(trials, populations, data, [ends[trial] for trial in trials])
            learn(self.kernel, expected.training, meter.training)

    def seconds_a_trial(self, sample: Sequence[Trial]) -> float:
        """How long a trial of a population takes, by the cost model: the same on every machine."""
        typical = sample[:N_TYPICAL]
        expected = forecast(typical, self.plan(typical), self.data.outline)
        return expected.training / len(typical)

    def seconds_alone(self, configuration: Configuration) -> float:
        """How long it takes to train one network alone, on this machine."""
        trials = [Trial(configuration, (0,))]
        populations = plan(trials, kernel=self.kernel)
        expected = forecast(trials, populations, self.data.outline)
        return corrected(expected, self.kernel).training


def results_of(
    schedule: Schedule,
    proposed: Sequence[ProposedTrial],
    outcomes: Mapping[Trial, Outcome],
    data: SearchData,
    *,
    cut_off: Mapping[Trial, Outcome] | None = None,
) -> list[SearchResult]:
    """The results of those proposed trials that have an outcome, in the order proposed.

    Args:
      schedule, data: of the search.
      proposed: the trials of a generation.
      outcomes: of those that are finished.
      cut_off: what others had come to when training was broken off.
    """
    all_outcomes = {**(cut_off or {}), **outcomes}
    trained = [(p, schedule.trial(p)) for p in proposed] if all_outcomes else []
    return [
        result_from_outcome(
            p, all_outcomes[trial], held_out=data.has_validation, cut_off=trial not in outcomes
        )
        for p, trial in trained
        if trial in all_outcomes
    ]


def result_from_outcome(
    proposed: ProposedTrial, outcome: Outcome, *, held_out: bool, cut_off: bool = False
) -> SearchResult:
    """The outcome as it is reported and stored.

    Args:
      proposed: the trial before it was trained.
      outcome: what came of it.
      held_out: whether there was a validation part.
      cut_off: whether training was broken off.
    """
    return SearchResult.from_seeds(
        proposed.params,
        total_params=proposed.total_params,
        seconds=outcome.seconds,
        seeds=outcome.seeds,
        figures={name: getattr(outcome, name) for name in FINAL_FIGURES},
        history=outcome.history,
        failed_epoch=outcome.failed_epoch,
        held_out=held_out,
        stopped_epoch=outcome.stopped_epoch,
        cut_off=cut_off,
    )


def device() -> dict[str, object]:
    """What JAX runs on."""
    devices = cast(list[Any], jax.devices())
    return {
        "platform": devices[0].platform,
        "kind": devices[0].device_kind,
        "count": len(devices),
        "processors": os.cpu_count(),
    }
