"""Examples on the device: their types, and which rows are whose."""

from dataclasses import replace

import jax
import numpy as np
import pytest

from jdend.data import from_arrays, split
from jdend.training import on_device
from jdend.training._device_data import in_units


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(0).normal(size=(60, 5)).astype(np.float32)


@pytest.fixture(scope="module")
def classes(x):
    return split(from_arrays(x, np.arange(60) % 3), folds=3)


def regression(x):
    return split(from_arrays(x, 100.0 + 10 * x[:, 0], task="regression"), validation_fraction=0.2)


def test_arrays_have_32_bits_at_most_also_where_jax_has_64(x):
    with jax.enable_x64(True):
        examples = on_device(regression(x)).examples
        types = {array.dtype.name for array in jax.tree.leaves(examples)}
    assert types == {"float32"}


def test_targets_are_standardised_and_come_back_in_their_units(x):
    parts = regression(x)
    examples = on_device(parts).examples
    n = len(parts.train_y)
    assert abs(np.mean(examples.y[:n])) < 1e-5
    assert np.std(examples.y[:n]) == pytest.approx(1.0, abs=1e-4)
    np.testing.assert_allclose(in_units(examples, examples.y)[:n], parts.train_y, rtol=1e-5)


def test_folds_come_along(classes):
    placed = on_device(classes)
    assert placed.folds is classes.folds
    assert placed.examples.has_folds
    assert placed.n_train == classes.folds.train_rows.shape[1]
    np.testing.assert_array_equal(placed.part("validation"), _padded(classes, placed.largest_part))


def _padded(parts, width):
    rows = parts.folds.validation_rows
    return np.pad(rows, ((0, 0), (0, width - rows.shape[1])), constant_values=-1)


def test_without_folds_parts_stand_one_after_the_other(x):
    parts = split(from_arrays(x, np.arange(60) % 3), validation_fraction=0.2)
    placed = on_device(parts)
    first, second = len(parts.train_y), len(parts.train_y) + len(parts.validation_y)
    end = second + len(parts.test_y)
    assert dict(placed.rows) == {
        "train": (0, first), "validation": (first, second), "test": (second, end)
    }  # fmt: skip
    assert placed.n_train == first
    assert placed.largest_part == max(second - first, end - second)
    expected = [*range(first, second), *[-1] * (50 - (second - first))]
    assert placed.part("validation", 50).tolist() == expected


def test_a_split_is_copied_once(classes):
    assert on_device(classes) is on_device(classes)
    assert on_device(replace(classes)) is not on_device(classes)
