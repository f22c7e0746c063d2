"""What the reporter adds up, and who shows it."""

import io
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from progress_clock import BEST, Clock

from jdend.search.progress.reporter import Reporter, reporter
from jdend.search.progress.status import Best
from jdend.search.progress.views import JsonLines, Lines, Live, Silent


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


def test_the_best_is_what_networks_have_become_not_what_they_once_were(watched):
    say, clock, seen = watched
    say.open(4)
    for accuracies, best in (([0.885, 0.88], 0.88), ([0.89, 0.87], 0.88)):
        say.begin(2)
        for done, accuracy in enumerate(accuracies, 1):
            clock.now += 1
            say.advance(done, 1.0, Best(accuracy, 1, "mlp"), "")
        say.end()
        assert seen[-1].best.accuracy == best


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
