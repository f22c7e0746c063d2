"""How far a generation is, added up over its populations."""

from types import SimpleNamespace

import numpy as np
import pytest

from jdend.models import Problem, configure
from jdend.search.driver import meter as meter_module
from jdend.search.driver.meter import Meter, best_of
from jdend.search.progress.status import Best
from jdend.study import SearchResult, rank
from jdend.training import Progress

ACCURACY = np.full((1, 2), np.nan)


class Heard:
    """A reporter that keeps what it is told."""

    def __init__(self):
        self.seen = []

    def begin(self, n_trials):
        pass

    def advance(self, trials_done, seconds, best, doing):
        self.seen.append((trials_done, seconds))


class TwoTrials:
    """Stands in for a run."""

    ends = (10, 10)


@pytest.fixture
def clock(monkeypatch):
    now = SimpleNamespace(seconds=0.0)
    monkeypatch.setattr(meter_module, "time", SimpleNamespace(monotonic=lambda: now.seconds))
    return now


def test_the_first_steps_of_a_run_tell_nothing_of_its_rate(clock):
    """Before them the data are moved, which takes longer than they do."""
    reporter = Heard()
    meter = Meter(reporter, 2)
    meter.enter(TwoTrials(), "population 1 of 1")
    clock.seconds = 5.0
    meter.look(Progress(0.02, 10, 2, ACCURACY, 5.0, 0.0))
    assert reporter.seen == []
    clock.seconds = 7.0
    meter.look(Progress(1.0, 10, 2, ACCURACY, 7.0, 0.0))
    assert reporter.seen == [(0.2, 2.0)]


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
    run = SimpleNamespace(configurations=configurations, ends=[3, 9])
    progress = Progress(4.0, 9, 2, np.array([[0.9, 0.8]]), 1.0, 0.0)
    best = meter_module._best(run, progress)  # pyright: ignore[reportArgumentType]
    assert best is not None
    assert best.accuracy == 0.8
