"""The reporter is told the progress of a search, and shows it on stderr."""

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass

from jdend._output import complain, messages
from jdend.search.progress.status import Best, Status, View
from jdend.search.progress.views import JsonLines, Lines, Live, Silent

__all__ = ["Reporter", "reporter", "say"]


@dataclass
class _Totals:
    """The progress of a search, and of its current generation."""

    n_trials: int | None
    done: float
    before: float  # how many trials were done when the search began
    seconds: float | None  # the time limit
    since: float  # when the search began
    best: Best | None
    waited: float = 0.0  # seconds of waiting for programs, and before the first generation
    stopped: int = 0
    now: float = 0.0  # trials done, waiting and best network of the current generation
    now_waited: float = 0.0
    now_best: Best | None = None
    doing: str = "preparing"
    begun: float | None = None  # when the current generation began


class Reporter:
    """Is told the progress of a search, adds up its generations, and tells a view.

    A generation that begins outside of a search counts as a search of its own.

    Args:
      view: shows the progress to the user.
      clock: returns the time in seconds.
    """

    def __init__(self, view: View, clock: Callable[[], float] = time.monotonic):
        self._view, self._clock = view, clock
        self._totals: _Totals | None = None
        self._alone = False

    def note(self, line: str) -> None:
        """Shows a line of text."""
        self._view.note(line)

    def open(
        self,
        n_trials: int | None,
        *,
        done: int = 0,
        seconds: float | None = None,
        best: Best | None = None,
    ) -> None:
        """Is told that a search begins.

        Args:
          n_trials: the largest number of trials; None if only time ends the search.
          done: how many of these are finished already.
          seconds: the seconds that are left; None if there is no time limit.
          best: the best network of the finished trials.
        """
        self._totals = _Totals(n_trials, done, done, seconds, self._clock(), best)
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

    def begin(self, n_trials: int) -> None:
        """Is told that the training of a generation with so many trials begins."""
        self._alone = self._totals is None
        if self._totals is None:
            self.open(n_trials)
        now, total = self._clock(), self._totals
        assert total is not None
        if total.waited == 0.0:  # data and proposals of the first generation
            total.waited = now - total.since
        total.begun, total.now, total.now_waited = now, 0.0, 0.0

    def advance(self, trials_done: float, seconds: float, best: Best | None, doing: str) -> None:
        """Is told how far the generation is.

        Args:
          trials_done: how many of its trials are trained, fractions included.
          seconds: the time since it began, without waiting for programs.
          best: the best of its networks as they are now, not at an earlier epoch; so in the end it
            is the best of the results.
          doing: what happens now, in words.
        """
        total = self._totals
        if total is None or total.begun is None:
            return
        total.now, total.doing = trials_done, doing
        total.now_waited = max(0.0, self._clock() - total.begun - seconds)
        total.now_best = best
        self._view.show(self._status(total))

    def stop(self, n_trials: int) -> None:
        """Is told that a rung stopped so many trials."""
        if self._totals is not None:
            self._totals.stopped += n_trials

    def end(self) -> None:
        """Is told that the training of the generation is over, or was broken off."""
        total = self._totals
        if total is None or total.begun is None:
            return
        total.done += total.now
        total.waited += total.now_waited
        total.best = _better(total.best, total.now_best)
        total.now_best = None
        total.now, total.now_waited, total.begun = 0.0, 0.0, None
        total.doing = "storing and proposing"
        self._view.show(self._status(total))
        if self._alone:
            self.close()

    def _status(self, total: _Totals) -> Status:
        seconds = self._clock() - total.since
        done = total.done + total.now
        if total.n_trials is not None:
            done = min(done, float(total.n_trials))
        working = seconds - total.waited - total.now_waited
        rate = (done - total.before) / working if done > total.before and working > 0 else None
        lefts: list[float] = []
        shares: list[float] = []
        if total.seconds is not None:
            lefts.append(max(0.0, total.seconds - seconds))
            shares.append(min(1.0, seconds / total.seconds) if total.seconds > 0 else 1.0)
        if total.n_trials is not None:
            shares.append(done / total.n_trials if total.n_trials else 1.0)
            if rate:
                lefts.append((total.n_trials - done) / rate)
        return Status(
            done=done,
            n_trials=total.n_trials,
            seconds=seconds,
            rate=rate,
            left=min(lefts, default=None),
            share=max(shares, default=0.0),
            stopped=total.stopped,
            best=_better(total.best, total.now_best),
            doing=total.doing,
        )


def _better(first: Best | None, second: Best | None) -> Best | None:
    """The network with the higher accuracy; the first if they are equal."""
    networks = [best for best in (first, second) if best is not None]
    return max(networks, key=lambda best: best.accuracy, default=None)


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
