"""Targets of regression: numbers, checked, split at random, standardised."""

import numpy as np
import pytest

from jdend.data import DataError, from_arrays, from_csv, from_frame, from_npz, load, split

X = np.random.default_rng(0).normal(size=(40, 3))
Y = 5 + 2 * X[:, 0]


def test_targets_are_float32_in_their_own_units():
    data = from_arrays(X, Y, task="regression", class_names=["yield"])
    assert (data.train_labels.dtype, data.n_classes) == (np.float32, 1)
    np.testing.assert_array_equal(data.train_labels, Y.astype(np.float32))
    assert data.class_names == ("yield",)


def test_a_split_has_the_training_part_s_mean_and_deviation():
    parts = split(from_arrays(X, Y, task="regression"))
    assert parts.target == pytest.approx((parts.train_y.mean(), parts.train_y.std()))
    assert len(parts.train_y) + len(parts.validation_y) + len(parts.test_y) == 40


def test_a_constant_target_has_the_deviation_one():
    parts = split(from_arrays(X, np.full(40, 7.0), task="regression"))
    assert parts.target == (7.0, 1.0)


def test_classes_have_no_target():
    assert split(from_arrays(X, (Y > 5).astype(int))).target is None


def test_tables_files_and_frames_have_targets_too(tmp_path):
    pandas = pytest.importorskip("pandas")
    lines = ["a,b,y", *(f"{i % 3},{'uv'[i % 2]},{i / 2}" for i in range(30))]
    (tmp_path / "t.csv").write_text("\n".join(lines))
    np.savez(tmp_path / "t.npz", x=X, y=Y)
    of_csv = from_csv(tmp_path / "t.csv", target="y", task="regression")
    of_frame = from_frame(pandas.read_csv(tmp_path / "t.csv"), target="y", task="regression")
    np.testing.assert_array_equal(of_csv.train_labels, np.arange(30) / 2)
    np.testing.assert_array_equal(of_frame.train_labels, of_csv.train_labels)
    assert of_csv.class_names == ("y",)
    for data in (
        load(tmp_path / "t.npz", task="regression"),
        from_npz(tmp_path / "t.npz", task="regression"),
    ):
        np.testing.assert_array_equal(data.train_labels, Y.astype(np.float32))


def test_a_decimal_comma_is_read_in_the_target(tmp_path):
    (tmp_path / "t.csv").write_text("a;y\n" + "\n".join(f"{i};{i},5" for i in (3, 1, 4, 1, 5)))
    data = from_csv(tmp_path / "t.csv", task="regression")
    assert data.train_labels.tolist() == [3.5, 1.5, 4.5, 1.5, 5.5]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (["1,2.5", "2,", "3,1"], "line 3: column 'y' is empty; needed is a number to predict"),
        (["1,2.5", "2,tall", "3,1"], "line 3: column 'y' holds 'tall'"),
        (["1,2.5", "2,1e99", "3,1"], "line 3: column 'y' holds '1e99'"),
    ],
)
def test_a_row_without_a_number_is_named(tmp_path, rows, said):
    (tmp_path / "t.csv").write_text("\n".join(["a,y", *rows]))
    with pytest.raises(DataError, match=said):
        from_csv(tmp_path / "t.csv", task="regression")


@pytest.mark.parametrize(
    ("labels", "options", "said"),
    [
        (np.full(40, np.nan), {}, r"train_labels\[0\] is nan"),
        (["a"] * 40, {}, "needed is one number an example"),
        (np.zeros((40, 2)), {}, "needed is one number an example"),
        (Y, {"class_names": ["a", "b"]}, "2 class_names for regression"),
        (Y, {"task": "ranking"}, "unknown task 'ranking'"),
    ],
)
def test_what_is_no_target_is_refused_in_one_line(labels, options, said):
    with pytest.raises(DataError, match=said) as caught:
        from_arrays(X, labels, **{"task": "regression", **options})
    assert "\n" not in str(caught.value)


def test_data_known_by_name_have_classes():
    with pytest.raises(DataError, match="'digits' has classes"):
        load("digits", task="regression")


def test_two_examples_are_too_few():
    with pytest.raises(DataError, match="needs 3; add examples"):
        split(from_arrays(X[:2], Y[:2], task="regression"))
