"""What a search says while it runs, all of it to stderr."""

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
class _Sum:
    """What a search came to up to its current generation."""

    n_trials: int | None
    done: float
    before: float  # trials that were done when it began
    seconds: float | None  # that there are
    since: float
    best: Best | None
    waited: float = 0.0  # for compilers, and before the first generation
    stopped: int = 0
    now: float = 0.0  # trials of the current generation
    now_waited: float = 0.0
    now_best: Best | None = None
    doing: str = "preparing"
    begun: float | None = None


class Reporter:
    """Told about a search as it goes; adds up its generations for a view.

    A generation that begins outside a search counts as one.

    Args:
      view: shows it.
      clock: seconds from some beginning.
    """

    def __init__(self, view: View, clock: Callable[[], float] = time.monotonic):
        self._view, self._clock = view, clock
        self._sum: _Sum | None = None
        self._alone = False

    def note(self, line: str) -> None:
        """A line of its own."""
        self._view.note(line)

    def open(
        self,
        n_trials: int | None,
        *,
        done: int = 0,
        seconds: float | None = None,
        best: Best | None = None,
    ) -> None:
        """A search begins.

        Args:
          n_trials: at most so many; None if only time ends it.
          done: of these, trials that are finished already.
          seconds: that are left, where time ends it.
          best: the best of those that are finished.
        """
        self._sum = _Sum(n_trials, done, done, seconds, self._clock(), best)
        self._view.begin(self._status(self._sum))

    def reach(self, done: int) -> None:
        """So many trials are finished, by whomever."""
        if self._sum is not None:
            self._sum.done = done
            self._view.show(self._status(self._sum))

    def close(self) -> None:
        """The search is over, or was broken off."""
        if self._sum is not None:
            self._view.end(self._status(self._sum))
            self._sum = None

    def begin(self, n_trials: int) -> None:
        """Training of a generation of so many trials begins."""
        self._alone = self._sum is None
        if self._sum is None:
            self.open(n_trials)
        now, total = self._clock(), self._sum
        assert total is not None
        if total.waited == 0.0:  # data and proposals of the first generation
            total.waited = now - total.since
        total.begun, total.now, total.now_waited = now, 0.0, 0.0

    def advance(self, trials_done: float, seconds: float, best: Best | None, doing: str) -> None:
        """The generation goes on.

        Args:
          trials_done: of its trials, fractions included.
          seconds: since it began, compiling left out.
          best: of its networks, as they are now: not of what they were at an earlier epoch, so
            that in the end it is the best of the results.
          doing: what happens now.
        """
        total = self._sum
        if total is None or total.begun is None:
            return
        total.now, total.doing = trials_done, doing
        total.now_waited = max(0.0, self._clock() - total.begun - seconds)
        total.now_best = best
        self._view.show(self._status(total))

    def stop(self, n_trials: int) -> None:
        """A rung stopped so many trials."""
        if self._sum is not None:
            self._sum.stopped += n_trials

    def end(self) -> None:
        """Training of the generation is over, or was broken off."""
        total = self._sum
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

    def _status(self, total: _Sum) -> Status:
        seconds = self._clock() - total.since
        done = total.done + total.now
        if total.n_trials is not None:
            done = min(done, float(total.n_trials))
        working = seconds - total.waited - total.now_waited
        rate = (done - total.before) / working if done > total.before and working > 0 else None
        lefts, shares = [], []
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
    """The one of higher accuracy; the first of equals."""
    networks = [best for best in (first, second) if best is not None]
    return max(networks, key=lambda best: best.accuracy, default=None)


def reporter(verbose: bool, log_format: str = "text") -> Reporter:
    """A live view where a person watches a terminal, lines where nobody does, JSON lines if
    `log_format` is `json`; nothing if not verbose."""
    if not verbose:
        return Reporter(Silent())
    if log_format == "json":
        return Reporter(JsonLines(messages()))
    stream = messages()
    moves = stream.isatty() and os.environ.get("TERM", "") not in ("dumb", "unknown")
    return Reporter(Live(stream) if moves else Lines(stream))


def say(line: str, log_format: str = "text", event: str = "note") -> None:
    """A line on stderr, outside of any search."""
    text = json.dumps({"event": event, "text": line}) if log_format == "json" else line
    complain(text)
