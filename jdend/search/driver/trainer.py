# pyright: reportUnknownMemberType=false
"""Plans and trains the trials of one generation.

A trainer has no state: what it plans and yields follows from its arguments alone.
"""

import os
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import jax

from jdend import kernels
from jdend._messages import one_line
from jdend._phases import phase
from jdend.models import Configuration
from jdend.search.driver.data import SearchData
from jdend.search.driver.meter import Meter
from jdend.search.driver.populations import Keeper, prepare_populations, train_populations
from jdend.search.driver.schedule import Schedule
from jdend.search.errors import SearchError
from jdend.search.executors.local import LocalExecutor
from jdend.search.executors.protocol import Executor
from jdend.search.planning.calibration import corrected, learn
from jdend.search.planning.canonical import canonical_programs
from jdend.search.planning.known_programs import known_programs, remember_programs
from jdend.search.planning.planner import divided, plan, programs, takes
from jdend.search.planning.population import PlannedPopulation, Trial
from jdend.search.planning.runtime import forecast
from jdend.search.progress.reporter import Reporter
from jdend.search.progress.time_left import Expected
from jdend.search.rungs import Rungs
from jdend.search.space.parameter_count import confirmed_params
from jdend.training import (
    ACCURACY,
    EVERY_DEVICE,
    KeptNetworks,
    LossError,
    Metric,
    MetricError,
    Outcome,
    OutOfMemoryError,
    Placement,
    PrecisionError,
    TeacherError,
    check_loss,
    check_memory,
    check_metric,
    check_teacher,
    enable_program_cache,
    find_devices,
    memory_ran_out,
)

__all__ = ["Trainer", "device"]

# So many trials tell how long one takes.
N_TYPICAL_TRIALS = 64
# Of the time to compile a generation's programs, what several generations take.
PROGRAMS_OF_MORE = 1.5
# What training says of its arguments.
_REFUSALS = (TeacherError, OutOfMemoryError, MetricError, LossError, PrecisionError)


