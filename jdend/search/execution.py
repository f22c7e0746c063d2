"""Trains planned populations one after the other and tells a reporter how it goes."""

import functools
import math
import os
from collections.abc import Iterator, Sequence

import jax
import numpy as np

from jdend.data import Split
from jdend.search.buckets import Group, Trial
from jdend.search.progress import Reporter
from jdend.study import FIGURES, SearchResult
from jdend.training import Outcome, Progress, in_background, prepare, train

__all__ = ["device", "execute", "result_of"]


def execute(
    trials: Sequence[Trial], groups: Sequence[Group], data: Split, reporter: Reporter
) -> Iterator[tuple[int, Outcome]]:
    """Trains all groups; after each, yields what came of its members, by position in `trials`."""
    watch = _Watch(reporter, len(trials))
    arguments = [
        (group.bucket, [trials[i].configuration for i in group.members], group.seeds, data)
        for group in groups
    ]
    try:
        for number, group in enumerate(groups):
            if number + 1 < len(groups):  # compiles while this one trains
                in_background(functools.partial(prepare, *arguments[number + 1]))
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
