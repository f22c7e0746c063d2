"""Keeps what the populations of a generation have come to, so that nothing is lost that they had.

Their runs are written to the study's folder from time to time, and when training is broken off; a
search that goes on takes them over from there.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import jdend
from jdend.search.planning.population import Trial
from jdend.study import SnapshotFolder
from jdend.training import Bucket, Outcome, Run

__all__ = ["Keeper"]

# Writing takes at most this share of the time…
SHARE = 0.01
# …and is not worth the trouble more often than once in so many seconds.
SHORTEST = 15.0


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
        self._due = clock() + SHORTEST

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
        self._due = now + max(SHORTEST, (now - begun) / SHARE)

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
