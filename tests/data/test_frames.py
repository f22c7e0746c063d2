"""DataFrames of pandas and polars, and Parquet files, are tables like those of CSV files."""

import datetime
import decimal
import io
import sys

import numpy as np
import pandas
import polars
import pyarrow
import pytest
from pyarrow import parquet
from sklearn.datasets import load_breast_cancer, load_wine

from jdend.data import DataError, from_csv, from_frame, load, read_table, split, table_of

N = 60
CELLS = {
    "age": [None if i % 7 == 0 else i % 11 + 0.5 for i in range(N)],
    "visits": [None if i % 9 == 0 else i % 5 for i in range(N)],
    "sex": [("male", "female", None)[i % 3] for i in range(N)],
    "member": [i % 4 == 0 for i in range(N)],
    "asked": [(True, False, None)[i % 3] for i in range(N)],
    "day": [datetime.date(2020, 1, 1 + i % 3) for i in range(N)],
    "price": [decimal.Decimal(i % 6) / 4 for i in range(N)],
    "key": [1000 + i for i in range(N)],
    "city": ["Köln" if i % 2 else "Ulm" for i in range(N)],
}
CLASSES = ["ja" if i % 2 else "nein" for i in range(N)]
KINDS = {
    "age": "number", "visits": "number", "sex": "categories", "member": "yes/no",
    "asked": "yes/no", "day": "categories", "price": "number", "key": "dropped",
    "city": "categories",
}  # fmt: skip


def in_csv(folder):
    lines = [",".join([*CELLS, "target"])]
    for row in zip(*CELLS.values(), CLASSES, strict=True):
        lines.append(",".join("" if cell is None else str(cell) for cell in row))
    (folder / "table.csv").write_text("\n".join(lines), encoding="utf-8")
    return folder / "table.csv"


def made(kind):
    columns = {**CELLS, "target": CLASSES}
    if kind == "polars":
        return polars.DataFrame(columns)
    frame = pandas.DataFrame(columns)
    if kind == "pandas, nullable":
        return frame.convert_dtypes()
    if kind == "pandas, categorical":
        return frame.astype({"sex": "category", "city": "category", "target": "category"})
    return pyarrow.table(columns) if kind == "arrow" else frame


FRAMES = ["pandas", "pandas, nullable", "pandas, categorical", "polars", "arrow"]


@pytest.mark.parametrize("kind", FRAMES)
def test_a_frame_is_what_its_csv_file_is(kind, tmp_path):
    one, other = from_frame(made(kind)), from_csv(in_csv(tmp_path))
    assert {column.name: column.kind for column in one.table.columns} == KINDS
    assert one.class_names == other.class_names
    assert one.digest == other.digest
    left, right = split(one), split(other)
    assert left.table == right.table
    np.testing.assert_array_equal(left.train_x, right.train_x)


@pytest.mark.parametrize("writer", ["pandas", "polars", "arrow"])
def test_a_parquet_file_is_what_its_csv_file_is(writer, tmp_path):
    path = tmp_path / "table.parquet"
    frame = made(writer)
    if writer == "pandas":
        frame.to_parquet(path)
    elif writer == "polars":
        frame.write_parquet(path)
    else:
        parquet.write_table(frame, path, use_dictionary=["sex", "city"], row_group_size=17)
    one, other = load(path), load(in_csv(tmp_path))
    assert (one.name, one.source, one.digest) == ("table", str(path), other.digest)


def test_dictionaries_of_arrow_are_text(tmp_path):
    columns = {"kind": pyarrow.array(["u", "v", None, "u"] * 5).dictionary_encode()}
    parquet.write_table(pyarrow.table({**columns, "y": [0, 1] * 10}), tmp_path / "a.parquet")
    (column,) = load(tmp_path / "a.parquet").table.columns
    assert column.categories == ("u", "v")


@pytest.mark.parametrize("bunch", [load_wine, load_breast_cancer])
@pytest.mark.parametrize("kind", ["pandas", "polars", "csv"])
def test_real_tables_of_numbers_keep_every_value(bunch, kind, tmp_path):
    frame = bunch(as_frame=True).frame
    if kind == "csv":
        frame.to_csv(tmp_path / "table.csv", index=False)
        data = load(tmp_path / "table.csv")
    else:
        data = from_frame(frame if kind == "pandas" else polars.from_pandas(frame))
    np.testing.assert_array_equal(data.train_images, bunch().data.astype(np.float32))
    np.testing.assert_array_equal(data.train_labels, bunch().target)
    assert split(data).table.lines() == []


