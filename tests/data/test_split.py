"""Stratified, seeded parts."""

import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jdend.data import DataError, from_arrays, load, split

PARTS = ("train", "validation", "test")


def numbered(labels, test_labels=None):
    """A table whose only feature is the row's number, so that rows can be told apart."""
    rows = np.arange(len(labels), dtype=np.float32)[:, np.newaxis]
    if test_labels is None:
        return from_arrays(rows, labels)
    return from_arrays(rows, labels, -1 - rows[: len(test_labels)], test_labels)


def rows_of(parts, part):
    return getattr(parts, f"{part}_x")[:, 0].astype(int).tolist()


labels_of_classes = st.lists(st.integers(3, 60), min_size=2, max_size=6).flatmap(
    lambda counts: st.permutations([c for c, n in enumerate(counts) for _ in range(n)])
)


@settings(max_examples=40, deadline=None)
@given(labels_of_classes, st.floats(0, 0.9), st.integers(0, 2**63), st.floats(0.01, 0.9))
def test_every_example_is_in_one_part_with_its_label(labels, fraction, seed, test_fraction):
    parts = split(
        numbered(labels), validation_fraction=fraction, seed=seed, test_fraction=test_fraction
    )
    rows = [row for part in PARTS for row in rows_of(parts, part)]
    assert sorted(rows) == list(range(len(labels)))
    for part in PARTS:
        expected = [labels[row] for row in rows_of(parts, part)]
        assert getattr(parts, f"{part}_y").tolist() == expected


@settings(max_examples=40, deadline=None)
@given(labels_of_classes, st.floats(0.01, 0.9), st.integers(0, 2**63))
def test_validation_holds_the_classes_in_proportion(labels, fraction, seed):
    parts = split(numbered(labels, [0, 1]), validation_fraction=fraction, seed=seed)
    counts, held = np.bincount(labels), np.bincount(parts.validation_y)
    share = len(parts.validation_y) * counts / len(labels)
    # Beyond one example only where a class would be missing from a part.
    assert np.all((np.abs(held - share) <= 1) | (held == 1) | (held == counts - 1))
    assert np.all((held >= 1) & (held < counts))


@settings(max_examples=40, deadline=None)
@given(labels_of_classes, st.integers(0, 2**63), st.data())
def test_a_subset_has_its_size_and_grows_into_the_larger_one(labels, seed, data):
    dataset = numbered(labels, [0, 1])
    low = dataset.n_classes
    size = data.draw(st.integers(low, len(labels)))
    parts = split(dataset, validation_fraction=0, seed=seed, subset_size=size)
    larger = split(dataset, validation_fraction=0, seed=seed, subset_size=len(labels))
    assert len(parts.train_y) == size
    assert set(parts.train_y) == set(labels)
    assert set(rows_of(parts, "train")) <= set(rows_of(larger, "train"))
    assert len(parts.test_y) == 2


@settings(max_examples=20, deadline=None)
@given(labels_of_classes, st.integers(0, 2**63))
def test_the_same_arguments_give_the_same_parts(labels, seed):
    first, second = (split(numbered(labels), seed=seed) for _ in range(2))
    assert all(rows_of(first, part) == rows_of(second, part) for part in PARTS)
    assert first.fingerprint == second.fingerprint


def test_the_parts_of_a_seed_never_change():
    """A study that is resumed, on another machine perhaps, must find the parts it had."""
    parts = split(numbered([0, 1] * 20, [0, 1]), validation_fraction=0.2, seed=7)
    assert rows_of(parts, "validation") == [6, 20, 21, 23, 24, 32, 37, 39]


def test_another_seed_gives_another_validation_part_and_the_same_test_part():
    dataset = numbered([0, 1] * 50)
    one, two = split(dataset, seed=1), split(dataset, seed=2)
    assert rows_of(one, "validation") != rows_of(two, "validation")
    assert rows_of(one, "test") == rows_of(two, "test")
    assert one.fingerprint != two.fingerprint


def test_a_published_test_part_is_taken_whole():
    parts = split(numbered([0, 1] * 50, [1, 0, 1]), subset_size=20)
    assert rows_of(parts, "test") == [-1, -2, -3]
    assert len(parts.train_y) + len(parts.validation_y) == 20


def test_fraction_zero_leaves_validation_empty():
    parts = split(numbered([0, 1] * 50, [0, 1]), validation_fraction=0)
    assert parts.validation_x.shape == (0, 1)
    assert parts.validation_y.shape == (0,)
    assert rows_of(parts, "train") == list(range(100))


def normalised(x, parts):
    return (x.astype(np.float32) - parts.offset) * parts.scale


