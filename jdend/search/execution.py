"""Trains planned populations one after the other and tells a reporter how it goes."""

import functools
import math
import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future

import jax
import numpy as np

from jdend import kernels
from jdend.data import Split
from jdend.search.buckets import Group, Trial, plan
from jdend.search.errors import SearchError
from jdend.search.material import Material
from jdend.search.progress import Reporter
from jdend.study import FIGURES, SearchResult
from jdend.training import Outcome, Progress, enable_program_cache, in_background, prepare, train

__all__ = ["Trainer", "device", "execute", "result_of"]


class Trainer:
    """Trains trials in planned populations, each trial once.

    Args:
      material: the data.
      reporter: told how it goes.
      buckets, max_programs, kernel: see `jdend.search.buckets.plan`.
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

    def plan(self, trials: Sequence[Trial]) -> list[Group]:
        """The populations in which these would be trained; equal trials are one."""
        return plan(
            list(dict.fromkeys(trials)),
            self._buckets,
            kernel=self.kernel,
            max_programs=self._max_programs,
            n_examples=len(self._material.outline.train_y),
        )

    def train(self, trials: Sequence[Trial]) -> None:
        """Trains those that are not known yet; what is finished is known even if it is broken off.

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
        for position, outcome in execute(new, self.plan(new), data, self._reporter):
            self.known[new[position]] = outcome

    def settings(self) -> dict[str, object]:
        """For the search's record."""
        return {
            "buckets": self._buckets,
            "max_programs": self._max_programs,
            "kernel": self.kernel,
        }


def execute(
    trials: Sequence[Trial], groups: Sequence[Group], data: Split, reporter: Reporter
) -> Iterator[tuple[int, Outcome]]:
    """Trains all groups; after each, yields what came of its members, by position in `trials`."""
    watch = _Watch(reporter, len(trials))
    arguments = [
        (group.bucket, [trials[i].configuration for i in group.members], group.seeds, data)
        for group in groups
    ]
    programs = in_background(functools.partial(prepare, *arguments[0]))
    try:
        for number, group in enumerate(groups):
            watch.wait(programs)
            if number + 1 < len(groups):  # compiles while this one trains
                programs = in_background(functools.partial(prepare, *arguments[number + 1]))
            watch.enter(
                [c.hyperparameters.n_epochs for c in arguments[number][1]],
                f"population {number + 1} of {len(groups)}",
            )
            outcomes = train(*arguments[number], on_progress=watch.look)
            watch.leave()
            yield from zip(group.members, outcomes, strict=True)
    finally:
        reporter.end()


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


class _Watch:
    """Adds up what the populations report, in trials."""

    def __init__(self, reporter: Reporter, n_trials: int):
        self._reporter = reporter
        self._begun = time.monotonic()
        self._compiling = 0.0  # seconds so far, of the present group left out
        self._done = 0.0  # trials of them
        self._best = math.nan  # the best of them
        reporter.begin(n_trials)

    def wait(self, programs: Future) -> None:
        """Waits until they are compiled."""
        begun = time.monotonic()
        programs.result()
        self._compiling += time.monotonic() - begun

    def enter(self, lengths: list[int], doing: str) -> None:
        """A group of trials of such numbers of epochs begins."""
        self._lengths, self._doing = np.asarray(lengths), doing
        self._chunk, self._last = 0, None

    def look(self, progress: Progress) -> None:
        last = self._last
        if last is not None and progress.epoch < last.epoch:
            # Memory allowed a part of the group; now comes the next.
            self._chunk += last.validation_accuracy.shape[1]
            self._compiling += last.compile_seconds
            self._best = float(np.fmax(self._best, _best(last)))
        self._last = progress
        n_trials = progress.validation_accuracy.shape[1]
        lengths = self._lengths[self._chunk : self._chunk + n_trials]
        done = self._done + self._chunk + float(np.minimum(progress.epoch / lengths, 1.0).sum())
        best = float(np.fmax(self._best, _best(progress)))
        self._tell(done, best, self._compiling + progress.compile_seconds)

    def leave(self) -> None:
        if self._last is not None:
            self._compiling += self._last.compile_seconds
            self._best = float(np.fmax(self._best, _best(self._last)))
        self._done += len(self._lengths)
        self._tell(self._done, self._best, self._compiling)

    def _tell(self, done: float, best: float, compiling: float) -> None:
        training = max(0.0, time.monotonic() - self._begun - compiling)
        self._reporter.advance(done, training, best, self._doing)


def _best(progress: Progress) -> float:
    """The best mean over seeds, NaN if there is none yet."""
    means = progress.validation_accuracy.mean(axis=0)
    return float(np.fmax.reduce(means, initial=math.nan))
