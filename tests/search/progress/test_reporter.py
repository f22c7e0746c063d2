"""What the reporter adds up, and who shows it."""

import io
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from progress_clock import BEST, Clock

from jdend.search.progress.reporter import Reporter, reporter
from jdend.search.progress.status import Best, Reached
from jdend.search.progress.time_left import Expected
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


def reached(n_trials, done, seconds, *, own=None, compiled=1.0):
    """So many of a generation's trials are done."""
    share = done / n_trials
    return Reached(int(done), 1, share, share if own is None else own / n_trials, compiled, seconds)


def expected(a_trial, n_trials, compiling=0.0):
    return Expected(compiling, a_trial * n_trials)


def test_generations_add_up_to_a_search(watched):
    say, clock, seen = watched
    say.open(10)
    for _ in range(2):
        say.begin(5, expected(1, 5))
        clock.now += 5
        say.advance(reached(5, 5, 5.0), BEST, "population 1 of 1")
        say.end()
    assert (seen[-1].finished, seen[-1].left, seen[-1].share) == (10, 0, 1)


def test_before_anything_has_run_time_left_is_what_is_expected(watched):
    say, _, seen = watched
    say.open(10, expected=Expected(3.0, 40.0))
    say.begin(5, Expected(2.0, 20.0))
    say.advance(reached(5, 0, 0.0, compiled=0.0), None, "compiling")
    assert seen[-1].left == 43.0


def test_what_takes_twice_as_long_as_expected_is_soon_said_to(watched):
    say, clock, seen = watched
    say.open(100, expected=expected(1, 100))
    say.begin(100, expected(1, 100))
    clock.now = 40.0
    say.advance(reached(100, 20, 40.0), None, "")
    assert 2 * 80 * 0.9 < seen[-1].left < 2 * 80


def test_few_steps_change_little(watched):
    """The first of a run move the data, and are far slower than those that follow."""
    say, clock, seen = watched
    say.open(100, expected=expected(0.6, 100))
    say.begin(100, expected(0.6, 100))
    clock.now = 1.0
    say.advance(reached(100, 0.04, 1.0), None, "")
    assert 30 < seen[-1].left < 120


def test_programs_that_are_not_compiled_yet_count(watched):
    say, clock, seen = watched
    say.open(6, expected=Expected(18.0, 0.6))
    say.begin(6, Expected(18.0, 0.6))
    clock.now = 3.0
    say.advance(reached(6, 1, 0.0, compiled=1 / 6), None, "")
    assert 12 < seen[-1].left < 18


def test_compiling_data_and_first_proposals_do_not_slow_the_rate(watched):
    say, clock, seen = watched
    say.open(10)
    clock.now = 100.0  # data
    say.begin(10, expected(2, 10))
    clock.now = 160.0
    say.advance(reached(10, 5, 10.0), None, "population 1 of 1")  # 50 of 60 seconds compiled
    assert (seen[-1].rate, seen[-1].left, seen[-1].seconds) == (0.5, 10.0, 160.0)


def test_storing_between_generations_does(watched):
    say, clock, seen = watched
    say.open(10)
    say.begin(5, expected(1, 5))
    clock.now = 5.0
    say.advance(reached(5, 5, 5.0), None, "")
    say.end()
    clock.now = 10.0
    say.reach(5)
    assert (seen[-1].rate, seen[-1].left) == (0.5, 10.0)


def test_what_was_done_before_is_done_but_says_nothing_of_the_rate(watched):
    say, clock, seen = watched
    say.open(10, done=6, best=BEST, expected=expected(2, 4))
    say.begin(4, expected(2, 4))
    clock.now = 4.0
    say.advance(reached(4, 2, 4.0), Best(0.4, 1, "mlp"), "")
    assert (seen[-1].finished, seen[-1].rate, seen[-1].left) == (8, 0.5, 4.0)
    assert seen[-1].best == BEST


