"""Folds: how training examples are divided, and what follows from each fold's own."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jdend.data import DataError, from_arrays, from_csv, split
from jdend.data._folds import fold_rows

LABELS = np.repeat([0, 1, 2], [30, 21, 7])


def digits_like(labels=LABELS, n_features=4):
    rng = np.random.default_rng(0)
    return from_arrays(rng.normal(size=(len(labels), n_features)), labels)


@given(
    counts=st.lists(st.integers(2, 12), min_size=2, max_size=5),
    n_folds=st.integers(2, 6),
    repeats=st.integers(1, 3),
    seed=st.integers(0, 2**32),
)
def test_each_example_is_held_out_once_in_each_repeat(counts, n_folds, repeats, seed):
    labels = np.repeat(np.arange(len(counts)), counts)
    if max(counts) < n_folds:
        with pytest.raises(DataError, match="folds="):
            fold_rows(labels, n_folds, repeats, seed)
        return
    parts = fold_rows(labels, n_folds, repeats, seed)
    assert len(parts) == n_folds * repeats
    for repeat in range(repeats):
        own = parts[repeat * n_folds : (repeat + 1) * n_folds]
        held_out = np.concatenate([rows for _, rows in own])
        assert sorted(held_out) == list(range(len(labels)))
        for train, rows in own:
            assert not set(train) & set(rows)
            assert set(labels[train]) == set(labels)


@given(counts=st.lists(st.integers(6, 20), min_size=2, max_size=4), seed=st.integers(0, 99))
def test_folds_are_stratified_to_within_one_example(counts, seed):
    labels = np.repeat(np.arange(len(counts)), counts)
    sizes = np.array([np.bincount(labels[rows]) for _, rows in fold_rows(labels, 5, 1, seed)])
    assert np.ptp(sizes, axis=0).max() <= 1
    assert np.ptp(sizes.sum(axis=1)) <= 1


def test_repeats_are_divided_by_other_draws():
    parts = fold_rows(LABELS, 3, 2, 0)
    assert any((parts[i][1].tolist() != parts[i + 3][1].tolist()) for i in range(3))


def test_another_seed_divides_otherwise_and_the_same_one_alike():
    first, same, other = (split(digits_like(), folds=3, seed=seed) for seed in (0, 0, 1))
    assert first.fingerprint == same.fingerprint != other.fingerprint
    assert (first.folds.validation_rows == same.folds.validation_rows).all()


def test_all_folds_train_on_equally_many_examples_and_nothing_else_is_held_out():
    parts = split(digits_like(), folds=4, fold_repeats=2)
    assert len(parts.validation_y) == 0
    assert parts.n_folds == len(parts.folds) == 8
    n = len(parts.train_y)
    assert parts.n_train == n - parts.largest_validation
    assert parts.n_validation == n
    assert all(len(set(rows)) == parts.n_train for rows in parts.folds.train_rows.tolist())


def test_the_test_part_is_that_of_a_split_without_folds():
    folded, plain = split(digits_like(), folds=3), split(digits_like())
    np.testing.assert_array_equal(folded.test_x, plain.test_x)


def test_a_fold_is_normalised_by_what_it_trains_on():
    parts = split(digits_like(), folds=3)
    for fold, rows in enumerate(parts.folds.train_rows):
        x = (parts.train_x[rows] - parts.folds.offset[fold]) * parts.folds.scale[fold]
        np.testing.assert_allclose(x.mean(axis=0), 0, atol=1e-6)
        np.testing.assert_allclose(x.std(axis=0), 1, rtol=1e-5)


def test_missing_values_of_a_fold_are_filled_by_what_it_trains_on(tmp_path):
    rng = np.random.default_rng(1)
    lines = ["size,colour,class"]
    for i in range(60):
        size = "" if i % 5 == 0 else f"{rng.normal():.3f}"
        colour = "" if i % 7 == 0 else rng.choice(["red", "blue"])
        lines.append(f"{size},{colour},{'ab'[i % 2]}")
    (tmp_path / "table.csv").write_text("\n".join(lines))
    parts = split(from_csv(tmp_path / "table.csv", target="class"), folds=4)
    folds, features = parts.folds, list(parts.table.features)
    at = features.index("size")
    for fold, rows in enumerate(folds.train_rows):
        there = rows[~folds.missing[rows, at]]
        assert folds.fill[fold, at] == np.float32(np.median(parts.train_x[there, at]))
        colours = folds.fill[fold, [i for i, name in enumerate(features) if "colour" in name]]
        assert sorted(colours) == [0, 1]
    assert len(set(folds.fill[:, at].tolist())) > 1


def test_the_network_that_is_kept_has_all_training_examples():
    parts = split(digits_like(), folds=3)
    whole = parts.without_folds
    assert whole.folds is None
    assert whole.n_train == len(parts.train_y)
    assert whole is parts.without_folds
    plain = split(digits_like())
    assert plain.without_folds is plain


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"folds": 1}, "folds=1 is not allowed; give a whole number from 2 up"),
        ({"folds": 2.5}, "folds=2.5"),
        ({"folds": True}, "folds=True"),
        ({"folds": 99}, "folds=99 is not allowed for classes of"),
        ({"folds": 3, "fold_repeats": 0}, "fold_repeats=0"),
        ({"fold_repeats": 2}, "fold_repeats=2 repeats folds"),
    ],
)
def test_what_is_not_allowed_is_said_in_one_line(arguments, said):
    with pytest.raises(DataError, match=said) as caught:
        split(digits_like(), **arguments)
    assert "\n" not in str(caught.value)


def test_a_class_of_one_example_cannot_be_divided():
    labels = np.repeat([0, 1, 2], [10, 10, 2])  # of the last one goes to the test part
    with pytest.raises(DataError):
        split(digits_like(labels), folds=2)
