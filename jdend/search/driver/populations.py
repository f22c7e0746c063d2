"""Trains the populations of a generation side by side, rung by rung.

All populations are trained to a rung, one after the other, before any of them passes it. The states
of their runs are written to the study's folder from time to time, and when training is broken off.
A search that is resumed goes on from there.
"""

import functools
import itertools
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

import numpy as np

import jdend
from jdend._phases import phase
from jdend.data import Split
from jdend.models import Configuration, count_params
from jdend.search.driver.meter import Meter
from jdend.search.planning.cost_model import narrowing
from jdend.search.planning.population import PlannedPopulation, Trial
from jdend.search.rungs import Rungs
from jdend.study import SnapshotFolder, TrialInTraining
from jdend.training import (
    ACCURACY,
    EVERY_DEVICE,
    Bucket,
    Metric,
    Narrow,
    Outcome,
    Placement,
    Progress,
    Run,
    in_background,
    prepare,
    runs,
)

__all__ = ["Keeper", "train_populations"]

# States are written so seldom that it takes at most this share of the time, and at most once in so
# many seconds.
MAX_SHARE_OF_TIME, MIN_SECONDS_BETWEEN = 0.01, 15.0
# Those who watch learn so often how far trials are.
SECONDS_BETWEEN_LOOKS = 2.0


@dataclass
class _Kept:
    """A run with its file's place and identity, its trials, and its progress when last written."""

    run: Run
    place: str
    identity: str
    members: Sequence[Trial]
    written: object = field(default=None)


