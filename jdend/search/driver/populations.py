"""Trains the populations of a generation side by side, rung by rung.

All populations come to a rung, one after the other, before any of them passes it. What their runs
have come to is written to the study's folder from time to time, and when training is broken off; a
search that goes on takes them over from there.
"""

import functools
import itertools
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

import numpy as np

import jdend
from jdend.data import Split
from jdend.models import Configuration, count_params
from jdend.search.driver.meter import Meter
from jdend.search.planning.cost_model import narrowing
from jdend.search.planning.population import PlannedPopulation, Trial
from jdend.search.rungs import Rungs
from jdend.study import SnapshotFolder
from jdend.training import Bucket, Narrow, Outcome, Progress, Run, in_background, prepare, runs

__all__ = ["Keeper", "train_populations"]

# Writing takes at most this share of the time…
MAX_SHARE_OF_TIME = 0.01
# …and is not worth the trouble more often than once in so many seconds.
MIN_SECONDS_BETWEEN = 15.0


@dataclass
class _Kept:
    """A run, where it is written, its columns' trials, and how far it was when last written."""

    run: Run
    place: str
    identity: str
    members: Sequence[Trial]
    written: object = field(default=None)


class Keeper:
    """Knows the runs of a generation.

    Args:
      folder: where they are written; None for nowhere.
      generation: its number.
      data: identifies the data that they are trained on.
      say: told in a line what a person should know.
      clock: seconds from some beginning.

    Attributes:
      has_restored: whether a run went on from what was written.
    """

    def __init__(
        self,
        folder: SnapshotFolder | None = None,
        generation: int = 0,
        data: object = "",
        say: Callable[[str], None] = lambda line: None,
        clock: Callable[[], float] = time.monotonic,
    ):
        self._folder, self._generation, self._data = folder, generation, data
        self._say, self._clock = say, clock
        self.has_restored = False
        self._kept: list[_Kept] = []
        self._due = clock() + MIN_SECONDS_BETWEEN

    def enter(self, run: Run, place: str, bucket: Bucket, members: Sequence[Trial]) -> None:
        """A run is made, which goes on from where one like it was, if that was written.

        Args:
          run: before its first epoch.
          place: among those of the generation, the same whenever it is planned.
          bucket: of the run.
          members: trials of its first columns; further columns only fill it up.
        """
        identity = repr((jdend.__version__, self._data, bucket, run.configurations, run.seeds))
        kept = _Kept(run, place, identity, members)
        self._kept.append(kept)
        if self._folder is None:
            return
        content = self._folder.read(self._generation, place, identity)
        if content is None:
            return
        try:
            run.restore(content)
        except ValueError as error:
            self._say(f"a part of generation {self._generation} trains anew: {error}")
        else:
            kept.written, self.has_restored = _progress(run), True

    def look(self) -> None:
        """Writes what has changed, if it is time."""
        if self._folder is not None and self._clock() >= self._due:
            self.write()

    def write(self) -> None:
        """Writes what has changed since it was last written."""
        if self._folder is None:
            return
        begun = self._clock()
        for kept in self._kept:
            progress = _progress(kept.run)
            if kept.run.steps_done == 0 or progress == kept.written:
                continue
            try:
                content = kept.run.snapshot().to_bytes()
            except RuntimeError:  # lost to an exception in the middle of a step
                continue
            self._folder.write(self._generation, kept.place, kept.identity, content)
            kept.written = progress
        now = self._clock()
        self._due = now + max(MIN_SECONDS_BETWEEN, (now - begun) / MAX_SHARE_OF_TIME)

    def cut_off(self) -> dict[Trial, Outcome]:
        """What trials had come to that have not ended, of those with a whole epoch behind them."""
        return {
            trial: outcome
            for kept in self._kept
            if not kept.run.is_measured
            for trial, outcome in zip(kept.members, kept.run.outcomes_so_far(), strict=False)
            if outcome is not None
        }

    def clear(self) -> None:
        """The generation is finished, and kept otherwise."""
        self._kept = []
        if self._folder is not None:
            self._folder.clear(self._generation)


def _progress(run: Run) -> object:
    return run.steps_done, tuple(run.ends), run.is_measured


def train_populations(
    trials: Sequence[Trial],
    planned: Sequence[PlannedPopulation],
    data: Split,
    meter: Meter,
    rungs: Rungs | None = None,
    keeper: Keeper | None = None,
) -> Iterator[tuple[Trial, Outcome]]:
    """Trains planned populations; yields each trial with its outcome when its population ends.

    Args:
      trials: what was planned, all different.
      planned: the populations in which they train.
      data: to train on.
      meter: told how it goes.
      rungs: when weak trials are stopped; None if none ever is.
      keeper: keeps what they come to.
    """
    populations = [
        _Population(trials, planned, number, data, meter, keeper or Keeper())
        for number in range(len(planned))
    ]
    try:
        if rungs is not None:
            _pass_rungs(populations, rungs, len(trials), meter)
        for population in _compiled(populations, meter):
            yield from population.train_to_end()
    finally:
        meter.end()


