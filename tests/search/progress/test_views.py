"""How progress is shown."""

import io
import json

import pytest
from progress_clock import BEST, Clock

from jdend.search.progress.reporter import Reporter
from jdend.search.progress.status import Reached
from jdend.search.progress.time_left import Expected
from jdend.search.progress.views import JsonLines, Lines, Live


def told(view, *, stopped=0, best=BEST, n_trials=4):
    """A view that was told of a search of some trials, two seconds each."""
    clock = Clock()
    say = Reporter(view, clock)
    say.open(n_trials)
    say.begin(n_trials, Expected(training=2.0 * n_trials))
    for done in range(1, n_trials + 1):
        clock.now += 2
        share = done / n_trials
        epoch = 7 if done < n_trials else None
        reached = Reached(done, epoch, share, share, 1.0, clock.now)
        say.advance(reached, best, "population 1 of 1")
    say.stop(stopped)
    say.end()
    say.close()


def test_lines_come_at_intervals_and_at_the_end():
    stream = io.StringIO()
    told(Lines(stream, seconds_between=4), stopped=2)
    best, rate = "best validation 0.5000 (7,198 params)", "0.5 trials a second, population 1 of 1"
    assert stream.getvalue().splitlines() == [
        f"2 of 4 trials finished, others at epoch 7, 0:04 left, {best}, {rate}",
        f"4 of 4 trials finished, 0:00 left, {best}, {rate}",
        f"4 of 4 trials in 0:08, {best}, 2 stopped early",
    ]


def test_what_is_of_a_search_for_something_else_says_so():
    stream = io.StringIO()
    named = Reporter(Lines(stream), Clock()).named("teachers")
    named.note("a line")
    named.open(4)
    named.close()
    assert stream.getvalue() == "teachers: a line\nteachers: 0 of 4 trials in 0:00\n"
    stream = io.StringIO()
    named = Reporter(JsonLines(stream), Clock()).named("teachers")
    named.open(4)
    named.close()
    begin, end = map(json.loads, stream.getvalue().splitlines())
    assert (begin["of"], begin["trials"], end["of"]) == ("teachers", 4, "teachers")


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
        "event": "progress", "trials_done": 2, "epoch": 7, "seconds": 4.0, "seconds_left": 4.0,
        "doing": "population 1 of 1", **fields,
    }  # fmt: skip
    assert end == {
        "event": "end",
        "trials_done": 4,
        "epoch": None,
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


def test_lines_break_between_words():
    stream = io.StringIO()
    words = "1,963 networks of the space fit; 6,408 have over 8,000 parameters, 10,259 under 6,400"
    Live(stream, width=40, force_terminal=True, color_system=None).note(words)
    lines = stream.getvalue().splitlines()
    assert all(len(line) <= 40 for line in lines)
    assert " ".join(line.strip() for line in lines) == words


def test_what_has_no_room_is_left_out_whole():
    stream = io.StringIO()
    view = Live(stream, width=44, force_terminal=True, color_system=None)
    told(view, stopped=3)
    with view._console.capture() as shown:
        view._console.print(view._drawn())
    assert shown.get().splitlines()[1].rstrip() == "best validation 0.5000 (7,198 params)"


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
