"""Any number of labels an example: 0 and 1, checked, from arrays, files, tables and frames."""

import numpy as np
import pytest

from jdend.data import DataError, from_arrays, from_csv, from_frame, from_npz, load, split

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3))
Y = (RNG.random((60, 4)) < [0.1, 0.3, 0.5, 0.9]).astype(int)


def of_arrays(**options):
    return from_arrays(X, Y, task="multilabel", **options)


@pytest.mark.parametrize("kind", [int, float, bool, np.uint8])
def test_labels_are_zeros_and_ones_of_any_type(kind):
    data = from_arrays(X, Y.astype(kind), task="multilabel", class_names="abcd")
    assert (data.train_labels.dtype, data.n_classes, data.task) == (np.int32, 4, "multilabel")
    np.testing.assert_array_equal(data.train_labels, Y)
    assert data.class_names == ("a", "b", "c", "d")


def test_labels_without_names_are_numbered():
    assert of_arrays().class_names == ("0", "1", "2", "3")


def test_a_test_part_of_one_s_own_is_taken():
    data = from_arrays(X[:40], Y[:40], X[40:], Y[40:], task="multilabel")
    np.testing.assert_array_equal(data.test_labels, Y[40:])


def test_parts_hold_every_example_once_with_its_labels():
    parts = split(of_arrays())
    assert parts.task == "multilabel"
    assert parts.target is None
    whole = {x.tobytes(): y.tolist() for x, y in zip(X.astype(np.float32), Y, strict=True)}
    found = {
        x.tobytes(): y.tolist()
        for part in ("train", "validation", "test")
        for x, y in zip(getattr(parts, f"{part}_x"), getattr(parts, f"{part}_y"), strict=True)
    }
    assert found == whole


def test_parts_have_the_sizes_of_data_without_classes():
    of_numbers = split(from_arrays(X, X[:, 0], task="regression"), seed=3, subset_size=30)
    of_labels = split(of_arrays(), seed=3, subset_size=30)
    np.testing.assert_array_equal(of_labels.train_x, of_numbers.train_x)
    np.testing.assert_array_equal(of_labels.test_x, of_numbers.test_x)


def test_folds_hold_out_each_example_once():
    parts = split(of_arrays(), folds=5)
    rows = parts.folds.validation_rows
    assert sorted(rows[rows >= 0]) == list(range(48))


def test_other_labels_are_another_fingerprint():
    other = from_arrays(X, 1 - Y, task="multilabel")
    assert split(other).fingerprint != split(of_arrays()).fingerprint


@pytest.fixture
def table(tmp_path):
    """Labels in the middle, written as numbers and as words."""
    rows = [f"{i / 7:.2f},{i % 2},{['no', 'Yes'][i % 3 == 0]},{'uv'[i % 2]}" for i in range(30)]
    path = tmp_path / "t.csv"
    path.write_text("\n".join(["a,wet,warm,b", *rows]))
    return path


EXPECTED = [[i % 2, int(i % 3 == 0)] for i in range(30)]


@pytest.mark.parametrize("target", ["wet,warm", "wet, warm", ["wet", "warm"], ("wet", "warm")])
def test_columns_of_a_table_are_labels(table, target):
    for data in (
        from_csv(table, target=target, task="multilabel"),
        load(table, target=target, task="multilabel"),
    ):
        assert data.train_labels.tolist() == EXPECTED
        assert data.class_names == ("wet", "warm")
        assert data.table.targets == ("wet", "warm")
        assert [column.name for column in data.table.columns] == ["a", "b"]


def test_their_order_is_that_in_which_they_are_named(table):
    data = from_csv(table, target="warm,wet", task="multilabel")
    assert data.train_labels.tolist() == [row[::-1] for row in EXPECTED]


def test_numbers_alone_are_a_table_too(tmp_path):
    path = tmp_path / "n.csv"
    path.write_text("a,p,q\n" + "\n".join(f"{i * i},{i % 2},{1 - i % 2}" for i in range(12)))
    data = from_csv(path, target="p,q", task="multilabel")
    np.testing.assert_array_equal(data.train_images[:, 0], np.arange(12) ** 2)
    assert data.train_labels.tolist() == [[i % 2, 1 - i % 2] for i in range(12)]


