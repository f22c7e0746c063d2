"""The reporter is told the progress of a search, and shows it on stderr."""

import json
import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from jdend._output import complain, messages
from jdend.search.progress.status import Best, Reached, Status, View
from jdend.search.progress.time_left import Expected, Tally, seconds_left
from jdend.search.progress.views import JsonLines, Lines, Live, Silent

__all__ = ["Reporter", "reporter", "say"]


@dataclass
class _Totals:
    """The progress of a search up to its current generation.

    `done` and `own` are numbers of trials, with fractions; `own` are those that this process has
    trained.
    """

    n_trials: int | None
    done: float
    before: float  # how many trials were done when the search began
    seconds: float | None  # the time limit
    since: float  # when the search began
    best: Best | None
    expected: Expected  # of the trials that were not done when it began
    waited: float = 0.0  # seconds of waiting for programs, and before the first generation
    stopped: int = 0
    own: float = 0.0
    taken_over: float = 0.0  # trials, as far as an earlier process had trained them
    n_generations: int = 0
    size: int = 1  # of the last generation
    a_trial: float = 0.0  # expected seconds of training of one trial
    compiled: Tally = field(default_factory=Tally)
    trained: Tally = field(default_factory=Tally)
    now: "_Generation | None" = None
    doing: str = "preparing"


@dataclass
class _Generation:
    """The progress of the current generation."""

    n_trials: int
    begun: float
    expected: Expected
    reached: Reached = field(default_factory=Reached)
    waited: float = 0.0
    best: Best | None = None


class Reporter:
    """Is told the progress of a search, adds up its generations, and tells a view.

    A generation that begins outside of a search counts as a search of its own.

    Args:
      view: shows the progress to the user.
      clock: returns the time in seconds.
      name: what is searched for, if that is not what the user asked for.
    """

    def __init__(self, view: View, clock: Callable[[], float] = time.monotonic, name: str = ""):
        self._view, self._clock, self._name = view, clock, name
        self._totals: _Totals | None = None
        self._alone = False

    def note(self, line: str) -> None:
        """Shows a line of text."""
        self._view.note(f"{self._name}: {line}" if self._name else line)

    def named(self, name: str) -> "Reporter":
        """One of a search for something else, such as teachers, that is shown in the same way."""
        return Reporter(self._view, self._clock, name)

    def open(
        self,
        n_trials: int | None,
        *,
        done: int = 0,
        seconds: float | None = None,
        best: Best | None = None,
        expected: Expected | None = None,
    ) -> None:
        """Is told that a search begins.

        Args:
          n_trials: the largest number of trials; None if only time ends the search.
          done: how many of these are finished already.
          seconds: the seconds that are left; None if there is no time limit.
          best: the best network of the finished trials.
          expected: how long the other trials will probably take.
        """
        expected = Expected() if expected is None else expected
        self._totals = _Totals(n_trials, done, done, seconds, self._clock(), best, expected)
        self._totals.a_trial = expected.training / max(1, (n_trials or 0) - done)
        self._view.begin(self._status(self._totals))

    def reach(self, done: int) -> None:
        """Is told how many trials are finished, those of other workers included."""
        if self._totals is not None:
            self._totals.done = done
            self._view.show(self._status(self._totals))

    def close(self) -> None:
        """Is told that the search is over, or was broken off."""
        if self._totals is not None:
            self._view.end(self._status(self._totals))
            self._totals = None

    def begin(self, n_trials: int, expected: Expected) -> None:
        """Is told that the training of a generation with so many trials begins, and how long it
        will probably take."""
        self._alone = self._totals is None
        if self._totals is None:
            self.open(n_trials, expected=expected)
        now, total = self._clock(), self._totals
        assert total is not None
        if total.n_generations == 0:  # data and proposals of the first generation
            total.waited = now - total.since
        total.n_generations, total.size = total.n_generations + 1, max(1, n_trials)
        if total.a_trial == 0.0:
            total.a_trial = expected.training / total.size
        total.now = _Generation(n_trials, now, expected)

    def advance(self, reached: Reached, best: Best | None, doing: str) -> None:
        """Is told how far the generation is.

        Args:
          reached: how far it is.
          best: the best of its networks as they are now, not at an earlier epoch; so in the end it
            is the best of the results.
          doing: what happens now, in words.
        """
        total = self._totals
        if total is None or total.now is None:
            return
        now, total.doing = total.now, doing
        now.reached, now.best = reached, best
        now.waited = max(0.0, self._clock() - now.begun - reached.seconds)
        self._view.show(self._status(total))

    def stop(self, n_trials: int) -> None:
        """Is told that a rung stopped so many trials."""
        if self._totals is not None:
            self._totals.stopped += n_trials

    def end(self) -> None:
        """Is told that the training of the generation is over, or was broken off."""
        total = self._totals
        if total is None or total.now is None:
            return
        now = total.now
        total.done += now.n_trials * now.reached.share
        total.own += now.n_trials * now.reached.own
        total.taken_over += now.n_trials * (now.reached.share - now.reached.own)
        total.waited += now.waited
        total.compiled, total.trained = _tallies(total)
        total.best = _better(total.best, now.best)
        total.now, total.doing = None, "storing and proposing"
        self._view.show(self._status(total))
        if self._alone:
            self.close()

    def _status(self, total: _Totals) -> Status:
        seconds, now = self._clock() - total.since, total.now
        done, own, waited, finished = total.done, total.own, total.waited, total.done
        if now is not None:
            done += now.n_trials * now.reached.share
            own += now.n_trials * now.reached.own
            waited += now.waited
            finished += now.reached.finished
        if total.n_trials is not None:
            done, finished = (min(n, float(total.n_trials)) for n in (done, finished))
        others = max(0.0, total.done - total.before - total.own - total.taken_over)
        working = seconds - waited
        rate = (own + others) / working if own > 0 and working > 0 else None
        lefts, shares = [], []
        if total.seconds is not None:
            lefts.append(max(0.0, total.seconds - seconds))
            shares.append(min(1.0, seconds / total.seconds) if total.seconds > 0 else 1.0)
        if total.n_trials is not None:
            shares.append(done / total.n_trials if total.n_trials else 1.0)
            lefts += _by_work(total, total.n_trials, working, workers=1 + others / max(own, 1.0))
        return Status(
            finished=math.floor(finished + 1e-6),
            epoch=None if now is None else now.reached.epoch,
            n_trials=total.n_trials,
            seconds=seconds,
            rate=rate,
            left=min(lefts, default=None),
            share=max(shares, default=0.0),
            stopped=total.stopped,
            best=_better(total.best, None if now is None else now.best),
            doing=total.doing,
            name=self._name,
        )