@dataclass(frozen=True)
class Trainer:
    """Trains trials in planned populations.

    Attributes:
      data: the data to train on.
      kernel: the name of the kernel that computes dendrites; not "auto".
      buckets, max_programs: `mode` and `max_programs` of `jdend.search.planning.planner.plan`.
      compile_cache: whether compiled programs are kept in the user's cache folder.
      metric: what networks are chosen and stopped by.
      placement: the devices that train, and how much of a population at once.
      executor: what trains populations; None for this process.
      precision: of the products of matrices in training steps.

    Raises:
      SearchError: if the mode is unknown, the number of programs is not allowed, or the device
        that trains lacks the precision.
    """

    data: SearchData
    kernel: str
    buckets: str = "auto"
    max_programs: int | None = None
    compile_cache: bool = True
    metric: Metric = ACCURACY
    placement: Placement = EVERY_DEVICE
    executor: Executor | None = None
    precision: str = "float32"

    def __post_init__(self):
        plan((), self.buckets, kernel=self.kernel, max_programs=self.max_programs)
        if self.is_here:
            try:
                kernels.check_precision(self.precision, find_devices(self.placement.devices)[0])
            except RuntimeError as error:
                raise SearchError(str(error)) from None

    @property
    def is_here(self) -> bool:
        """Whether this process trains."""
        return self.executor is None or self.executor.is_local

    @property
    def computing(self) -> str:
        """A name of what computes training steps, whose speed is learned."""
        return self.kernel if self.precision == "float32" else f"{self.kernel}, {self.precision}"

    @phase("planning")
    def plan(
        self, trials: Sequence[Trial], within: Sequence[PlannedPopulation] = ()
    ) -> list[PlannedPopulation]:
        """The populations in which these trials are trained.

        Args:
          trials: the trials, without repetitions.
          within: the result of `shared_programs`; trials that fit into these programs use them.
        """
        return plan(
            trials,
            self.buckets,
            kernel=self.kernel,
            precision=self.precision,
            max_programs=self.max_programs,
            n_examples=self.data.outline.n_train * self.data.outline.n_folds,
            within=within,
        )

    @phase("planning")
    def shared_programs(
        self, schedule: Schedule, seconds: float | None = None
    ) -> list[PlannedPopulation]:
        """The programs that all generations of a schedule share, and those that other searches
        share with it, see `canonical_programs`; without either, none.

        They depend on what the schedule may propose, and not on what was trained before.

        Args:
          schedule: which trials the generations have.
          seconds: the time limit of the search; None for no limit.
        """
        common, all_trials = self._canonical_programs(schedule), schedule.sample
        sample = [trial for trial in all_trials if not any(takes(one, trial) for one in common)]
        if schedule.n_generations == 1 or not sample:
            return common
        n_budgets, share = len(schedule.problems), len(sample) / len(all_trials)
        n_trials: float = len(sample)
        if seconds is not None:
            n_trials = min(n_trials, share * seconds / self.seconds_a_trial(sample))
        elif schedule.n_trials is not None:
            n_trials = share * schedule.n_trials * n_budgets
        # Each program is compiled for about two numbers of trials.
        n_generations = max(1.0, n_trials / (schedule.generation * n_budgets) / 2)
        return common + programs(
            sample,
            mode=self.buckets,
            kernel=self.kernel,
            precision=self.precision,
            max_programs=self.max_programs and max(1, self.max_programs - len(common)),
            n_examples=self.data.outline.n_train * self.data.outline.n_folds,
            weight=n_trials / len(sample) / 2,
            generations=n_generations,
        )

    def _canonical_programs(self, schedule: Schedule) -> list[PlannedPopulation]:
        budgets = [problem.budget.max_params for problem in schedule.problems]
        if self.buckets == "exact" or len(budgets) > 1:
            return []
        return canonical_programs(
            schedule.sample,
            budgets[0],
            self.data.problem,
            kernel=self.kernel,
            precision=self.precision,
        )

    def train(
        self,
        trials: Sequence[Trial],
        populations: Sequence[PlannedPopulation],
        reporter: Reporter,
        rungs: Rungs | None = None,
        keeper: Keeper | None = None,
        networks: KeptNetworks | None = None,
        afterwards: Callable[[], object] | None = None,
    ) -> Iterator[tuple[Trial, Outcome]]:
        """Trains planned populations; yields each trial with its outcome when its population ends.

        Args:
          trials: the trials that were planned, without repetitions.
          populations: the populations that `plan` returned for them.
          reporter: is told the progress.
          rungs: say when weak trials are stopped; None to stop none.
          keeper: writes the populations' states to the study's folder while they train.
          networks: keeps what this process trains; None to keep nothing.
          afterwards: called in another thread once nothing else is left to compile here, such as
            `prepare` of what is searched next.

        Raises:
          SearchError: if a batch is larger than the training part, there is no teacher for what
            learns of one, synapses that are there at first pass the memory, the metric returns no
            number, or there is no memory left for training.
          DataError: if the data cannot be loaded.
        """
        if not trials:
            return
        data = self.data.split
        largest = max(trial.configuration.structure.batch_size for trial in trials)
        if largest > data.n_train:
            raise SearchError(
                f"batch_size={largest} is more than the {data.n_train} training examples"
            )
        try:
            check_metric(self.metric, data.n_classes)
            check_loss(self.data.problem)
            for population in populations:
                check_teacher(population.bucket.structure, data)
                check_memory(population.bucket, len(population.seeds) * data.n_folds)
        except _REFUSALS as error:
            raise SearchError(str(error)) from None
        if self.compile_cache:
            enable_program_cache()
        for population in populations:
            confirmed_params(population.bucket.structure)
        likely_ends = rungs.example() if rungs else None
        executor = self.executor or LocalExecutor(self.placement, networks, afterwards)
        n_workers = executor.n_workers(data)
        if n_workers > 1:
            whole = forecast(trials, populations, data, likely_ends)
            populations = divided(populations, whole.populations, n_workers)
        expected = forecast(trials, populations, data, likely_ends, cached=self._cached())
        meter = Meter(
            reporter,
            populations,
            corrected(expected, self.computing),
            likely_ends or _whole(trials),
        )
        ends: dict[Trial, int] = {}
        with _memory_errors():
            training = train_populations(
                trials,
                populations,
                data,
                meter,
                rungs,
                keeper,
                metric=self.metric,
                executor=executor,
                seconds=expected.populations,
            )
            for trial, outcome in training:
                n_epochs = trial.configuration.hyperparameters.n_epochs
                ends[trial] = outcome.stopped_epoch or n_epochs
                yield trial, outcome
        went_on = keeper is not None and keeper.has_restored
        expected = forecast(trials, populations, data, [ends[trial] for trial in trials])
        if self.compile_cache:
            remember_programs(expected.programs)
        # Of several, programs compiled at the same time, and another metric takes time of its own.
        if self.is_here and len(populations) == 1 and not went_on and self.metric is ACCURACY:
            learn(self.computing, expected.training, meter.training)

    def prepare(self, schedule: Schedule) -> None:
        """Compiles the programs of a schedule's first generation for this process."""
        trials = list(dict.fromkeys(map(schedule.trial, schedule.propose(0, []))))
        populations = self.plan(trials, within=self.shared_programs(schedule))
        prepare_populations(trials, populations, self.data.split, self.metric, self.placement)

    def close(self) -> None:
        """Gives back what its executor holds."""
        if self.executor is not None:
            self.executor.close()

    @phase("planning")
    def expected(
        self, schedule: Schedule, programs: Sequence[PlannedPopulation], n_done: int
    ) -> Expected:
        """Estimates from the first generation how long the trials of a schedule take here.

        Args:
          schedule: which trials the generations have.
          programs: the result of `shared_programs` for it.
          n_done: how many trials are finished already; their time is not included.

        Returns:
          The expected time; zero if only time ends the search.
        """
        proposed = schedule.propose(0, [])
        n_left = (schedule.most_trials or 0) - n_done
        if not proposed or n_left <= 0:
            return Expected()
        trials, rungs = list(dict.fromkeys(map(schedule.trial, proposed))), schedule.rungs(proposed)
        ends = rungs.example() if rungs else None
        populations = self.plan(trials, within=programs)
        outline, cached = self.data.outline, self._cached()
        expected = forecast(trials, populations, outline, ends, cached=cached)
        first = corrected(expected, self.computing)
        more = n_left > len(proposed)  # whose populations have other widths
        return Expected(
            first.compiling * (PROGRAMS_OF_MORE if more else 1.0),
            first.training * n_left / len(proposed),
        )

    def _cached(self) -> frozenset[str]:
        """The names of the programs that need not be compiled."""
        return known_programs() if self.compile_cache else frozenset()

    def seconds_a_trial(self, sample: Sequence[Trial]) -> float:
        """The training time of a trial in a population, by the cost model; equal everywhere."""
        typical = sample[:N_TYPICAL_TRIALS]
        expected = forecast(typical, self.plan(typical), self.data.outline)
        return expected.training / len(typical)

    def seconds_alone(self, configuration: Configuration) -> float:
        """The time to train one network alone, by the cost model calibrated for this machine."""
        trials = [Trial(configuration, (0,))]
        populations = plan(trials, kernel=self.kernel, precision=self.precision)
        expected = forecast(trials, populations, self.data.outline)
        return corrected(expected, self.computing).training


def _whole(trials: Sequence[Trial]) -> list[int]:
    return [trial.configuration.hyperparameters.n_epochs for trial in trials]


@contextmanager
def _memory_errors() -> Generator[None]:
    """Turns what NumPy and XLA say of memory that they do not get into `SearchError`, in a line."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:  # XLA's is a RuntimeError
        if not memory_ran_out(error):
            raise
        said = str(error).splitlines()[:1] or ["MemoryError"]
        raise SearchError(
            f"no memory left for training ({one_line(said[0])}): what is finished is kept; "
            "free some and go on with --resume, or search anew with a smaller --generation"
        ) from error


def device() -> dict[str, object]:
    """A description of the devices that JAX uses."""
    devices = cast(list[Any], jax.devices())
    return {
        "platform": devices[0].platform,
        "kind": devices[0].device_kind,
        "count": len(devices),
        "processors": os.cpu_count(),
    }