class Keeper:
    """Writes the states of the runs of a generation, and restores them.

    Args:
      folder: where they are written; None to write nothing.
      generation: the number of the generation.
      data: identifies the data that the runs are trained on.
      say: called with lines of text for the user.
      clock: returns the time in seconds.

    Attributes:
      say: as given.
      has_restored: whether a run went on from a state that an earlier search had written.
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
        self.say, self._clock = say, clock
        self.has_restored = False
        self._kept: list[_Kept] = []
        self._due, self._tell_at = clock() + MIN_SECONDS_BETWEEN, clock()

    def enter(self, run: Run, place: str, bucket: Bucket, members: Sequence[Trial]) -> None:
        """Adds a run; if its state was written before, the run goes on from there.

        Args:
          run: a run before its first epoch.
          place: its place among the runs of the generation, the same whenever that is planned.
          bucket: its bucket.
          members: the trials of its first columns; further columns are fillers.
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
            self.say(f"a part of generation {self._generation} trains anew: {error}")
        else:
            kept.written, self.has_restored = _progress(run), True

    def look(self) -> None:
        """Writes the states that have changed, if it is time to."""
        if self._folder is None:
            return
        if self._clock() >= self._due:
            self.write()
        if self._clock() >= self._tell_at:
            self._folder.tell(self._generation, self._in_training())
            self._tell_at = self._clock() + SECONDS_BETWEEN_LOOKS

    def _in_training(self) -> list[TrialInTraining]:
        """The trials that have not ended."""
        return [
            TrialInTraining(
                architecture=structure.architecture,
                total_params=count_params(structure),
                epoch=kept.run.epoch,
                n_epochs=trial.configuration.hyperparameters.n_epochs,
                value=score * metric.sign if np.isfinite(score) else None,
                metric=metric.name,
                minimised=metric.minimised,
            )
            for kept in self._kept
            for c, trial in enumerate(kept.members)
            if kept.run.ends[c] > kept.run.epoch
            for structure in [trial.configuration.structure]
            for score, metric in [(float(kept.run.score[:, c].mean()), kept.run.metric)]
        ]

    @phase("storing")
    def write(self) -> None:
        """Writes the states that have changed since they were last written."""
        if self._folder is None:
            return
        begun = self._clock()
        for kept in self._kept:
            progress = _progress(kept.run)
            if kept.run.steps_done == 0 or progress == kept.written:
                continue
            try:
                content = kept.run.snapshot().to_bytes()
            except RuntimeError:  # an exception in the middle of a step has destroyed the state
                continue
            self._folder.write(self._generation, kept.place, kept.identity, content)
            kept.written = progress
        now = self._clock()
        self._due = now + max(MIN_SECONDS_BETWEEN, (now - begun) / MAX_SHARE_OF_TIME)

    def cut_off(self) -> dict[Trial, Outcome]:
        """The outcomes so far of unfinished trials that were trained for at least one epoch."""
        return {
            trial: outcome
            for kept in self._kept
            if not kept.run.is_measured
            for trial, outcome in zip(kept.members, kept.run.outcomes_so_far(), strict=False)
            if outcome is not None
        }

    def clear(self) -> None:
        """Removes what was written; called when the generation's results are stored."""
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
    metric: Metric = ACCURACY,
    placement: Placement = EVERY_DEVICE,
) -> Iterator[tuple[Trial, Outcome]]:
    """Trains planned populations; yields each trial with its outcome when its population ends.

    Args:
      trials: the trials that were planned, without repetitions.
      planned: the populations in which they train.
      data: the data to train on.
      meter: is told the progress.
      rungs: say when weak trials are stopped; None to stop none.
      keeper: writes the states of the runs while they train.
      metric: what networks are measured by, and ranked at rungs.
      placement: the devices that train, and how much of a population at once.
    """
    populations = [
        _Population(trials, planned, number, data, meter, keeper or Keeper(), metric, placement)
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
    """A planned population in training: one run, or several if memory is too small for one."""

    def __init__(
        self,
        trials: Sequence[Trial],
        planned: Sequence[PlannedPopulation],
        number: int,
        data: Split,
        meter: Meter,
        keeper: Keeper,
        metric: Metric,
        placement: Placement,
    ):
        self._metric, self._placement = metric, placement
        self._trials, self._planned, self._data = trials, planned[number], data
        self._meter, self._keeper, self._number = meter, keeper, number
        self._configurations = _columns(trials, self._planned)
        self._narrow = _narrow(trials, self._planned)
        self._programs: Future[object] | None = None
        self._runs: list[Run] | None = None

    def programs(self) -> Future[object]:
        """Its programs; the first call begins to compile them in the background."""
        if self._programs is None:
            work = functools.partial(
                prepare,
                *self._arguments(),
                metric=self._metric,
                narrow=self._narrow,
                placement=self._placement,
            )
            self._programs = in_background(work)
        return self._programs

    def train_to_rung(self, epoch: int) -> None:
        """Trains until `epoch` epochs are done; of several runs, one at a time is on the device."""
        of_population = self._begun()
        for run in of_population:
            self._meter.enter(run, self._number, self._n_members(run))
            run.train_to(epoch)
            if len(of_population) > 1:
                run.park()

    def train_to_end(self) -> list[tuple[Trial, Outcome]]:
        """Trains the rest; returns each trial with its outcome."""
        of_population = self._begun()
        for run in of_population:
            self._meter.enter(run, self._number, self._n_members(run))
            run.train_to(run.last_epoch)
        outcomes = [outcome for run in of_population for outcome in run.outcomes()]
        self._keeper.look()
        self._runs = []
        members = [self._trials[i] for i in self._planned.members]
        return list(zip(members, outcomes[: len(members)], strict=True))

    def stop(self, positions: Collection[int]) -> None:
        """Stops the trials at these positions of the generation, and all fillers."""
        columns = self.columns()
        for run in self._begun():
            run.stop([c for r, c, i in columns if r is run and (i is None or i in positions)])

    def columns(self) -> list[tuple[Run, int, int | None]]:
        """For each column its run, its place in the run, and the position of its trial in the
        generation, None for a filler."""
        places = [(run, c) for run in self._begun() for c in range(len(run.configurations))]
        members = self._planned.members
        positions = [*members, *[None] * (len(places) - len(members))]
        return [(run, c, i) for (run, c), i in zip(places, positions, strict=True)]

    def _n_members(self, run: Run) -> int:
        """Its columns that are trials of their own."""
        of_run = [position for r, _, position in self.columns() if r is run]
        return sum(position is not None for position in of_run)

    def _begun(self) -> list[Run]:
        """Its runs, which are made when this is first called."""
        if self._runs is None:
            arguments = self._arguments()
            self._runs = runs(
                *arguments,
                metric=self._metric,
                on_progress=self._look,
                narrow=self._narrow,
                placement=self._placement,
                say=self._keeper.say,
            )
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
    """Trains up to the last rung; at each rung, ranks all trials and stops the weak ones."""
    for epoch in rungs.epochs:
        for population in _compiled(populations, meter):
            population.train_to_rung(epoch)
        score, live = np.full(n_trials, np.nan), np.zeros(n_trials, bool)
        for population in populations:
            # Their score at the rung: a run that was restored may be beyond it already.
            latest = {run: run.score_after(epoch) for run, _, _ in population.columns()}
            for run, column, position in population.columns():
                if position is not None:
                    score[position] = latest[run][:, column].mean()
                    n_epochs = run.configurations[column].hyperparameters.n_epochs
                    live[position] = epoch < n_epochs and epoch <= run.ends[column]
        stopped = set(rungs.stopped(epoch, score, live))
        for population in populations:
            population.stop(stopped)
        meter.stop(len(stopped))


def _compiled(populations: Sequence[_Population], meter: Meter) -> Iterator[_Population]:
    """Each population when its programs are compiled; those of the next one compile meanwhile."""
    following_ones = [*populations[1:], None]
    for number, (population, following) in enumerate(zip(populations, following_ones, strict=True)):
        meter.wait(population.programs(), number)
        if following is not None:
            following.programs()
        yield population


def _columns(trials: Sequence[Trial], planned: PlannedPopulation) -> list[Configuration]:
    """The configurations of all columns: those of the members, then fillers up to the population's
    width, which repeat the member with the fewest epochs."""
    members = [trials[i].configuration for i in planned.members]
    shortest = min(members, key=lambda c: c.hyperparameters.n_epochs)
    return [*members, *[shortest] * (planned.width - len(members))]


def _narrow(trials: Sequence[Trial], planned: PlannedPopulation) -> Narrow:
    """Decides to which width a run is narrowed when trials have been stopped."""
    params = [count_params(trials[i].configuration.structure) for i in planned.members]
    return narrowing(planned.bucket, float(np.mean(params)), len(planned.seeds))
