"""How far a generation is, added up over its populations."""

from types import SimpleNamespace

import numpy as np
import pytest

from jdend.search.driver import meter as meter_module
from jdend.search.driver.meter import Meter
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