def test_what_a_population_goes_on_from_says_nothing_of_the_rate(watched):
    """Nine tenths were trained before the search was broken off."""
    say, clock, seen = watched
    say.open(10, expected=expected(2, 10))
    say.begin(10, expected(2, 10))
    clock.now = 1.0
    say.advance(reached(10, 9.5, 1.0, own=0.5), None, "")
    assert (seen[-1].rate, seen[-1].share) == (0.5, 0.95)
    assert seen[-1].left == pytest.approx(1.0)
    clock.now = 2.0
    say.advance(reached(10, 10, 2.0, own=1), None, "")
    say.end()
    say.reach(10)
    assert seen[-1].rate == 0.5


def test_the_best_is_what_networks_have_become_not_what_they_once_were(watched):
    say, clock, seen = watched
    say.open(4)
    for accuracies, best in (([0.885, 0.88], 0.88), ([0.89, 0.87], 0.88)):
        say.begin(2, expected(1, 2))
        for done, accuracy in enumerate(accuracies, 1):
            clock.now += 1
            say.advance(reached(2, done, 1.0), Best(accuracy, 1, "mlp"), "")
        say.end()
        assert seen[-1].best.score == best


def test_time_ends_a_search(watched):
    say, clock, seen = watched
    say.open(None, seconds=60.0)
    say.begin(4, expected(1, 4))
    clock.now = 15.0
    say.advance(reached(4, 1, 15.0), None, "")
    assert (seen[-1].left, seen[-1].share, seen[-1].n_trials) == (45.0, 0.25, None)


def test_the_sooner_of_time_and_trials_counts(watched):
    say, clock, seen = watched
    say.open(10, seconds=60.0)
    say.begin(10, expected(2, 10))
    clock.now = 10.0
    say.advance(reached(10, 5, 10.0), None, "")
    assert (seen[-1].left, seen[-1].share) == (10.0, 0.5)


def test_trials_that_others_finish_count(watched):
    say, clock, seen = watched
    say.open(100, expected=expected(1, 100))
    say.begin(10, expected(1, 10))
    clock.now = 10.0
    say.advance(reached(10, 10, 10.0), None, "")
    say.end()
    say.reach(40)
    assert (seen[-1].finished, seen[-1].rate, seen[-1].left) == (40, 4.0, 15.0)


def test_a_generation_without_a_search_is_one(watched):
    say, clock, seen = watched
    say.begin(1, expected(1, 1))
    clock.now = 1.0
    say.advance(reached(1, 1, 1.0), BEST, "")
    say.end()
    assert (seen[-1].n_trials, seen[-1].finished) == (1, 1)
    n = len(seen)
    say.end()
    say.close()
    assert len(seen) == n


def test_the_best_so_far_stays_and_stopped_trials_add_up(watched):
    say, _, seen = watched
    say.open(9)
    for accuracy in (0.7, 0.6):
        say.begin(4, expected(1, 4))
        say.advance(reached(4, 1, 1.0), Best(accuracy, 10, "mlp"), "")
        say.stop(3)
        say.end()
    assert (seen[-1].best.score, seen[-1].stopped) == (0.7, 6)


@given(
    total=st.none() | st.integers(1, 50),
    seconds=st.none() | st.floats(0.0, 1e4),
    steps=st.lists(st.tuples(st.floats(0.0, 8.0), st.floats(0.0, 1e3)), max_size=5),
    a_trial=st.floats(0.0, 1e3),
)
def test_figures_are_sensible_whatever_is_reported(total, seconds, steps, a_trial):
    clock, view = Clock(), Recorder()
    say = Reporter(view, clock)
    say.open(total, seconds=seconds, expected=expected(a_trial, total or 0))
    say.begin(8, expected(a_trial, 8, compiling=3.0))
    for done, later in steps:
        clock.now += later
        say.advance(reached(8, done, later / 2), None, "")
    say.end()
    say.close()
    for now in view.seen:
        assert 0 <= now.share <= 1
        assert now.finished <= (math.inf if total is None else total)
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
