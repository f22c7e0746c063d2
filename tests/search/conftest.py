"""Small data, and a stand-in for training where a test is not about it."""

import zlib
from dataclasses import replace

import numpy as np
import pytest
import safetensors.numpy

from jdend.data import from_arrays
from jdend.search.driver import data as search_data
from jdend.search.executors import local
from jdend.training import ACCURACY, Outcome, Progress, Snapshot


@pytest.fixture(scope="session")
def small_images():
    """300 images of 28 × 28 in ten classes that differ in brightness, and 100 for test."""
    rng = np.random.default_rng(0)

    def part(n):
        labels = np.arange(n) % 10
        noise = rng.integers(0, 60, (n, 28, 28))
        return (noise + 19 * labels[:, None, None]).astype(np.uint8), labels

    train_images, train_labels = part(600)
    test_images, test_labels = part(100)
    return from_arrays(train_images, train_labels, test_images, test_labels, name="small")


@pytest.fixture
def no_download(monkeypatch, small_images):
    """Every data set of the catalogue has the contents of `small_images`."""
    monkeypatch.setattr(search_data, "load", lambda name, **options: small_images)


@pytest.fixture
def instant_training(monkeypatch):
    """Training that takes no time; returns its calls. Figures depend on configuration and seed."""
    calls = []

    def runs(bucket, configurations, seeds, data, *, metric, on_progress=None, **_):
        calls.append((bucket, list(configurations), tuple(seeds)))
        return [InstantRun(configurations, seeds, data, on_progress, metric)]

    monkeypatch.setattr(local, "runs", runs)
    monkeypatch.setattr(local, "prepare", lambda *_, **__: None)
    return calls


class InstantRun:
    """Stands in for `jdend.training.Run`. Another metric than accuracy is the share of errors."""

    def __init__(self, configurations, seeds, data, on_progress, metric):
        self.configurations, self.seeds, self.epoch = configurations, seeds, 0
        self.ends = [c.hyperparameters.n_epochs for c in configurations]
        self.last_epoch = max(self.ends)
        drawn = [[_draw(c, seed) for c in configurations] for seed in seeds]
        self.accuracy, self.metric = np.array(drawn), metric
        self.score = metric.sign * self.value(self.accuracy)
        self._held_out, self._on_progress = len(data.validation_y) > 0, on_progress

    @property
    def live(self):
        return [c for c, end in enumerate(self.ends) if end > self.epoch]

    def train_to(self, epoch):
        self.epoch = epoch
        if self._on_progress is not None:
            score = self.score
            self._on_progress(Progress(epoch, self.last_epoch, score.size, score, 0.1, 0.0))

    def value(self, accuracy):
        return accuracy if self.metric is ACCURACY else 1 - accuracy

    @property
    def steps_done(self):
        return self.epoch

    epochs_done = steps_done

    @property
    def is_measured(self):
        return not self.live

    def score_after(self, epoch):
        return self.score

    def snapshot(self):
        return Snapshot(self.ends, self.epoch, [], {}, (0.0, 0.0))

    def restore(self, content):
        tensors = safetensors.numpy.load(content)
        self.ends, self.epoch = tensors["ends"].tolist(), int(tensors["epoch"])

    def outcomes_so_far(self):
        return [None for _ in self.configurations]

    def stop(self, configurations):
        for c in configurations:
            self.ends[c] = min(self.ends[c], self.epoch)

    def outcomes(self):
        assert not self.live
        columns = zip(self.configurations, self.ends, self.accuracy.T, strict=True)
        outcomes = [_outcome(c, self.seeds, of_c, self._held_out, end) for c, end, of_c in columns]
        return outcomes if self.metric is ACCURACY else [self._measured(o) for o in outcomes]

    def _measured(self, outcome):
        name = self.metric.name
        history = {f"validation_{name}": self.value(outcome.history["validation_accuracy"])}
        measured = {
            f"validation_{name}": self.value(outcome.validation_accuracy),
            f"test_{name}": self.value(outcome.test_accuracy),
        }
        return replace(outcome, history={**outcome.history, **history}, measured=measured)


def _draw(configuration, seed):
    return zlib.crc32(f"{configuration} {seed}".encode()) / 2**32


def _outcome(configuration, seeds, accuracy, held_out, end):
    validation = accuracy if held_out else np.full_like(accuracy, np.nan)
    figures = {
        "train_loss": 1 - accuracy,
        "train_accuracy": accuracy,
        "validation_loss": 1 - validation,
        "validation_accuracy": validation,
    }
    return Outcome(
        configuration=configuration,
        seeds=tuple(seeds),
        history={name: np.repeat(f[:, None], end, axis=1) for name, f in figures.items()},
        **figures,
        test_loss=accuracy,
        test_accuracy=1 - accuracy,  # so that a choice by test accuracy would show
        failed_epoch=np.full(len(seeds), -1),
        seconds=0.1,
        stopped_epoch=end if end < configuration.hyperparameters.n_epochs else None,
    )