def test_mnist_like_images_are_normalised_as_in_the_reference():
    parts = split(load("fashion-mnist"))
    expected = (parts.train_x[:100] / 255 - 0.1307) / 0.3081
    np.testing.assert_allclose(normalised(parts.train_x[:100], parts), expected, atol=2e-6)
    assert parts.offset.shape == parts.scale.shape == ()
    assert parts.train_x.dtype == np.uint8
    assert (parts.in_features, parts.image_shape) == (784, (28, 28, 1))


def test_published_statistics_are_per_channel():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (20, 2, 2, 3), np.uint8)
    statistics = ((0.1, 0.2, 0.3), (0.4, 0.5, 0.6))
    dataset = replace(from_arrays(images, [0, 1] * 10), channel_statistics=statistics)
    parts = split(dataset)
    expected = (images / 255 - statistics[0]) / statistics[1]
    got = normalised(images.reshape(20, -1), parts)
    np.testing.assert_allclose(got, expected.reshape(20, -1), atol=2e-6)


def test_own_tables_get_mean_0_and_deviation_1_from_the_training_part_alone():
    rng = np.random.default_rng(0)
    table = rng.normal([5, -300, 0], [2, 0.1, 1e-3], (200, 3))
    parts = split(from_arrays(table, [0, 1] * 100))
    got = normalised(parts.train_x, parts)
    np.testing.assert_allclose(got.mean(axis=0), 0, atol=2e-3)
    np.testing.assert_allclose(got.std(axis=0), 1, rtol=1e-3)
    outlier = table.copy()
    unseen = [tuple(row) for row in parts.test_x]
    outlier[[tuple(row) in unseen for row in table.astype(np.float32)]] = 1e6
    np.testing.assert_array_equal(split(from_arrays(outlier, [0, 1] * 100)).scale, parts.scale)


@pytest.mark.parametrize("value", [0.0, 7.0, 0.1, -1e20, 1e-40])
def test_constant_columns_become_zeros(value):
    table = np.stack([np.full(20, value), np.arange(20.0)], axis=1)
    parts = split(from_arrays(table, [0, 1] * 10))
    assert parts.scale[0] == 1
    np.testing.assert_array_equal(normalised(parts.train_x, parts)[:, 0], 0)


def test_the_fingerprint_changes_with_contents_and_choice():
    base = numbered([0, 1] * 50, [0, 1])
    other = from_arrays(base.train_images + 1, base.train_labels, [[0.0], [1.0]], [0, 1])
    prints = {
        split(base).fingerprint,
        split(other).fingerprint,
        split(base, seed=1).fingerprint,
        split(base, subset_size=50).fingerprint,
        split(base, validation_fraction=0.2).fingerprint,
    }
    assert len(prints) == 5


def test_splitting_fashion_mnist_is_quick():
    dataset = load("fashion-mnist")
    started = time.process_time()
    split(dataset)
    assert time.process_time() - started < 1


BAD = {
    "fraction of 1": ({"validation_fraction": 1.0}, "at least 0 and below 1"),
    "negative fraction": ({"validation_fraction": -0.1}, "validation_fraction=-0.1"),
    "nan": ({"validation_fraction": float("nan")}, "validation_fraction=nan"),
    "word": ({"validation_fraction": "some"}, "validation_fraction='some'"),
    "test fraction of 0": ({"test_fraction": 0}, "above 0 and below 1"),
    "negative seed": ({"seed": -1}, "whole number from 0"),
    "fractional seed": ({"seed": 0.5}, "seed=0.5"),
    "subset of 0": ({"subset_size": 0}, "subset_size=0 .* whole number from 1"),
    "fractional subset": ({"subset_size": 10.5}, "subset_size=10.5"),
    "small subset": ({"subset_size": 3}, "subset_size=3 .* from 4 .* to 100"),
    "large subset": ({"subset_size": 101}, "subset_size=101 .* from 4 .* to 100"),
}


@pytest.mark.parametrize(("named", "message"), BAD.values(), ids=BAD.keys())
def test_bad_arguments_are_refused(named, message):
    with pytest.raises(DataError, match=message):
        split(numbered([0, 1] * 50, [0, 1]), **named)


def test_a_class_with_too_few_examples_is_named():
    with pytest.raises(DataError, match=r"class '7' has 1 training examples, .* 2 parts needs 2"):
        split(numbered([3, 3, 3, 7], [3]))
    with pytest.raises(DataError, match=r"class '7' has 2 training examples, .* 3 parts needs 3"):
        split(numbered([3, 3, 3, 7, 7]))
