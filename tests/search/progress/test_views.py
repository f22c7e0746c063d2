"""How progress is shown."""

import io
import json

import pytest
from progress_clock import BEST, Clock

from jdend.search.progress.reporter import Reporter
from jdend.search.progress.views import JsonLines, Lines, Live


def told(view, *, stopped=0, best=BEST, n_trials=4):
    """A view that was told of a search of some trials, two seconds each."""
    clock = Clock()
    say = Reporter(view, clock)
    say.open(n_trials)
    say.begin(n_trials)
    for done in range(1, n_trials + 1):
        clock.now += 2
        say.advance(done, clock.now, best, "population 1 of 1")
    say.stop(stopped)
    say.end()
    say.close()


def test_lines_come_at_intervals_and_at_the_end():
    stream = io.StringIO()
    told(Lines(stream, seconds_between=4), stopped=2)
    best = "best validation 0.5000 (7,198 params)"
    assert stream.getvalue().splitlines() == [
        f"2 of 4 trials, 0.5 a second, 0:04 left, {best}, population 1 of 1",
        f"4 of 4 trials, 0.5 a second, 0:00 left, {best}, population 1 of 1",
        f"4 of 4 trials in 0:08, {best}, 2 stopped early",
    ]


def test_lines_of_a_long_search_come_every_minute():
    stream = io.StringIO()
    told(Lines(stream), n_trials=10_000)  # five and a half hours
    assert 300 < len(stream.getvalue().splitlines()) < 450


def test_json_lines_have_the_documented_fields():
    stream = io.StringIO()
    view = JsonLines(stream, seconds_between=4)
    view.note("a line")
    told(view)
    note, begin, *progress, end = map(json.loads, stream.getvalue().splitlines())
    assert note == {"event": "note", "text": "a line"}
    assert begin == {"event": "begin", "trials": 4, "trials_done": 0, "seconds_left": None}
    fields = {
        "trials": 4, "trials_per_second": 0.5, "stopped_early": 0,
        "best": {
            "validation_accuracy": 0.5, "total_params": 7198, "architecture": "dendritic_simple",
        },
    }  # fmt: skip
    assert progress[0] == {
        "event": "progress", "trials_done": 2.0, "seconds": 4.0, "seconds_left": 4.0,
        "doing": "population 1 of 1", **fields,
    }  # fmt: skip
    assert end == {
        "event": "end",
        "trials_done": 4.0,
        "seconds": 8.0,
        "seconds_left": 0.0,
        **fields,
    }


@pytest.mark.parametrize("width", [40, 80, 200])
def test_the_live_view_takes_two_lines_whatever_the_width(width):
    stream = io.StringIO()
    view = Live(stream, width=width, force_terminal=True, color_system=None)
    told(view, stopped=3)
    console = view._console
    assert len(console.render_lines(view._drawn())) == 2
    with console.capture() as shown:
        console.print(view._drawn())
    assert all(len(line) <= width for line in shown.get().splitlines())
    assert "4 of 4 trials" in shown.get()


def test_the_live_view_leaves_one_line_behind():
    stream = io.StringIO()
    view = Live(stream, width=80)  # no terminal: what it would draw over is not written
    view.note("a line [with brackets]")
    told(view)
    first, last = stream.getvalue().splitlines()[0], stream.getvalue().splitlines()[-1]
    assert first == "a line [with brackets]"
    assert last.startswith("4 of 4 trials in 0:08, best validation 0.5000")


def test_no_colour_where_it_is_not_wanted(monkeypatch):
    for wanted, monochrome in (("1", True), ("", False)):
        monkeypatch.setenv("NO_COLOR", wanted)
        assert Live(io.StringIO(), force_terminal=True)._console.no_color is monochrome
