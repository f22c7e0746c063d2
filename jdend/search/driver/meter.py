"""Measures the progress of a generation: the sum over its populations."""

import math
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from jdend._phases import phase
from jdend.models import count_params
from jdend.search.executors.protocol import Part
from jdend.search.planning.population import PlannedPopulation
from jdend.search.planning.runtime import Forecast
from jdend.search.progress.reporter import Reporter
from jdend.search.progress.status import Best, Reached
from jdend.search.progress.time_left import Expected
from jdend.study import SearchResult, rank
from jdend.training import Progress

__all__ = ["Meter", "best_of"]

# How often progress is shown while programs compile.
SECONDS_BETWEEN = 1.0
# The largest share of a program that is shown as compiled while it is not.
MAX_SHARE_COMPILED = 0.9


@dataclass
class _Share:
    """A run: the epochs that are done, and those that an earlier process had done."""

    population: int
    n_members: int
    taken_over: float
    epoch: float = 0.0
    compiling: float = 0.0  # seconds
    best: Best | None = None


class Meter:
    """Adds up the progress of a generation's populations, and tells a reporter.

    Args:
      reporter: is told at once that training begins.
      planned: the populations.
      expected: the time that they will probably take.
      ends: after how many epochs each trial will probably end.
    """

    def __init__(
        self,
        reporter: Reporter,
        planned: Sequence[PlannedPopulation],
        expected: Forecast,
        ends: Sequence[int],
    ):
        self._reporter = reporter
        # For each population, the share of all training that one epoch of one trial takes.
        whole = max(expected.training, 1e-9)
        self._shares = [
            seconds / whole / max(1, sum(ends[i] for i in p.members))
            for p, seconds in zip(planned, expected.populations, strict=True)
        ]
        self._begun = time.monotonic()
        self._waited = 0.0  # seconds of waiting for programs
        self._setting_up = 0.0  # seconds, until each run had taken its first few steps
        self._entered = 0.0  # `training` when the present run was entered
        self._compiled = 0.0  # how many populations have their programs
        self._a_program = expected.compiling / max(1, len(planned))  # expected seconds of compiling
        self._run: Part | None = None  # the present run
        self._parts: dict[Part, _Share] = {}
        self._doing = "preparing"
        n_trials = sum(len(p.members) for p in planned)
        reporter.begin(n_trials, Expected(expected.compiling, expected.training))

    @phase("waiting for programs")
    def wait(self, programs: Future[object], number: int) -> None:
        """Waits until the programs of a population are compiled."""
        waited = self._waited
        begun = time.monotonic()
        while not programs.done():
            self._doing = "compiling"
            self._waited = waited + time.monotonic() - begun
            # A compiler does not say how far it is, so this assumes the expected time.
            of_program = (self._waited - waited) / max(self._a_program, 1e-9)
            self._compiled = max(self._compiled, number + min(of_program, MAX_SHARE_COMPILED))
            self._tell()
            with suppress(TimeoutError):
                programs.result(timeout=SECONDS_BETWEEN)
        programs.result()
        self._waited = waited + time.monotonic() - begun
        self._compiled = max(self._compiled, number + 1.0)

    def stop(self, n_trials: int) -> None:
        """Is told that a rung stopped so many trials."""
        self._reporter.stop(n_trials)

    def enter(self, run: Part, population: int, n_members: int) -> None:
        """Is told that a run begins to train or goes on; `look` is about this run from now on.

        Args:
          run: the run.
          population: the number of its population.
          n_members: how many of its columns are trials; the others, which come after these, are
            fillers.
        """
        part = _Share(population, n_members, run.epochs_done, run.epochs_done)
        self._parts.setdefault(run, part)
        self._run, self._doing = run, f"population {population + 1} of {len(self._shares)}"
        self._entered = self.training

    def look(self, progress: Progress) -> None:
        """Is told how far the present run is."""
        run = self._run
        assert run is not None
        part = self._parts[run]
        begins = part.epoch == part.taken_over and progress.epoch - part.epoch < 1
        part.epoch, part.compiling = progress.epoch, progress.compile_seconds
        part.best = _best(run, progress)
        if begins and progress.epoch < 1:  # most of this time went into moving the data
            self._setting_up += self.training - self._entered
            return
        self._tell()

    @property
    def training(self) -> float:
        """Seconds of training so far, without compiling."""
        compiling = self._waited + sum(part.compiling for part in self._parts.values())
        return max(0.0, time.monotonic() - self._begun - compiling)

    def end(self) -> None:
        """Is told that training is over, or was broken off."""
        self._reporter.end()

    def _tell(self) -> None:
        networks = [part.best for part in self._parts.values() if part.best is not None]
        best = max(networks, key=lambda best: best.score, default=None)
        self._reporter.advance(self._reached(), best, self._doing)

    def _reached(self) -> Reached:
        share, own, finished = 0.0, 0.0, 0
        for run, part in self._parts.items():
            ends = np.asarray(run.ends)[: part.n_members]
            done, before = (
                float(np.minimum(epoch, ends).sum()) * self._shares[part.population]
                for epoch in (part.epoch, part.taken_over)
            )
            share, own = share + done, own + done - before
            finished += int((part.epoch >= ends).sum())
        now = self._parts.get(self._run) if self._run is not None else None
        goes_on = now is not None and self._run is not None and now.epoch < max(self._run.ends)
        return Reached(
            finished=finished,
            epoch=math.floor(now.epoch) + 1 if now is not None and goes_on else None,
            share=min(share, 1.0),
            own=min(own, 1.0),
            compiled=self._compiled / max(1, len(self._shares)),
            seconds=max(0.0, self.training - self._setting_up),
        )


def _best(run: Part, progress: Progress) -> Best | None:
    """The trial with the best mean over seeds among those that no rung has stopped; None if no
    trial has been evaluated."""
    means = progress.score.mean(axis=0)
    if not np.isfinite(means).any():
        return None
    whole = np.array([c.hyperparameters.n_epochs for c in run.configurations])
    means = np.where(np.isfinite(means) & (np.asarray(run.ends) == whole), means, -np.inf)
    c = int(np.argmax(means))
    if not np.isfinite(means[c]):
        return None
    structure, metric = run.configurations[c].structure, run.metric
    return Best(
        float(means[c]),
        count_params(structure),
        structure.architecture,
        metric.name,
        metric.minimised,
    )


def best_of(results: Iterable[SearchResult]) -> Best | None:
    """The best of these results, as `rank` has it; None if none has a score."""
    measured = [r for r in results if r.failed is None and r.is_validated]
    best = next(iter(rank(measured)), None)
    if best is None or best.score is None or math.isnan(best.score):
        return None
    architecture = str(best.params.get("architecture", ""))
    return Best(best.score, best.total_params, architecture, best.metric, best.minimised)
