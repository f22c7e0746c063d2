"""What a search says while it runs."""

import io
import json
import math
import types

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jdend.models import Problem, configure
from jdend.search.cli.main import main
from jdend.search.driver import populations
from jdend.search.driver.meter import Meter
from jdend.search.planning.planner import plan
from jdend.search.planning.population import Trial
from jdend.search.progress.reporter import Reporter, reporter
from jdend.search.progress.status import Best
from jdend.search.progress.views import JsonLines, Lines, Live, Silent
from jdend.training import Progress

BEST = Best(0.5, 7198, "dendritic_simple")


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


class Recorder(Silent):
    def __init__(self):
        self.seen = []

    def show(self, now):
        self.seen.append(now)

    end = show


@pytest.fixture
def watched():
    """A reporter, its clock, and what its view was shown."""
    clock, view = Clock(), Recorder()
    return Reporter(view, clock), clock, view.seen


def test_generations_add_up_to_a_search(watched):
    say, clock, seen = watched
    say.open(10)
    for _ in range(2):
        say.begin(5)
        clock.now += 5
        say.advance(5, 5.0, BEST, "population 1 of 1")
        say.end()
    assert (seen[-1].done, seen[-1].left, seen[-1].share) == (10, 0, 1)


def test_compiling_data_and_first_proposals_do_not_slow_the_rate(watched):
    say, clock, seen = watched
    say.open(10)
    clock.now = 100.0  # data
    say.begin(10)
    clock.now = 160.0
    say.advance(5, 10.0, None, "population 1 of 1")  # 50 of 60 seconds compiled
    assert (seen[-1].rate, seen[-1].left, seen[-1].seconds) == (0.5, 10.0, 160.0)


def test_storing_between_generations_does(watched):
    say, clock, seen = watched
    say.open(10)
    say.begin(5)
    clock.now = 5.0
    say.advance(5, 5.0, None, "")
    say.end()
    clock.now = 10.0
    say.reach(5)
    assert (seen[-1].rate, seen[-1].left) == (0.5, 10.0)


def test_what_was_done_before_is_done_but_says_nothing_of_the_rate(watched):
    say, clock, seen = watched
    say.open(10, done=6, best=BEST)
    say.begin(4)
    clock.now = 4.0
    say.advance(2, 4.0, Best(0.4, 1, "mlp"), "")
    assert (seen[-1].done, seen[-1].rate, seen[-1].left) == (8, 0.5, 4.0)
    assert seen[-1].best == BEST


def test_time_ends_a_search(watched):
    say, clock, seen = watched
    say.open(None, seconds=60.0)
    say.begin(4)
    clock.now = 15.0
    say.advance(1, 15.0, None, "")
    assert (seen[-1].left, seen[-1].share, seen[-1].n_trials) == (45.0, 0.25, None)


def test_the_sooner_of_time_and_trials_counts(watched):
    say, clock, seen = watched
    say.open(10, seconds=60.0)
    say.begin(10)
    clock.now = 10.0
    say.advance(5, 10.0, None, "")
    assert (seen[-1].left, seen[-1].share) == (10.0, 0.5)


def test_trials_that_others_finish_count(watched):
    say, clock, seen = watched
    say.open(100)
    say.begin(10)
    clock.now = 10.0
    say.advance(10, 10.0, None, "")
    say.end()
    say.reach(40)
    assert (seen[-1].done, seen[-1].rate, seen[-1].left) == (40, 4.0, 15.0)


def test_a_generation_without_a_search_is_one(watched):
    say, clock, seen = watched
    say.begin(1)
    clock.now = 1.0
    say.advance(1, 1.0, BEST, "")
    say.end()
    assert (seen[-1].n_trials, seen[-1].done) == (1, 1)
    n = len(seen)
    say.end()
    say.close()
    assert len(seen) == n


def test_the_best_so_far_stays_and_stopped_trials_add_up(watched):
    say, _, seen = watched
    say.open(9)
    for accuracy in (0.7, 0.6):
        say.begin(4)
        say.advance(1, 1.0, Best(accuracy, 10, "mlp"), "")
        say.stop(3)
        say.end()
    assert (seen[-1].best.accuracy, seen[-1].stopped) == (0.7, 6)


