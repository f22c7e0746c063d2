"""How far a generation is, added up over its populations."""

from types import SimpleNamespace

import numpy as np
import pytest

from jdend.models import Problem, configure
from jdend.search.driver import meter as meter_module
from jdend.search.driver.meter import Meter, best_of
from jdend.search.planning.runtime import Forecast
from jdend.search.progress.status import Best
from jdend.study import SearchResult, rank
from jdend.training import ACCURACY, Progress

UNKNOWN = np.full((1, 2), np.nan)


class Heard:
    """A reporter that keeps what it is told."""

    def __init__(self):
        self.seen = []

    def begin(self, n_trials, expected):
        pass

    def advance(self, reached, best, doing):
        self.seen.append(reached)


class ARun:
    """Stands in for a run, none of whose networks was evaluated."""

    def __init__(self, *ends, epochs_done=0.0):
        self.ends, self.epochs_done = ends, epochs_done


@pytest.fixture
def clock(monkeypatch):
    now = SimpleNamespace(seconds=0.0)
    monkeypatch.setattr(meter_module, "time", SimpleNamespace(monotonic=lambda: now.seconds))
    return now


def metered(*seconds, ends=(10, 10)):
    """A meter of populations of two trials that are expected to take so many seconds each."""
    reporter = Heard()
    planned = [SimpleNamespace(members=(0, 1)) for _ in seconds]
    forecast = Forecast(0.0, float(sum(seconds)), 0.0, seconds)
    return reporter, Meter(reporter, planned, forecast, ends)


def progress(epoch, seconds=0.0):
    return Progress(epoch, 10, 2, UNKNOWN, seconds, 0.0)


def test_the_first_steps_of_a_run_tell_nothing_of_its_rate(clock):
    """Before them the data are moved, which takes longer than they do."""
    reporter, meter = metered(20.0)
    meter.enter(ARun(10, 10), 0, 2)
    clock.seconds = 5.0
    meter.look(progress(0.02, 5.0))
    assert reporter.seen == []
    clock.seconds = 7.0
    meter.look(progress(1.0, 7.0))
    (reached,) = reporter.seen
    assert (reached.share, reached.seconds) == (pytest.approx(0.1), 2.0)


def test_each_population_is_the_part_of_a_generation_that_its_time_is(clock):
    reporter, meter = metered(30.0, 10.0)
    meter.enter(ARun(10, 10), 0, 2)
    meter.look(progress(10.0))
    assert reporter.seen[-1].share == pytest.approx(0.75)
    meter.enter(ARun(10, 10), 1, 2)
    meter.look(progress(5.0))
    assert reporter.seen[-1].share == pytest.approx(0.875)


def test_what_a_run_goes_on_from_is_not_its_own(clock):
    reporter, meter = metered(20.0)
    meter.enter(ARun(10, 10, epochs_done=6.5), 0, 2)
    meter.look(progress(8.0))
    (reached,) = reporter.seen
    assert (reached.share, reached.own) == (pytest.approx(0.8), pytest.approx(0.15))


def test_trials_that_have_ended_are_finished_and_the_others_at_an_epoch(clock):
    reporter, meter = metered(20.0, ends=(3, 10))
    meter.enter(ARun(3, 10, 3, 3), 0, 2)  # the last two columns only fill it up
    for epoch, finished, of_others in ((2.0, 0, 3), (3.0, 1, 4), (9.5, 1, 10), (10.0, 2, None)):
        meter.look(progress(epoch))
        assert (reporter.seen[-1].finished, reporter.seen[-1].epoch) == (finished, of_others)


def test_the_best_is_the_first_of_the_table():
    def result(accuracy, params, **others):
        return SearchResult({"architecture": "mlp"}, 0.5, 0.5, params, 1.0, 1.0, accuracy, **others)

    results = [
        result(0.99, 10, stopped_epoch=3),
        result(0.9, 30),
        result(0.9, 20),
        result(0.95, 40, failed=1),
        result(None, 50, failed=0),
    ]
    assert best_of(results) == Best(0.9, 20, "mlp")
    assert rank(results)[0].total_params == 20
    assert best_of(results[-1:]) is None


def test_what_a_rung_has_stopped_is_not_the_best():
    problem = Problem(784, 10)
    configurations = [configure({"n_epochs": 9, "n_neurons": n}, problem) for n in (3, 4)]
    run = SimpleNamespace(configurations=configurations, ends=[3, 9], metric=ACCURACY)
    at_epoch_4 = Progress(4.0, 9, 2, np.array([[0.9, 0.8]]), 1.0, 0.0)
    best = meter_module._best(run, at_epoch_4)  # pyright: ignore[reportArgumentType]
    assert best is not None
    assert best.score == 0.8