def test_a_column_whose_name_has_a_comma_is_named_in_a_list(tmp_path):
    (tmp_path / "t.csv").write_text('a,"p,q",r\n' + "\n".join(f"{i},1,0" for i in (4, 2, 9)))
    data = from_csv(tmp_path / "t.csv", target=["p,q", "r"], task="multilabel")
    assert data.class_names == ("p,q", "r")
    assert from_csv(tmp_path / "t.csv", target="p,q", task="multilabel").class_names == ("p,q",)


def test_frames_and_parquet_files_have_labels_too(table, tmp_path):
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    frame = pandas.read_csv(table)
    frame["warm"] = frame["warm"] == "Yes"  # bools
    frame.to_parquet(tmp_path / "t.parquet")
    for data in (
        from_frame(frame, target=["wet", "warm"], task="multilabel"),
        load(tmp_path / "t.parquet", target="wet,warm", task="multilabel"),
    ):
        assert data.train_labels.tolist() == EXPECTED


def test_an_npz_file_has_a_matrix_of_labels(tmp_path):
    np.savez(tmp_path / "t.npz", x=X, y=Y, class_names=np.array(list("abcd")))
    data = from_npz(tmp_path / "t.npz", task="multilabel")
    np.testing.assert_array_equal(data.train_labels, Y)
    assert data.class_names == ("a", "b", "c", "d")


@pytest.mark.parametrize(
    ("labels", "options", "said"),
    [
        (2 * Y, {}, r"train_labels\[\d+, \d\] is 2; needed is 0 or 1"),
        (np.where(Y, np.nan, 0), {}, r"is nan; needed is 0 or 1"),
        (Y[:, 0], {}, r"int64\[60\]; needed is a row of 0 and 1 an example, \[60, K\]"),
        (Y[:50], {}, r"int64\[50, 4\]; needed is a row of 0 and 1"),
        (Y[:, :0], {}, r"int64\[60, 0\]; needed is a row of 0 and 1"),
        ([[1], [0, 1]], {}, "is ragged; needed is a row of 0 and 1"),
        (Y.astype(str), {}, "needed is a row of 0 and 1"),
        (Y, {"class_names": "abc"}, "3 class_names for 4 labels; give one a label"),
        (
            Y,
            {"test_images": X, "test_labels": Y[:, :3]},
            "test_labels have 3 columns and train_labels 4",
        ),
    ],
)
def test_what_are_no_labels_is_refused_in_one_line(labels, options, said):
    with pytest.raises(DataError, match=said) as caught:
        from_arrays(X, labels, task="multilabel", **options)
    assert "\n" not in str(caught.value)


def test_a_matrix_of_labels_is_no_class_and_the_message_names_the_task():
    with pytest.raises(DataError, match="several labels an example are task='multilabel'"):
        from_arrays(X, Y)


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("wet,wram", "no column 'wram'; did you mean 'warm'"),
        (["wet", "wet"], "name each column once"),
        ([], "name each column once"),
        ("a,wet,warm,b", "has no column beside 'a', 'wet', 'warm', 'b'"),
        ("wet,a", "line 3: column 'a' holds '0.14'; needed of a label is 1 or 0, or yes or no"),
        (None, "no column named label"),
    ],
)
def test_columns_that_are_no_labels_are_refused(table, target, said):
    with pytest.raises(DataError, match=said):
        from_csv(table, target=target, task="multilabel")


def test_a_row_that_does_not_say_whether_a_label_applies_is_named(table):
    table.write_text(table.read_text() + "\n1.5,,yes,u")
    with pytest.raises(DataError, match="line 32: column 'wet' is empty; needed of a label"):
        from_csv(table, target="wet,warm", task="multilabel")


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_several_columns_are_for_labels_alone(table, task):
    with pytest.raises(DataError, match=f"names 2 columns, and {task} takes one: say task="):
        from_csv(table, target=["wet", "warm"], task=task)


def test_a_column_of_labels_is_neither_dropped_nor_of_categories(table):
    with pytest.raises(DataError, match="'warm' holds labels; drop"):
        from_csv(table, target="wet,warm", drop=["warm"], task="multilabel")


def test_several_columns_without_the_task_are_told_of_it(tmp_path):
    (tmp_path / "a.csv").write_text("x,wet,warm\n1,1,0\n2,0,1\n")
    with pytest.raises(DataError, match="say task='multilabel' if each is a label"):
        from_csv(tmp_path / "a.csv", target="wet,warm")
