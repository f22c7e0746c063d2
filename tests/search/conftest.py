"""Small data, and a stand-in for training where a test is not about it."""

import zlib

import numpy as np
import pytest

from jdend.data import from_arrays
from jdend.search import execution, material
from jdend.training import Outcome, Progress


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
    monkeypatch.setattr(material, "load", lambda name, **options: small_images)


@pytest.fixture
def instant_training(monkeypatch):
    """Training that takes no time; returns its calls. Figures depend on configuration and seed."""
    calls = []

    def train(bucket, configurations, seeds, data, *, on_progress=None):
        calls.append((bucket, list(configurations), tuple(seeds)))
        accuracy = np.array([[_draw(c, seed) for c in configurations] for seed in seeds])
        if on_progress is not None:
            longest = max(c.hyperparameters.n_epochs for c in configurations)
            on_progress(Progress(longest, longest, accuracy.size, accuracy, 0.1, 0.0))
        return [
            _outcome(configuration, seeds, accuracy[:, i], len(data.validation_y) > 0)
            for i, configuration in enumerate(configurations)
        ]

    monkeypatch.setattr(execution, "train", train)
    monkeypatch.setattr(execution, "prepare", lambda *_: None)
    return calls


def _draw(configuration, seed):
    return zlib.crc32(f"{configuration} {seed}".encode()) / 2**32


def _outcome(configuration, seeds, accuracy, held_out):
    validation = accuracy if held_out else np.full_like(accuracy, np.nan)
    n_epochs = configuration.hyperparameters.n_epochs
    figures = {
        "train_loss": 1 - accuracy,
        "train_accuracy": accuracy,
        "validation_loss": 1 - validation,
        "validation_accuracy": validation,
    }
    return Outcome(
        configuration=configuration,
        seeds=tuple(seeds),
        history={name: np.repeat(f[:, None], n_epochs, axis=1) for name, f in figures.items()},
        **figures,
        test_loss=accuracy,
        test_accuracy=1 - accuracy,  # so that a choice by test accuracy would show
        failed_epoch=np.full(len(seeds), -1),
        seconds=0.1,
    )
