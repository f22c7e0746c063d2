"""How progress is shown: a live view on a terminal, otherwise lines of text or of JSON."""

import json
import time
from typing import Any, TextIO

from jdend.search.progress.status import Status

__all__ = ["JsonLines", "Lines", "Live", "Silent"]

# Seconds between two lines: at first, and later this share of those since the beginning…
MIN_SECONDS_BETWEEN, ELAPSED_SHARE_BETWEEN = 5.0, 0.05
# …but no more than so many.
MAX_SECONDS_BETWEEN = 60.0
# Columns of the bar.
MIN_BAR, MAX_BAR = 8, 30


class Silent:
    """Shows nothing."""

    def note(self, line: str) -> None:
        pass

    def begin(self, now: Status) -> None:
        pass

    def show(self, now: Status) -> None:
        pass

    def end(self, now: Status) -> None:
        pass


class _Rhythm:
    """Decides when it is time for the next line: often at first, less often later."""

    def __init__(self, first: float):
        self._first, self._next = first, 0.0

    def restart(self) -> None:
        self._next = self._first

    def is_due(self, now: Status) -> bool:
        if now.seconds < self._next:
            return False
        self._next = now.seconds + min(
            max(self._first, ELAPSED_SHARE_BETWEEN * now.seconds), MAX_SECONDS_BETWEEN
        )
        return True


class Lines:
    """Shows lines of text, one every few seconds."""

    def __init__(self, stream: TextIO, seconds_between: float = MIN_SECONDS_BETWEEN):
        self._stream = stream
        self._rhythm = _Rhythm(seconds_between)

    def note(self, line: str) -> None:
        print(line, file=self._stream, flush=True)

    def begin(self, now: Status) -> None:
        self._rhythm.restart()

    def show(self, now: Status) -> None:
        if self._rhythm.is_due(now):
            self.note(", ".join([*_pace(now), *_best_and_stopped(now), *_doing(now)]))

    def end(self, now: Status) -> None:
        self.note(_summary(now))


class JsonLines:
    """Shows one JSON object per line; docs/terminal.md explains their fields."""

    def __init__(self, stream: TextIO, seconds_between: float = MIN_SECONDS_BETWEEN):
        self._stream = stream
        self._rhythm = _Rhythm(seconds_between)

    def note(self, line: str) -> None:
        self._say("note", text=line)

    def begin(self, now: Status) -> None:
        self._rhythm.restart()
        left = None if now.left is None else round(now.left, 1)
        trials = {"trials": now.n_trials, "trials_done": now.finished}
        self._say("begin", **_of(now), **trials, seconds_left=left)

    def show(self, now: Status) -> None:
        if self._rhythm.is_due(now):
            self._say("progress", **self._fields(now), doing=now.doing)

    def end(self, now: Status) -> None:
        self._say("end", **self._fields(now))

    def _fields(self, now: Status) -> dict[str, object]:
        best = None
        if now.best is not None:
            best = {
                f"validation_{now.best.metric}": round(now.best.value, 6),
                "total_params": now.best.total_params,
                "architecture": now.best.architecture,
            }
        return {
            **_of(now),
            "trials": now.n_trials,
            "trials_done": now.finished,
            "epoch": now.epoch,
            "trials_per_second": None if now.rate is None else round(now.rate, 4),
            "seconds": round(now.seconds, 2),
            "seconds_left": None if now.left is None else round(now.left, 1),
            "stopped_early": now.stopped,
            "best": best,
        }

    def _say(self, event: str, **fields: object) -> None:
        print(json.dumps({"event": event, **fields}), file=self._stream, flush=True)


def _of(now: Status) -> dict[str, object]:
    """What is searched for, if that is not what the user asked for."""
    return {"of": now.name} if now.name else {}


class Live:
    """Shows two lines that stay at the bottom of the terminal and change there, by `rich`."""

    def __init__(self, stream: TextIO, **console: Any):
        from rich.console import Console

        self._console = Console(file=stream, **console)
        self._live = None
        self._now: Status | None = None
        self._at = 0.0

    def note(self, line: str) -> None:
        self._console.print(line, highlight=False, markup=False)  # wraps between words

    def begin(self, now: Status) -> None:
        from rich import live

        self.show(now)
        self._live = live.Live(
            get_renderable=self._drawn,
            console=self._console,
            refresh_per_second=4,
            transient=True,
            redirect_stdout=False,
        )
        self._live.start()

    def show(self, now: Status) -> None:
        self._now, self._at = now, time.monotonic()

    def end(self, now: Status) -> None:
        if self._live is not None:
            self.show(now)
            self._live.stop()
            self._live = None
            self.note(_summary(now))

    def _drawn(self):
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        now = self._now
        assert now is not None
        # Time goes on between two reports.
        room = self._console.width
        pace = _fitting(_pace(now, time.monotonic() - self._at), room - MIN_BAR - 2)
        row = Table.grid(padding=(0, 2))
        width = max(MIN_BAR, min(MAX_BAR, room - len(pace) - 3))
        bar = ProgressBar(1.0, now.share, width=width, complete_style="green")
        row.add_row(bar, Text(pace, no_wrap=True, overflow="ellipsis"))
        figures = _best_and_stopped(now)
        below = Text(
            _fitting([*figures, *_doing(now)], room),
            style="not bold dim",
            no_wrap=True,
            overflow="ellipsis",
        )
        if now.best is not None:
            below.stylize("bold not dim", 0, len(figures[0]))
        return Group(row, below)


def _fitting(parts: list[str], width: int) -> str:
    """The parts in one line, as many as fit into the width, at least the first."""
    text = parts[0]
    for part in parts[1:]:
        if len(text) + 3 + len(part) > width:
            break
        text += f" · {part}"
    return text


def _trials(now: Status) -> str:
    lead = f"{now.name}: " if now.name else ""
    if now.n_trials is None:
        return f"{lead}{now.finished:,} trials"
    return f"{lead}{now.finished:,} of {now.n_trials:,} trials"


def _pace(now: Status, since: float = 0.0) -> list[str]:
    """How many trials are finished, the epoch of the others, and the time; `now` was reported
    `since` seconds ago."""
    time = now.seconds + since if now.left is None else max(0.0, now.left - since)
    others = [] if now.epoch is None else [f"others at epoch {now.epoch}"]
    what = "so far" if now.left is None else "left"
    return [f"{_trials(now)} finished", *others, f"{_clock(time)} {what}"]


def _best_and_stopped(now: Status) -> list[str]:
    """The best network so far, and how many trials were stopped early."""
    parts: list[str] = []
    if now.best is not None:
        best = now.best
        metric = "" if best.metric == "accuracy" else f"{best.metric} "
        parts.append(f"best validation {metric}{best.value:.4f} ({best.total_params:,} params)")
    if now.stopped:
        parts.append(f"{now.stopped:,} stopped early")
    return parts


def _summary(now: Status) -> str:
    return ", ".join([f"{_trials(now)} in {_clock(now.seconds)}", *_best_and_stopped(now)])


def _doing(now: Status) -> list[str]:
    rate = [] if now.rate is None else [f"{now.rate:.3g} trials a second"]
    return [*rate, now.doing]


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