def _by_work(total: _Totals, n_trials: int, working: float, workers: float) -> list[float]:
    """The estimate of the seconds left, as a list; empty if there is no expected time."""
    now = total.now
    here, reached = (now.expected, now.reached) if now else (Expected(), Reached())
    later = max(0.0, n_trials - total.done - (now.n_trials if now else 0))  # trials
    if total.a_trial == 0.0 and later > 0:
        return []
    compiled, trained = _tallies(total)
    programs = max(0.0, total.expected.compiling - total.compiled.expected - here.compiling)
    left = Expected(
        here.compiling * (1 - reached.compiled) + (programs if later else 0.0),
        here.training * (1 - reached.share) + later * total.a_trial,
    )
    n_gaps = total.n_generations - (now is not None)
    gap = (working - trained.measured) / n_gaps if n_gaps > 0 else 0.0
    between = max(0.0, gap) * later / total.size
    return [seconds_left(left, compiled, trained, workers=workers, between=between)]


def _tallies(total: _Totals) -> tuple[Tally, Tally]:
    """The times of compiling and of training so far, the current generation included."""
    compiled, trained, now = total.compiled, total.trained, total.now
    if now is None:
        return compiled, trained
    return (
        Tally(
            compiled.expected + now.expected.compiling * now.reached.compiled,
            compiled.measured + now.waited,
        ),
        Tally(
            trained.expected + now.expected.training * now.reached.own,
            trained.measured + now.reached.seconds,
        ),
    )


def _better(first: Best | None, second: Best | None) -> Best | None:
    """The network with the higher score; the first if they are equal."""
    networks = [best for best in (first, second) if best is not None]
    return max(networks, key=lambda best: best.score, default=None)


def reporter(verbose: bool, log_format: str = "text") -> Reporter:
    """A reporter with a live view if stderr is a terminal, otherwise with lines of text, or with
    JSON lines if `log_format` is `json`; silent if not `verbose`."""
    if not verbose:
        return Reporter(Silent())
    if log_format == "json":
        return Reporter(JsonLines(messages()))
    stream = messages()
    moves = stream.isatty() and os.environ.get("TERM", "") not in ("dumb", "unknown")
    return Reporter(Live(stream) if moves else Lines(stream))


def say(line: str, log_format: str = "text", event: str = "note") -> None:
    """Shows a line on stderr, outside of a search."""
    text = json.dumps({"event": event, "text": line}) if log_format == "json" else line
    complain(text)