@given(
    total=st.none() | st.integers(1, 50),
    seconds=st.none() | st.floats(0.0, 1e4),
    steps=st.lists(st.tuples(st.floats(0.0, 100.0), st.floats(0.0, 1e3)), max_size=5),
)
def test_figures_are_sensible_whatever_is_reported(total, seconds, steps):
    clock, view = Clock(), Recorder()
    say = Reporter(view, clock)
    say.open(total, seconds=seconds)
    say.begin(8)
    for done, later in steps:
        clock.now += later
        say.advance(done, later / 2, None, "")
    say.end()
    say.close()
    for now in view.seen:
        assert 0 <= now.share <= 1
        assert now.done <= (math.inf if total is None else total)
        assert now.left is None or now.left >= 0


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


@pytest.mark.parametrize(
    ("verbose", "log_format", "terminal", "term", "kind"),
    [
        (False, "text", True, "xterm", Silent),
        (False, "json", True, "xterm", Silent),
        (True, "text", False, "xterm", Lines),
        (True, "text", True, "dumb", Lines),
        (True, "text", True, "xterm", Live),
        (True, "json", True, "xterm", JsonLines),
    ],
)
def test_the_view_suits_who_watches(monkeypatch, verbose, log_format, terminal, term, kind):
    stream = io.StringIO()
    stream.isatty = lambda: terminal
    monkeypatch.setattr("sys.stderr", stream)
    monkeypatch.setenv("TERM", term)
    assert type(reporter(verbose, log_format)._view) is kind


def test_trials_of_different_length_and_in_parts_add_up(monkeypatch):
    problem = Problem(64, 10)
    trials = [
        Trial(configure({"n_dendrite_inputs": 16, "n_epochs": n}, problem), (0,)) for n in (2, 4, 4)
    ]

    class Part:
        def __init__(self, configurations, accuracies, on_progress):
            self.configurations = configurations
            self.ends = [c.hyperparameters.n_epochs for c in configurations]
            self.last_epoch = max(self.ends)
            self.outcomes = lambda: configurations
            self._accuracies, self._on_progress = accuracies, on_progress

        def train_to(self, epoch):
            for done, accuracy in self._accuracies.items():
                n = len(accuracy)
                self._on_progress(Progress(done, epoch, n, np.array([accuracy]), 1.0, 0.0))

    def runs(bucket, configurations, seeds, data, *, on_progress, narrow):
        """Two parts, as memory would ask for: trials 0 and 1, then trial 2."""
        first = {1.0: [0.1, np.nan], 2.0: [0.2, 0.6], 4.0: [0.2, 0.3]}
        return [
            Part(configurations[:2], first, on_progress),
            Part(configurations[2:], {2.0: [0.4], 4.0: [0.4]}, on_progress),
        ]

    seen = []
    said = types.SimpleNamespace(
        begin=lambda n: None,
        end=lambda: None,
        advance=lambda done, seconds, best, doing: best and seen.append((done, best.accuracy)),
    )
    monkeypatch.setattr(populations, "runs", runs)
    monkeypatch.setattr(populations, "prepare", lambda *_, **__: None)
    watch, data = Meter(said, len(trials)), None
    outcomes = list(populations.execute(trials, plan(trials), data, watch))  # pyright: ignore
    assert outcomes == list(enumerate(t.configuration for t in trials))
    assert seen == [(0.75, 0.1), (1.5, 0.6), (2.0, 0.3), (2.5, 0.4), (3.0, 0.4)]


def test_with_json_lines_all_of_stderr_is_json(no_download, instant_training, tmp_path, capsys):
    options = ["--budget", "2000", "--trials", "4", "--generation", "2", "--log-format", "json"]
    options += ["--no-report", "--out", str(tmp_path / "run")]
    assert main(options) == 0
    events = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [e["event"] for e in events if e["event"] != "progress"] == [
        "note", "begin", "end", "note",
    ]  # fmt: skip
    end = events[-2]
    assert (end["trials"], end["trials_done"]) == (4, 4.0)
    assert 0 < end["best"]["validation_accuracy"] < 1


def test_errors_are_json_lines_too(capsys):
    assert main(["--strategy", "guess", "--log-format", "json"]) == 2
    assert json.loads(capsys.readouterr().err)["event"] == "error"
