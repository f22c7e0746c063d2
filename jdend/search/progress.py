"""What a search says while it runs: a bar on a terminal, plain lines elsewhere, all to stderr."""

import math
import sys
import time
from typing import Protocol, TextIO

__all__ = ["Bar", "Lines", "Reporter", "Silent", "reporter"]

SECONDS_BETWEEN_LINES = 5.0


class Reporter(Protocol):
    """Told about a search as it goes."""

    def note(self, line: str) -> None:
        """A line of its own."""
        ...

    def begin(self, n_trials: int) -> None:
        """Training of so many trials begins."""
        ...

    def advance(self, trials_done: float, seconds: float, best: float, doing: str) -> None:
        """How many trials are done, fractions included; in how many seconds, compiling left out;
        the best validation accuracy, NaN if there is none yet; what is trained now."""
        ...

    def end(self) -> None:
        """Training is over, or was broken off."""
        ...


class Silent:
    """Says nothing."""

    def note(self, line: str) -> None:
        pass

    def begin(self, n_trials: int) -> None:
        pass

    def advance(self, trials_done: float, seconds: float, best: float, doing: str) -> None:
        pass

    def end(self) -> None:
        pass


class Lines:
    """Plain lines, one every few seconds."""

    def __init__(self, stream: TextIO, seconds_between: float = SECONDS_BETWEEN_LINES):
        self._stream = stream
        self._between = seconds_between
        self._n_trials = 0
        self._said = 0.0
        self._whole = False

    def note(self, line: str) -> None:
        print(line, file=self._stream, flush=True)

    def begin(self, n_trials: int) -> None:
        self._n_trials = n_trials
        self._whole = False
        self._said = time.monotonic()

    def advance(self, trials_done: float, seconds: float, best: float, doing: str) -> None:
        now = time.monotonic()
        if self._whole or (now - self._said < self._between and trials_done < self._n_trials):
            return
        self._said, self._whole = now, trials_done >= self._n_trials
        pace = _pace(trials_done, self._n_trials, seconds)
        self.note(f"{trials_done:.1f} of {self._n_trials} trials, {pace}{_best(best)}; {doing}")

    def end(self) -> None:
        pass


class Bar:
    """A bar of `rich`, with trials a second, time left and the best so far."""

    def __init__(self, stream: TextIO):
        from rich.console import Console

        self._console = Console(file=stream)
        self._progress = None
        self._n_trials = 0

    def note(self, line: str) -> None:
        self._console.print(line, highlight=False, markup=False)

    def begin(self, n_trials: int) -> None:
        from rich.progress import BarColumn, Progress, TextColumn

        self._n_trials = n_trials
        self._progress = Progress(
            BarColumn(bar_width=24),
            TextColumn("{task.fields[text]}", markup=False),
            console=self._console,
            transient=True,
        )
        self._task = self._progress.add_task("", total=n_trials, text=f"0/{n_trials} trials")
        self._progress.start()

    def advance(self, trials_done: float, seconds: float, best: float, doing: str) -> None:
        if self._progress is None:
            return
        pace = _pace(trials_done, self._n_trials, seconds)
        text = f"{trials_done:.1f}/{self._n_trials} trials, {pace}{_best(best)}"
        self._progress.update(self._task, completed=trials_done, text=text)

    def end(self) -> None:
        if self._progress is not None:
            self._progress.stop()
            self._progress = None


def reporter(verbose: bool) -> Reporter:
    """A bar where a person watches a terminal, lines where nobody does, nothing if not verbose."""
    if not verbose:
        return Silent()
    return Bar(sys.stderr) if sys.stderr.isatty() else Lines(sys.stderr)


def _pace(trials_done: float, n_trials: int, seconds: float) -> str:
    if trials_done <= 0 or seconds <= 0:
        return "compiling"
    rate = trials_done / seconds
    return f"{rate:.2g} a second, {_clock((n_trials - trials_done) / rate)} left"


def _best(best: float) -> str:
    return "" if math.isnan(best) else f", best validation accuracy {best:.4f}"


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
