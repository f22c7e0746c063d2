"""Takes the populations of a generation from rung to rung, and keeps what they have come to.

An executor trains them. All are trained to a rung before any of them passes it, and ranked here.
Their states are written to the study's folder from time to time, and when training is broken off. A
search that is resumed goes on from there.
"""

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

import numpy as np

import jdend
from jdend._phases import phase
from jdend.data import Split
from jdend.models import Configuration, count_params
from jdend.search.driver.meter import Meter
from jdend.search.executors.local import LocalExecutor, compile_programs
from jdend.search.executors.protocol import Executor, Part, Work
from jdend.search.planning.population import PlannedPopulation, Trial
from jdend.search.rungs import Rungs
from jdend.study import SnapshotFolder, TrialInTraining
from jdend.training import ACCURACY, Bucket, Metric, Outcome, Placement, Progress

__all__ = ["Keeper", "prepare_populations", "train_populations"]

# States are written so seldom that it takes at most this share of the time, and at most once in so
# many seconds.
MAX_SHARE_OF_TIME, MIN_SECONDS_BETWEEN = 0.01, 15.0
# Those who watch learn so often how far trials are.
SECONDS_BETWEEN_LOOKS = 2.0


@dataclass
class _Kept:
    """A run with its file's place and identity, its trials, and its progress when last written."""

    run: Part
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
      generation, say: as given.
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
        self._folder, self.generation, self._data = folder, generation, data
        self.say, self._clock = say, clock
        self.has_restored = False
        self._kept: list[_Kept] = []
        self._due, self._tell_at = clock() + MIN_SECONDS_BETWEEN, clock()

    def enter(self, run: Part, place: str, bucket: Bucket, members: Sequence[Trial]) -> None:
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
        content = self._folder.read(self.generation, place, identity)
        if content is None:
            return
        try:
            run.restore(content)
        except ValueError as error:
            self.say(f"a part of generation {self.generation} trains anew: {error}")
        else:
            kept.written, self.has_restored = _progress(run), True

    def look(self) -> None:
        """Writes the states that have changed, if it is time to."""
        if self._folder is None:
            return
        if self._clock() >= self._due:
            self.write()
        if self._clock() >= self._tell_at:
            self._folder.tell(self.generation, self._in_training())
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
            self._folder.write(self.generation, kept.place, kept.identity, content)
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
            self._folder.clear(self.generation)


def _progress(run: Part) -> object:
    return run.steps_done, tuple(run.ends), run.is_measured


def train_populations(
    trials: Sequence[Trial],
    planned: Sequence[PlannedPopulation],
    data: Split,
    meter: Meter,
    rungs: Rungs | None = None,
    keeper: Keeper | None = None,
    metric: Metric = ACCURACY,
    executor: Executor | None = None,
    seconds: Sequence[float] = (),
) -> Iterator[tuple[Trial, Outcome]]:
    """Trains planned populations; yields each trial with its outcome when its population ends.

    Args:
      trials: the trials that were planned, without repetitions.
      planned: the populations in which they train.
      data: the data to train on.
      meter: is told the progress.
      rungs: say when weak trials are stopped; None to stop none.
      keeper: writes the states of the populations while they train.
      metric: what networks are measured by, and ranked at rungs.
      executor: trains them; by default this process.
      seconds: how long each population will train, as predicted.
    """
    keeper, executor = keeper or Keeper(), executor or LocalExecutor()
    works = [
        _work(trials, one, number, keeper.generation, data, metric, duration)
        for (number, one), duration in itertools.zip_longest(enumerate(planned), seconds)
    ]
    watcher = _Watcher(trials, planned, meter, keeper)
    try:
        if rungs is not None:
            for epoch in rungs.epochs:
                there = list(executor.submit(works, epoch, watcher))
                _rank(watcher, [part for _, parts in there for part in parts], rungs, epoch)
        for work, parts in executor.submit(works, None, watcher):
            outcomes = [outcome for part in parts for outcome in part.outcomes()]
            keeper.look()
            members = [trials[i] for i in planned[work.number].members]
            yield from zip(members, outcomes[: len(members)], strict=True)
    finally:
        meter.end()


def prepare_populations(
    trials: Sequence[Trial],
    planned: Sequence[PlannedPopulation],
    data: Split,
    metric: Metric,
    placement: Placement,
) -> None:
    """Compiles what `train_populations` needs of this process, in this thread."""
    for number, one in enumerate(planned):
        compile_programs(_work(trials, one, number, 0, data, metric, None), placement)


class _Watcher:
    """Hands on to meter and keeper what an executor tells."""

    def __init__(
        self,
        trials: Sequence[Trial],
        planned: Sequence[PlannedPopulation],
        meter: Meter,
        keeper: Keeper,
    ):
        self._trials, self._planned = trials, planned
        self.meter, self._keeper = meter, keeper
        self._members: dict[Part, list[int]] = {}  # positions of the trials of a part's columns

    def wait(self, programs: Future[object], work: Work) -> None:
        self.meter.wait(programs, work.number)

    def begin(self, work: Work, parts: Sequence[Part]) -> None:
        members = iter(self._planned[work.number].members)
        for number, part in enumerate(parts):
            self._members[part] = list(itertools.islice(members, len(part.configurations)))
            of_part = [self._trials[i] for i in self._members[part]]
            self._keeper.enter(part, f"{work.number}-{number}", work.bucket, of_part)

    def enter(self, work: Work, part: Part) -> None:
        self.meter.enter(part, work.number, len(self._members[part]))

    def look(self, progress: Progress) -> None:
        self.meter.look(progress)
        self._keeper.look()

    def note(self, line: str) -> None:
        self._keeper.say(line)

    def trials_of(self, part: Part) -> list[int]:
        """The positions of the trials of its first columns; the others are fillers."""
        return self._members[part]

    @property
    def n_trials(self) -> int:
        return len(self._trials)


def _rank(watcher: _Watcher, parts: Sequence[Part], rungs: Rungs, epoch: int) -> None:
    """Ranks all trials at a rung, and stops the weak ones, and all fillers."""
    score, live = np.full(watcher.n_trials, np.nan), np.zeros(watcher.n_trials, bool)
    for part in parts:
        # The score at the rung: a part that was restored may be beyond it already.
        latest = part.score_after(epoch)
        for column, position in enumerate(watcher.trials_of(part)):
            score[position] = latest[:, column].mean()
            n_epochs = part.configurations[column].hyperparameters.n_epochs
            live[position] = epoch < n_epochs and epoch <= part.ends[column]
    stopped = set(rungs.stopped(epoch, score, live))
    for part in parts:
        members = watcher.trials_of(part)
        fillers = range(len(members), len(part.configurations))
        part.stop([*(c for c, i in enumerate(members) if i in stopped), *fillers])
    watcher.meter.stop(len(stopped))


def _work(
    trials: Sequence[Trial],
    planned: PlannedPopulation,
    number: int,
    generation: int,
    data: Split,
    metric: Metric,
    seconds: float | None,
) -> Work:
    members = [trials[i].configuration for i in planned.members]
    return Work(
        generation,
        number,
        planned.bucket,
        _columns(members, planned.width),
        planned.seeds,
        len(members),
        float(np.mean([count_params(c.structure) for c in members])),
        data,
        metric,
        seconds or 0.0,
    )


def _columns(members: Sequence[Configuration], width: int) -> list[Configuration]:
    """The configurations of all columns: those of the members, then fillers up to the population's
    width, which repeat the member with the fewest epochs."""
    shortest = min(members, key=lambda c: c.hyperparameters.n_epochs)
    return [*members, *[shortest] * (width - len(members))]
