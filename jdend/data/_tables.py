"""The user's own data: `.npz` files and CSV tables."""

import csv
import itertools
from array import array
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import numpy as np

from jdend._messages import reason
from jdend.data._array_files import open_arrays
from jdend.data._class_column import as_classes, checked_class, is_number, target_columns
from jdend.data._column_kinds import Wishes, dataset_of, plain_dataset
from jdend.data._dataset import Dataset, from_arrays
from jdend.data._errors import DataError
from jdend.data._frames import read_parquet
from jdend.data._limits import check_fits, regular_file
from jdend.data._table import Table, listed
from jdend.data._targets import CLASSIFICATION, check_task

if TYPE_CHECKING:
    from _csv import Reader

_NPZ_LAYOUTS = (
    ("train_images", "train_labels", "test_images", "test_labels"),
    ("x_train", "y_train", "x_test", "y_test"),
    ("images", "labels"),
    ("x", "y"),
    ("X", "y"),
    ("data", "target"),
)
_DELIMITERS = (",", ";", "\t")
_MAX_LINE_CHARACTERS = 2**25
_BYTES_OF_TEXT = 10
"""So many bytes a byte of a file takes as strings, at most on average."""


def from_npz(path: str | Path, *, task: str = "classification") -> Dataset:
    """Loads the user's own arrays from an `.npz` file.

    Its arrays are named `train_images`, `train_labels`, `test_images`, `test_labels` (or `x_train`,
    `y_train`, `x_test`, `y_test`), or, without a test part, `images` and `labels` (or `x` and `y`,
    or `data` and `target`); `class_names` may be there too. `from_arrays` says what they may hold,
    and what `task` is.

    Raises:
      DataError: if it cannot be read, lacks those arrays, holds what `from_arrays` refuses, or
        its arrays need more than half of the memory that is free.
    """
    file = open_arrays(path)
    path = file.path
    if file.single:
        raise DataError(f"{path} is a single array; needed is an .npz file of several")
    layout = next((keys for keys in _NPZ_LAYOUTS if {*keys[:2]} <= {*file.names}), None)
    if layout is None:
        layouts = "; ".join(", ".join(layout) for layout in _NPZ_LAYOUTS)
        raise DataError(
            f"{path} holds {listed(list(file.names)) or 'no arrays'}; needed are arrays named as "
            f"in one of: {layouts}"
        )
    read = [key for key in (*layout, "class_names") if key in file.names]
    arrays = dict(zip(read, file.read(read), strict=True))
    names = arrays.get("class_names")
    if names is not None and names.ndim != 1:
        raise DataError(
            f"{path}: class_names has shape {list(names.shape)}; needed is one name a class, [k]"
        )
    return from_arrays(
        arrays[layout[0]],
        arrays[layout[1]],
        *(arrays.get(key) for key in layout[2:]),
        class_names=None if names is None else _Texts(names),
        name=path.stem,
        source=str(path),
        task=task,
    )


def from_csv(
    path: str | Path,
    *,
    target: str | Sequence[str] | None = None,
    drop: Collection[str] = (),
    categorical: Collection[str] = (),
    numeric: Collection[str] = (),
    task: str = "classification",
) -> Dataset:
    """Loads a table with a column of classes from a text file with a header line.

    Of numbers without holes the data set holds what the file holds. All other columns are read by
    the rule in docs/tables.md, of which `Dataset.table` says what came out.

    Args:
      path: the file. Of commas, semicolons and tabs, what parts its header into most columns
        separates; double quotes enclose. Between semicolons, 1,5 is one and a half.
      target: the column that holds the classes, as numbers or as words; default: the first of
        `label`, `target`, `class` and `y` that the header has. All other columns are features. Of
        multilabel the columns of the labels, a list or text with commas between them, which hold 1
        and 0, or yes and no.
      drop: columns that are left out.
      categorical: columns that are categories, also if they are numbers or have many values.
      numeric: columns that are numbers: words in them are missing values, and one that numbers the
        rows stays.
      task: `classification`; `regression`, then the target column holds numbers; or `multilabel`,
        for rows that have any number of labels.

    Raises:
      DataError: if it cannot be read, lacks a column that is named, has lines of different lengths,
        a class that is missing, a word or an infinity among numbers (the message names the line),
        no column left, or is too large for the free memory.
    """
    check_task(task)
    wishes = Wishes.of(drop, categorical, numeric)
    path = regular_file(path)
    name, source = path.stem, str(path)
    check_fits(path.stat().st_size, source)
    with _csv_rows(path) as (reader, header, _):
        _check_header(header, path)
        targets = target_columns(header, target, task, source)
        names = [column for column in header if column not in targets]
        wishes.check(names, targets, source, task)
        plain = None
        if not wishes.categorical and task == CLASSIFICATION:
            plain = _plain_rows(reader, header, header.index(targets[0]), wishes, path)
    if plain is None:
        return dataset_of(read_table(path), targets, wishes, name=name, task=task)
    numbers, texts = plain
    labels = as_classes(texts, source)
    return plain_dataset(numbers, labels, names, targets[0], wishes, name=name, source=source)