class _Population:
    """A planned population in training: one run, or several where memory asks for it."""

    def __init__(
        self,
        trials: Sequence[Trial],
        planned: Sequence[PlannedPopulation],
        number: int,
        data: Split,
        meter: Meter,
        keeper: Keeper,
    ):
        self._trials, self._planned, self._data = trials, planned[number], data
        self._meter, self._keeper, self._number = meter, keeper, number
        self._name = f"population {number + 1} of {len(planned)}"
        self._configurations = _columns(trials, self._planned)
        self._narrow = _narrow(trials, self._planned)
        self._programs: Future[object] | None = None
        self._runs: list[Run] | None = None

    def programs(self) -> Future[object]:
        """Its programs; they begin to compile when this is first called."""
        if self._programs is None:
            work = functools.partial(prepare, *self._arguments(), narrow=self._narrow)
            self._programs = in_background(work)
        return self._programs

    def train_to_rung(self, epoch: int) -> None:
        """Trains until so many epochs are done; of several runs, one at a time is on the device."""
        of_population = self._begun()
        for run in of_population:
            self._meter.enter(run, self._name)
            run.train_to(epoch)
            if len(of_population) > 1:
                run.park()

    def train_to_end(self) -> list[tuple[Trial, Outcome]]:
        """Trains what is left; returns each trial with its outcome."""
        of_population = self._begun()
        for run in of_population:
            self._meter.enter(run, self._name)
            run.train_to(run.last_epoch)
        outcomes = [outcome for run in of_population for outcome in run.outcomes()]
        self._keeper.look()
        self._runs = []
        members = [self._trials[i] for i in self._planned.members]
        return list(zip(members, outcomes[: len(members)], strict=True))

    def stop(self, positions: Collection[int]) -> None:
        """Stops trials, by their positions among all, and the columns that only fill it up."""
        columns = self.columns()
        for run in self._begun():
            run.stop([c for r, c, i in columns if r is run and (i is None or i in positions)])

    def columns(self) -> list[tuple[Run, int, int | None]]:
        """Of each column its run, its place there, and its trial's position, None for fillers."""
        places = [(run, c) for run in self._begun() for c in range(len(run.configurations))]
        members = self._planned.members
        positions = [*members, *[None] * (len(places) - len(members))]
        return [(run, c, i) for (run, c), i in zip(places, positions, strict=True)]

    def _begun(self) -> list[Run]:
        if self._runs is None:
            arguments = self._arguments()
            self._runs = runs(*arguments, on_progress=self._look, narrow=self._narrow)
            members = iter([self._trials[i] for i in self._planned.members])
            for part, run in enumerate(self._runs):
                of_run = list(itertools.islice(members, len(run.configurations)))
                place = f"{self._number}-{part}"
                self._keeper.enter(run, place, self._planned.bucket, of_run)
        return self._runs

    def _look(self, progress: Progress) -> None:
        self._meter.look(progress)
        self._keeper.look()

    def _arguments(self) -> tuple[Bucket, Sequence[Configuration], Sequence[int], Split]:
        return self._planned.bucket, self._configurations, self._planned.seeds, self._data


def _pass_rungs(
    populations: Sequence[_Population], rungs: Rungs, n_trials: int, meter: Meter
) -> None:
    """Trains up to the last rung; at each, all trials are ranked and the weak ones stopped."""
    for epoch in rungs.epochs:
        for population in _compiled(populations, meter):
            population.train_to_rung(epoch)
        accuracy, live = np.full(n_trials, np.nan), np.zeros(n_trials, bool)
        for population in populations:
            # As they were at the rung: one that goes on from what was kept may be beyond it.
            latest = {run: run.accuracy_after(epoch) for run, _, _ in population.columns()}
            for run, column, position in population.columns():
                if position is not None:
                    accuracy[position] = latest[run][:, column].mean()
                    n_epochs = run.configurations[column].hyperparameters.n_epochs
                    live[position] = epoch < n_epochs and epoch <= run.ends[column]
        stopped = set(rungs.stopped(epoch, accuracy, live))
        for population in populations:
            population.stop(stopped)
        meter.stop(len(stopped))


def _compiled(populations: Sequence[_Population], meter: Meter) -> Iterator[_Population]:
    """Each population when its programs are compiled; those of the next one compile meanwhile."""
    for population, following in zip(populations, [*populations[1:], None], strict=True):
        meter.wait(population.programs())
        if following is not None:
            following.programs()
        yield population


def _columns(trials: Sequence[Trial], planned: PlannedPopulation) -> list[Configuration]:
    """The members' configurations; the shortest again and again up to the population's width."""
    members = [trials[i].configuration for i in planned.members]
    shortest = min(members, key=lambda c: c.hyperparameters.n_epochs)
    return [*members, *[shortest] * (planned.width - len(members))]


def _narrow(trials: Sequence[Trial], planned: PlannedPopulation) -> Narrow:
    params = [count_params(trials[i].configuration.structure) for i in planned.members]
    return narrowing(planned.bucket, float(np.mean(params)), len(planned.seeds))
