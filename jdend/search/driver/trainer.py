"""Trains planned populations one after the other and tells a reporter how it goes."""

import functools
import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from typing import Any, Protocol

import jax
import numpy as np
from jaxtyping import Bool, Float

from jdend import kernels
from jdend.data import Split
from jdend.models import count_params
from jdend.search.driver.data import Material
from jdend.search.errors import SearchError
from jdend.search.planning.calibration import learn
from jdend.search.planning.cost_model import narrowing
from jdend.search.planning.planner import Group, Trial, plan, programs
from jdend.search.planning.runtime import forecast
from jdend.search.progress.reporter import Reporter
from jdend.search.progress.status import Best
from jdend.search.space.budget import confirmed_params
from jdend.study import FIGURES, SearchResult
from jdend.training import (
    Narrow,
    Outcome,
    Progress,
    Run,
    enable_program_cache,
    in_background,
    prepare,
    runs,
)

__all__ = ["Rungs", "Trainer", "Watch", "device", "execute", "result_of"]


class Rungs(Protocol):
    """Which trials of a generation are stopped early, and when.

    Attributes:
      epochs: after which trials are stopped, in order.
    """

    epochs: Sequence[int]

    def stopped(
        self, epoch: int, accuracy: Float[np.ndarray, " n"], live: Bool[np.ndarray, " n"]
    ) -> Sequence[int]:
        """Positions of the trials to stop after so many epochs.

        Args:
          epoch: one of `epochs`.
          accuracy: validation accuracy, mean over seeds, of the last epoch that each trained.
          live: which still train.
        """
        ...


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
        material: Material,
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
        self._programs: Sequence[Group] = ()

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

    def plan(self, trials: Sequence[Trial]) -> list[Group]:
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
        watch = Watch(self._reporter, len(new))
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


def execute(
    trials: Sequence[Trial],
    groups: Sequence[Group],
    data: Split,
    watch: "Watch",
    rungs: Rungs | None = None,
) -> Iterator[tuple[int, Outcome]]:
    """Trains all groups; yields what came of their members, by position in `trials`.

    Without rungs it does so after each group. With them all groups come to a rung before one
    passes it.
    """
    arguments = [_arguments(trials, group, data) for group in groups]
    narrow = [_narrow(trials, group) for group in groups]

    def compiled(g: int) -> Future:
        return in_background(functools.partial(prepare, *arguments[g], narrow=narrow[g]))

    programs = compiled(0)
    populations: list[list[Run]] = []
    stages = [*(rungs.epochs if rungs else ()), None]
    try:
        for stage, epoch in enumerate(stages):
            for g, group in enumerate(groups):
                if stage == 0:
                    watch.wait(programs)
                    if g + 1 < len(groups):  # compiles while this one trains
                        programs = compiled(g + 1)
                    populations.append(
                        runs(*arguments[g], on_progress=watch.look, narrow=narrow[g])
                    )
                for run in populations[g]:
                    watch.enter(run, f"population {g + 1} of {len(groups)}")
                    run.train_to(run.last_epoch if epoch is None else epoch)
                    if len(populations[g]) > 1 and epoch is not None:
                        run.park()  # memory holds one of them at a time
                if epoch is None:
                    outcomes = [o for run in populations[g] for o in run.outcomes()]
                    yield from zip(group.members, outcomes, strict=False)
                    populations[g] = []
            if rungs is not None and epoch is not None:
                watch.stop(_stop(rungs, epoch, len(trials), groups, populations))
    finally:
        watch.end()


def _end(trial: Trial, outcome: Outcome) -> int:
    """Epochs that it was trained for."""
    return outcome.stopped_epoch or trial.configuration.hyperparameters.n_epochs


def _arguments(trials: Sequence[Trial], group: Group, data: Split) -> tuple:
    """Of `runs`. The shortest member is repeated to the group's width."""
    members = [trials[i].configuration for i in group.members]
    shortest = min(members, key=lambda c: c.hyperparameters.n_epochs)
    fillers = [shortest] * (group.width - len(members))
    return group.bucket, [*members, *fillers], group.seeds, data


def _narrow(trials: Sequence[Trial], group: Group) -> Narrow:
    params = [count_params(trials[i].configuration.structure) for i in group.members]
    return narrowing(group.bucket, float(np.mean(params)), len(group.seeds))


def _stop(
    rungs: Rungs,
    epoch: int,
    n_trials: int,
    groups: Sequence[Group],
    populations: Sequence[Sequence[Run]],
) -> int:
    """Stops what a rung stops, and what fills the populations up; returns how many trials."""
    accuracy, live = np.full(n_trials, np.nan), np.zeros(n_trials, bool)
    where: list[tuple[Run, int, int | None]] = []  # a column's trial, None for one that fills up
    for group, some in zip(groups, populations, strict=True):
        columns = [(run, c) for run in some for c in range(len(run.configurations))]
        fillers = [None] * (len(columns) - len(group.members))
        for (run, c), i in zip(columns, [*group.members, *fillers], strict=True):
            where.append((run, c, i))
            if i is not None:
                accuracy[i] = run.validation_accuracy[:, c].mean()
                live[i] = c in run.live
    stopped = rungs.stopped(epoch, accuracy, live)
    for run in (run for some in populations for run in some):
        run.stop([c for of_run, c, i in where if of_run is run and i in {*stopped, None}])
    return len(stopped)


def result_of(
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


class Watch:
    """Adds up what the populations report, in trials."""

    def __init__(self, reporter: Reporter, n_trials: int):
        self._reporter, self._n_trials = reporter, n_trials
        self._begun = time.monotonic()
        self._waited = 0.0  # seconds, for programs
        self._done: dict[Run, float] = {}  # trials
        self._compiling: dict[Run, float] = {}  # seconds
        self._best: dict[Run, Best | None] = {}  # now or at the end
        self._doing = "preparing"
        reporter.begin(n_trials)

    def wait(self, programs: Future) -> None:
        """Waits until they are compiled."""
        begun = time.monotonic()
        if not programs.done():
            self._doing = "compiling"
            self._tell()
        programs.result()
        self._waited += time.monotonic() - begun

    def stop(self, n_trials: int) -> None:
        """A rung stopped so many."""
        self._reporter.stop(n_trials)

    def enter(self, run: Run, doing: str) -> None:
        """A population goes on."""
        self._run, self._doing = run, doing

    def look(self, progress: Progress) -> None:
        ends = np.asarray(self._run.ends)
        self._done[self._run] = float(np.minimum(progress.epoch / ends, 1.0).sum())
        self._compiling[self._run] = progress.compile_seconds
        self._best[self._run] = _best(self._run, progress)
        self._tell()

    @property
    def training(self) -> float:
        """Seconds so far, compiling left out."""
        compiling = self._waited + sum(self._compiling.values())
        return max(0.0, time.monotonic() - self._begun - compiling)

    def end(self) -> None:
        """Training is over, or was broken off."""
        self._reporter.end()

    def _tell(self) -> None:
        done = min(sum(self._done.values()), float(self._n_trials))
        found = [best for best in self._best.values() if best is not None]
        best = max(found, key=lambda best: best.accuracy, default=None)
        self._reporter.advance(done, self.training, best, self._doing)


def _best(run: Run, progress: Progress) -> Best | None:
    """The best by its mean over seeds, None if there is none yet."""
    means = progress.validation_accuracy.mean(axis=0)
    if not np.isfinite(means).any():
        return None
    c = int(np.argmax(np.where(np.isfinite(means), means, -np.inf)))
    structure = run.configurations[c].structure
    return Best(float(means[c]), count_params(structure), structure.architecture)