def read_table(path: str | Path) -> Table:
    """All columns of a CSV file, as text, or of a Parquet file.

    Raises:
      DataError: if it cannot be read, has no header, lines of different lengths, or needs more than
        half of the free memory; for Parquet also if pyarrow is not installed.
    """
    path = regular_file(path)
    if path.suffix.lower() == ".parquet":
        return read_parquet(path)
    check_fits(_BYTES_OF_TEXT * path.stat().st_size, str(path))
    interned: dict[str, str] = {}  # equal texts share one string
    with _csv_rows(path) as (reader, header, mark):
        _check_header(header, path)
        columns: list[list[str]] = [[] for _ in header]
        lines = array("q")
        for row, _ in _rows(reader, header, path):
            for column, text in zip(columns, map(str.strip, row), strict=True):
                column.append(interned.setdefault(text, text))
            lines.append(reader.line_num)
    if not lines:
        raise DataError(f"{path} has a header and no examples")
    arrays = {name: np.array(column, object) for name, column in zip(header, columns, strict=True)}
    return Table(arrays, str(path), lines, decimal_comma=mark == ";")


class _Texts(Sequence[str]):
    """An array as a sequence of text; each text is made only when it is read."""

    def __init__(self, values: np.ndarray) -> None:
        self._values = values

    def __len__(self) -> int:
        return len(self._values)

    def __getitem__(self, index):
        return str(self._values[index])


@contextmanager
def _csv_rows(path: Path) -> Iterator[tuple["Reader", list[str], str]]:
    """A file's rows below its header, the header, and what parts the columns."""
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            lines = _lines(file, path)
            first = next(lines, "")
            mark = max(_DELIMITERS, key=lambda mark: _n_columns(first, mark))
            reader = csv.reader(itertools.chain([first], lines), delimiter=mark)
            yield reader, [column.strip() for column in next(reader, [])], mark
    except UnicodeDecodeError as error:
        raise DataError(
            f"cannot read {path}: it is not UTF-8 text ({error.reason}); save it as UTF-8"
        ) from None
    except csv.Error as error:
        raise DataError(f"cannot read {path}: {error}; is a quote never closed?") from None
    except OSError as error:
        raise DataError(f"cannot read {path}: {reason(error)}") from None


def _lines(file: TextIO, path: Path) -> Iterator[str]:
    """The lines of a file; checks that none is too long or holds NUL."""
    number = 0
    while line := file.readline(_MAX_LINE_CHARACTERS):
        number += 1
        if len(line) == _MAX_LINE_CHARACTERS:
            raise DataError(
                f"{path}, line {number} is longer than {_MAX_LINE_CHARACTERS} characters"
            )
        if "\0" in line:
            raise DataError(f"{path}, line {number} holds a NUL byte; save it as UTF-8 text")
        yield line


def _n_columns(line: str, mark: str) -> int:
    """How many columns a header has if that mark parts them."""
    try:
        return len(next(csv.reader([line], delimiter=mark), []))
    except csv.Error:  # a longer column than any can be
        return 0


def _check_header(header: list[str], path: Path) -> None:
    if not any(header):
        raise DataError(f"{path} is empty; needed is a header line and one line an example")
    if all(is_number(column) for column in header):
        raise DataError(f"{path} has no header line; its first line must name the columns")
    twice = [column for column, n in Counter(header).items() if n > 1]
    if twice:
        raise DataError(f"{path} has two columns named {min(twice)!r}; rename one")


def _rows(reader: "Reader", header: list[str], path: Path) -> Iterator[tuple[list[str], str]]:
    """The rows of a file, and where each of them is."""
    for row in filter(None, reader):
        where = f"{path}, line {reader.line_num}"
        if len(row) != len(header):
            raise DataError(f"{where}: {len(row)} fields, and the header has {len(header)}")
        yield row, where


def _plain_rows(
    reader: "Reader", header: list[str], column: int, wishes: Wishes, path: Path
) -> tuple[np.ndarray, list[str]] | None:
    """The features, `[n, C]` float32, and the classes as they are written; None if a feature is not
    a finite number."""
    features, labels = array("f"), []
    dropped = [i for i, name in enumerate(header) if name in wishes.drop]
    omitted = sorted([column, *dropped], reverse=True)
    interned: dict[str, str] = {}  # equal labels share one string
    for row, where in _rows(reader, header, path):
        label = checked_class(row[column].strip(), header[column], where)
        for i in omitted:
            del row[i]
        numbers = _numbers(row)
        if numbers is None:
            return None
        labels.append(interned.setdefault(label, label))
        features.frombytes(numbers.tobytes())
    if not labels:
        raise DataError(f"{path} has a header and no examples")
    return np.frombuffer(features, np.float32).reshape(len(labels), -1), labels


def _numbers(fields: list[str]) -> np.ndarray | None:
    """The numbers of a row as float32, or None if one is none, not finite or too large."""
    try:
        numbers = np.array(fields, np.float64)
    except ValueError:
        return None
    # float32 would turn larger numbers into infinity.
    finite = np.abs(numbers) <= np.finfo(np.float32).max
    return numbers.astype(np.float32) if finite.all() else None
