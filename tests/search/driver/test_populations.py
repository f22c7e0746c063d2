"""What a search says while it trains."""

import types

import numpy as np

from jdend.models import Problem, configure
from jdend.search.driver import populations
from jdend.search.driver.meter import Meter
from jdend.search.executors import local
from jdend.search.planning.planner import plan
from jdend.search.planning.population import Trial
from jdend.search.planning.runtime import Forecast
from jdend.training import ACCURACY, Progress


def test_trials_of_different_length_and_in_parts_add_up(monkeypatch):
    problem = Problem(64, 10)
    trials = [
        Trial(configure({"n_dendrite_inputs": 16, "n_epochs": n}, problem), (0,)) for n in (2, 4, 4)
    ]

    class Part:
        def __init__(self, configurations, accuracies, on_progress):
            self.configurations, self.seeds, self.metric = configurations, (0,), ACCURACY
            self.ends = [c.hyperparameters.n_epochs for c in configurations]
            self.last_epoch, self.epochs_done = max(self.ends), 0.0
            self.outcomes = lambda: configurations
            self._accuracies, self._on_progress = accuracies, on_progress

        def train_to(self, epoch):
            for done, accuracy in self._accuracies.items():
                n = len(accuracy)
                self._on_progress(Progress(done, epoch, n, np.array([accuracy]), 1.0, 0.0))

    def runs(bucket, configurations, seeds, data, *, metric, on_progress, narrow, **others):
        """Two parts, as memory would ask for: trials 0 and 1, then trial 2."""
        first = {1.0: [0.1, np.nan], 2.0: [0.2, 0.6], 4.0: [0.2, 0.3]}
        return [
            Part(configurations[:2], first, on_progress),
            Part(configurations[2:], {2.0: [0.4], 4.0: [0.4]}, on_progress),
        ]

    seen = []
    said = types.SimpleNamespace(
        begin=lambda n, expected: None,
        end=lambda: None,
        advance=lambda reached, best, doing: (
            best and seen.append((round(reached.share, 3), reached.finished, best.score))
        ),
    )
    monkeypatch.setattr(local, "runs", runs)
    monkeypatch.setattr(local, "prepare", lambda *_, **__: None)
    planned, data = plan(trials, kernel="dense"), None
    meter = Meter(said, planned, Forecast(0.0, 5.0, 0.0, (5.0,)), ends=[2, 4, 4])  # pyright: ignore
    outcomes = list(populations.train_populations(trials, planned, data, meter))  # pyright: ignore
    assert outcomes == [(trial, trial.configuration) for trial in trials]
    assert seen == [(0.2, 0, 0.1), (0.4, 1, 0.6), (0.6, 2, 0.3), (0.8, 2, 0.4), (1.0, 3, 0.4)]