@pytest.mark.parametrize("package", [pandas, polars], ids=["pandas", "polars"])
def test_durations_are_seconds(package):
    values = [datetime.timedelta(hours=1, milliseconds=500), None, datetime.timedelta(0)]
    (values,) = table_of(package.DataFrame({"a": values})).columns.values()
    np.testing.assert_array_equal(values, [3600.5, np.nan, 0])


@pytest.mark.parametrize("package", [pandas, polars], ids=["pandas", "polars"])
def test_dates_are_text(package):
    values = [datetime.datetime(2020, 1, 2), None]
    (values,) = table_of(package.DataFrame({"a": values})).columns.values()
    assert values[0].startswith("2020-01-02")
    assert values[1] == ""


def test_wishes_and_the_target_are_given_by_name():
    frame = made("pandas").rename(columns={"target": "answer"})
    with pytest.raises(DataError, match="the frame has no column named label, target, class, y"):
        from_frame(frame)
    data = from_frame(
        frame, target="answer", drop=["day"], categorical=["visits"], numeric=["key"], name="mine"
    )
    kinds = {column.name: column.kind for column in data.table.columns}
    assert (kinds["day"], kinds["visits"], kinds["key"]) == ("dropped", "categories", "number")
    assert (data.name, str(data)) == ("mine", "mine")


def test_columns_may_have_numbers_for_names():
    frame = pandas.DataFrame({0: [1.5, 2.5] * 4, 1: [0, 1] * 4})
    assert from_frame(frame, target="1").table.features == ("0",)


@pytest.mark.parametrize("kind", FRAMES)
def test_new_rows_may_be_a_frame(kind, tmp_path):
    table = split(from_csv(in_csv(tmp_path))).table
    expected = table.encode_table(read_table(tmp_path / "table.csv"))
    np.testing.assert_array_equal(table.encode_table(table_of(made(kind))), expected)


BAD = {
    "no rows": (pandas.DataFrame({"a": [], "y": []}), "the frame has no rows"),
    "twice": (pandas.DataFrame([[1, 2, 3]], columns=["a", "a", "y"]), "two columns named 'a'"),
    "infinite": (
        pandas.DataFrame({"a": [1, 2, np.inf], "y": [0, 1, 1]}),
        "the frame, row 2: column 'a' holds inf; needed is a finite number",
    ),
    "no class": (
        pandas.DataFrame({"a": [1, 2, 3], "y": ["u", "v", None]}),
        "the frame, row 2: column 'y' is empty; needed is a class",
    ),
    "no class number": (
        pandas.DataFrame({"a": [1, 2, 3], "y": [0, np.nan, 1]}),
        "the frame, row 1: column 'y' is empty",
    ),
    "fractions": (pandas.DataFrame({"a": [1, 2], "y": [0, 0.5]}), "holds fractions"),
    "only the classes": (pandas.DataFrame({"y": [0, 1]}), "no column beside 'y'"),
}


@pytest.mark.parametrize(("frame", "message"), BAD.values(), ids=BAD.keys())
def test_bad_frames_are_refused(frame, message):
    with pytest.raises(DataError, match=message):
        from_frame(frame)


def damaged(change):
    file = io.BytesIO()
    parquet.write_table(made("arrow"), file)
    return change(bytearray(file.getvalue()))


@pytest.mark.parametrize(
    "content",
    [b"", b"PAR1", b"junk" * 99, damaged(lambda b: b[: len(b) // 2]), damaged(lambda b: b[:-4]),
     damaged(lambda b: b[:40] + b"\xff" * 40 + b[80:])],
    ids=["empty", "a mark", "junk", "half", "no mark", "damaged"],
)  # fmt: skip
def test_what_is_no_parquet_is_refused_in_one_line(content, tmp_path):
    (tmp_path / "a.parquet").write_bytes(bytes(content))
    with pytest.raises(DataError, match=r"cannot read .*a.parquet as Parquet") as caught:
        load(tmp_path / "a.parquet")
    assert "\n" not in str(caught.value)


def test_a_parquet_file_that_needs_too_much_memory_is_not_read(tmp_path, monkeypatch):
    columns = {"a": np.zeros(10**6), "y": np.arange(10**6) % 2}
    parquet.write_table(pyarrow.table(columns), tmp_path / "a.parquet")
    assert (tmp_path / "a.parquet").stat().st_size < 10**6
    monkeypatch.setattr("jdend.data._limits.available_memory", lambda: 20_000_000)
    with pytest.raises(DataError, match="needs 16 MB of memory"):
        load(tmp_path / "a.parquet")


def test_what_parquet_needs_is_said_in_one_line(tmp_path, monkeypatch):
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(DataError, match=r"needs pyarrow: pip install 'jdend\[tables\]'"):
        load(tmp_path / "a.parquet")
