"""Trains the populations of a generation side by side, rung by rung."""

import functools
from collections.abc import Iterator, Sequence
from concurrent.futures import Future

import numpy as np

from jdend.data import Split
from jdend.models import count_params
from jdend.search.driver.meter import Meter
from jdend.search.planning.cost_model import narrowing
from jdend.search.planning.population import PlannedPopulation, Trial
from jdend.search.pruners import Rungs
from jdend.training import Narrow, Outcome, Run, in_background, prepare, runs

__all__ = ["execute"]


def execute(
    trials: Sequence[Trial],
    groups: Sequence[PlannedPopulation],
    data: Split,
    watch: Meter,
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


def _arguments(trials: Sequence[Trial], group: PlannedPopulation, data: Split) -> tuple:
    """Of `runs`. The shortest member is repeated to the group's width."""
    members = [trials[i].configuration for i in group.members]
    shortest = min(members, key=lambda c: c.hyperparameters.n_epochs)
    fillers = [shortest] * (group.width - len(members))
    return group.bucket, [*members, *fillers], group.seeds, data


def _narrow(trials: Sequence[Trial], group: PlannedPopulation) -> Narrow:
    params = [count_params(trials[i].configuration.structure) for i in group.members]
    return narrowing(group.bucket, float(np.mean(params)), len(group.seeds))


def _stop(
    rungs: Rungs,
    epoch: int,
    n_trials: int,
    groups: Sequence[PlannedPopulation],
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
