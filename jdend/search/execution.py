"""Trains planned populations one after the other and tells a reporter how it goes."""

import functools
import math
import os
from collections.abc import Iterator, Sequence

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
    ready = None
    try:
        for number, group in enumerate(groups):
            if ready is not None:
                ready.result()
            if number + 1 < len(groups):  # compiles while this one trains
                ready = in_background(functools.partial(prepare, *arguments[number + 1]))
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
        self._done = 0.0  # trials of the groups that are finished
        self._best = math.nan
        reporter.begin(n_trials)

    def enter(self, lengths: list[int], doing: str) -> None:
        """A group of trials of such numbers of epochs begins."""
        self._lengths, self._doing = np.asarray(lengths), doing
        self._chunk, self._chunk_size, self._epoch = 0, 0, 0.0

    def look(self, progress: Progress) -> None:
        if progress.epoch < self._epoch:  # memory allowed a part of the group; now the next
            self._chunk += self._chunk_size
        self._epoch, self._chunk_size = progress.epoch, progress.validation_accuracy.shape[1]
        lengths = self._lengths[self._chunk : self._chunk + self._chunk_size]
        done = self._done + self._chunk + float(np.minimum(progress.epoch / lengths, 1.0).sum())
        means = progress.validation_accuracy.mean(axis=0)
        self._best = float(np.fmax(self._best, np.fmax.reduce(means, initial=math.nan)))
        self._reporter.advance(done, self._best, self._doing)

    def leave(self) -> None:
        self._done += len(self._lengths)
        self._reporter.advance(self._done, self._best, self._doing)
