"""What a search says while it runs."""

import io
import math

import numpy as np
import pytest

from jdend.models import Problem, configure
from jdend.search import execution
from jdend.search.buckets import Trial, plan
from jdend.search.progress import Bar, Lines, Silent, reporter
from jdend.training import Progress


def test_lines_come_at_intervals_and_at_the_end():
    stream = io.StringIO()
    lines = Lines(stream, seconds_between=1000)
    lines.begin(4)
    for done in (1, 2, 4, 4):
        lines.advance(done, 1.0, 0.5, "population 1 of 1")
    said = stream.getvalue().splitlines()
    assert len(said) == 1
    assert said[0].startswith("4.0 of 4 trials")
    assert "best validation accuracy 0.5000" in said[0]


def test_lines_tell_pace_and_time_left():
    stream = io.StringIO()
    lines = Lines(stream, seconds_between=0)
    lines.begin(10)
    lines.advance(0, 0.0, math.nan, "population 1 of 2")
    lines.advance(2.5, 5.0, math.nan, "population 1 of 2")
    compiling, running = stream.getvalue().splitlines()
    assert "compiling" in compiling
    assert "0.5 a second, 0:15 left" in running
    assert "best" not in running


def test_a_bar_is_drawn_and_ended():
    stream = io.StringIO()
    bar = Bar(stream)
    bar.note("a line [with brackets]")
    bar.begin(2)
    bar.advance(1, 1.0, 0.25, "population 1 of 1")
    bar.end()
    assert "a line [with brackets]" in stream.getvalue()


@pytest.mark.parametrize(("verbose", "kind"), [(False, Silent), (True, Lines)])
def test_plain_lines_where_there_is_no_terminal(monkeypatch, verbose, kind):
    monkeypatch.setattr("sys.stderr", io.StringIO())
    assert isinstance(reporter(verbose), kind)


class _Recorder(Silent):
    def __init__(self):
        self.seen = []

    def advance(self, trials_done, seconds, best, doing):
        self.seen.append((round(trials_done, 3), best))


def test_trials_of_different_length_and_in_parts_add_up(monkeypatch):
    problem = Problem(64, 10)
    trials = [
        Trial(configure({"n_dendrite_inputs": 16, "n_epochs": n}, problem), (0,)) for n in (2, 4, 4)
    ]

    class Part:
        def __init__(self, configurations, accuracies, on_progress):
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

    monkeypatch.setattr(execution, "runs", runs)
    monkeypatch.setattr(execution, "prepare", lambda *_, **__: None)
    recorder = _Recorder()
    watch, data = execution.Watch(recorder, len(trials)), None
    outcomes = list(execution.execute(trials, plan(trials), data, watch))  # pyright: ignore
    assert outcomes == list(enumerate(t.configuration for t in trials))
    assert recorder.seen == [
        (0.75, 0.1), (1.5, 0.6), (2.0, 0.3), (2.5, 0.4), (3.0, 0.4),
    ]  # fmt: skip
