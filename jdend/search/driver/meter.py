"""Measures the progress of a generation: the sum over its populations."""

import math
import time
from collections.abc import Iterable
from concurrent.futures import Future

import numpy as np

from jdend.models import count_params
from jdend.search.progress.reporter import Reporter
from jdend.search.progress.status import Best
from jdend.study import SearchResult, rank
from jdend.training import Progress, Run

__all__ = ["Meter", "best_of"]


class Meter:
    """Adds up the progress of a generation's populations, in trials, and tells a reporter.

    Args:
      reporter: is told at once that training begins.
      n_trials: the number of trials of the generation.
    """

    def __init__(self, reporter: Reporter, n_trials: int):
        self._reporter, self._n_trials = reporter, n_trials
        self._begun = time.monotonic()
        self._waited = 0.0  # seconds of waiting for programs
        self._setting_up = 0.0  # seconds, until each run had taken its first few steps
        self._entered = 0.0  # `training` when the present run was entered
        self._run: Run | None = None  # the present run
        self._done: dict[Run, float] = {}  # trials
        self._compiling: dict[Run, float] = {}  # seconds
        self._best: dict[Run, Best | None] = {}  # at present, or when the run ended
        self._doing = "preparing"
        reporter.begin(n_trials)

    def wait(self, programs: Future[object]) -> None:
        """Waits until programs are compiled."""
        begun = time.monotonic()
        if not programs.done():
            self._doing = "compiling"
            self._tell()
        programs.result()
        self._waited += time.monotonic() - begun

    def stop(self, n_trials: int) -> None:
        """Is told that a rung stopped so many trials."""
        self._reporter.stop(n_trials)

    def enter(self, run: Run, doing: str) -> None:
        """Is told that a run begins to train or goes on; `look` is about this run from now on."""
        self._run, self._doing = run, doing
        self._entered = self.training

    def look(self, progress: Progress) -> None:
        """Is told how far the present run is."""
        run = self._run
        assert run is not None
        begins = run not in self._done and progress.epoch < 1
        ends = np.asarray(run.ends)
        self._done[run] = float(np.minimum(progress.epoch / ends, 1.0).sum())
        self._compiling[run] = progress.compile_seconds
        self._best[run] = _best(run, progress)
        if (
            begins
        ):  # moving the data to the device took most of this time: it says nothing of the rate
            self._setting_up += self.training - self._entered
            return
        self._tell()

    @property
    def training(self) -> float:
        """Seconds of training so far, without compiling."""
        compiling = self._waited + sum(self._compiling.values())
        return max(0.0, time.monotonic() - self._begun - compiling)

    def end(self) -> None:
        """Is told that training is over, or was broken off."""
        self._reporter.end()

    def _tell(self) -> None:
        done = min(sum(self._done.values()), float(self._n_trials))
        networks = [best for best in self._best.values() if best is not None]
        best = max(networks, key=lambda best: best.accuracy, default=None)
        seconds = max(0.0, self.training - self._setting_up)
        self._reporter.advance(done, seconds, best, self._doing)


def _best(run: Run, progress: Progress) -> Best | None:
    """The trial with the best mean over seeds among those that no rung has stopped; None if no
    trial has been evaluated."""
    means = progress.validation_accuracy.mean(axis=0)
    if not np.isfinite(means).any():
        return None
    whole = np.array([c.hyperparameters.n_epochs for c in run.configurations])
    means = np.where(np.isfinite(means) & (np.asarray(run.ends) == whole), means, -np.inf)
    c = int(np.argmax(means))
    if not np.isfinite(means[c]):
        return None
    structure = run.configurations[c].structure
    return Best(float(means[c]), count_params(structure), structure.architecture)


def best_of(results: Iterable[SearchResult]) -> Best | None:
    """The best of these results, as `rank` has it; None if none has a validation accuracy."""
    measured = [r for r in results if r.failed is None and r.validation_accuracy is not None]
    best = next(iter(rank(measured)), None)
    if best is None or best.validation_accuracy is None or math.isnan(best.validation_accuracy):
        return None
    architecture = str(best.params.get("architecture", ""))
    return Best(best.validation_accuracy, best.total_params, architecture)
