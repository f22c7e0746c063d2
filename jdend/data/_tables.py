"""The user's own data: `.npz` files and CSV tables."""

import csv
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO

import numpy as np

from jdend._words import nearest
from jdend.data._dataset import Dataset, from_arrays
from jdend.data._errors import DataError

_NPZ_LAYOUTS = (
    ("train_images", "train_labels", "test_images", "test_labels"),
    ("x_train", "y_train", "x_test", "y_test"),
    ("images", "labels"),
    ("x", "y"),
    ("X", "y"),
    ("data", "target"),
)
_TARGETS = ("label", "target", "class", "y")


def from_npz(path: str | Path) -> Dataset:
    """Loads the user's own arrays from an `.npz` file.

    Its arrays are named `train_images`, `train_labels`, `test_images`, `test_labels` (or `x_train`,
    `y_train`, `x_test`, `y_test`), or, without a test part, `images` and `labels` (or `x` and `y`,
    or `data` and `target`); `class_names` may be there too. `from_arrays` says what they may hold.

    Raises:
      DataError: if it cannot be read, lacks those arrays, or holds what `from_arrays` refuses.
    """
    path = Path(path).expanduser()
    arrays = _read_npz(path)
    for layout in _NPZ_LAYOUTS:
        train, test = layout[:2], layout[2:]
        if all(key in arrays for key in train):
            break
    else:
        layouts = "; ".join(", ".join(layout) for layout in _NPZ_LAYOUTS)
        raise DataError(
            f"{path} holds {', '.join(arrays) or 'no arrays'}; needed are arrays named as in one "
            f"of: {layouts}"
        )
    names = arrays.get("class_names")
    return from_arrays(
        arrays[train[0]],
        arrays[train[1]],
        *(arrays.get(key) for key in test),
        class_names=None if names is None else [str(name) for name in names],
        name=path.stem,
        source=str(path),
    )


def from_csv(path: str | Path, *, target: str | None = None) -> Dataset:
    """Loads a table of numbers with one column of classes from a CSV file with a header line.

    Args:
      path: the file; commas separate, double quotes enclose.
      target: the column that holds the classes, as numbers or as words; default: the first of
        `label`, `target`, `class` and `y` that there is. All other columns are features.

    Raises:
      DataError: if it cannot be read, lacks the column, or has lines of other lengths or
        features that are not finite numbers; names the line.
    """
    path = Path(path).expanduser()
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            header = [column.strip() for column in next(csv.reader(file), [])]
            column = _target_column(header, target, path)
            file.seek(0)
            features, labels = _read_rows(file, header, column, path)
    except FileNotFoundError:
        raise DataError(f"{path} does not exist") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"cannot read {path}: {error}") from error
    return from_arrays(features, _as_classes(labels), name=path.stem, source=str(path))


def _read_npz(path: Path) -> Mapping[str, np.ndarray]:
    try:
        opened = np.load(path, allow_pickle=False)
        if not isinstance(opened, np.ndarray):
            with opened:
                return {key: opened[key] for key in opened.files}
    except FileNotFoundError:
        raise DataError(f"{path} does not exist") from None
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"cannot read {path} as .npz: {error}") from error
    raise DataError(f"{path} is a single array; needed is an .npz file of several")


def _target_column(header: list[str], target: str | None, path: Path) -> int:
    if not any(header):
        raise DataError(f"{path} is empty; needed is a header line and one line an example")
    if all(_is_number(column) for column in header):
        raise DataError(f"{path} has no header line; its first line must name the columns")
    twice = {column for column in header if header.count(column) > 1}
    if twice:
        raise DataError(f"{path} has two columns named {min(twice)!r}; rename one")
    if target is None:
        target = next((name for name in _TARGETS if name in header), None)
        if target is None:
            raise DataError(
                f"{path} has no column named {', '.join(_TARGETS)}; say which column holds the "
                f"classes with target=; there are {_some(header)}"
            )
    if target not in header:
        raise DataError(
            f"{path} has no column {target!r}; did you mean {nearest(target, header)!r}? "
            f"There are {_some(header)}"
        )
    if len(header) == 1:
        raise DataError(f"{path} has no column beside {target!r}; at least one feature is needed")
    return header.index(target)


def _read_rows(
    file: TextIO, header: list[str], column: int, path: Path
) -> tuple[np.ndarray, list[str]]:
    """The features, `[n, F]`, and the classes as they are written."""
    features, labels = [], []
    reader = csv.reader(file)
    next(reader)
    for row in filter(None, reader):
        where = f"{path}, line {reader.line_num}"
        if len(row) != len(header):
            raise DataError(f"{where}: {len(row)} fields, and the header has {len(header)}")
        label = row.pop(column).strip()
        if not label:
            raise DataError(f"{where}: column {header[column]!r} is empty; needed is a class")
        labels.append(label)
        features.append(_numbers(row, header[:column] + header[column + 1 :], where))
    if not features:
        raise DataError(f"{path} has a header and no examples")
    table = np.stack(features)
    pixels = np.all((table >= 0) & (table <= 255) & (table == np.round(table)))
    return table.astype(np.uint8) if pixels else table, labels


def _numbers(fields: list[str], columns: list[str], where: str) -> np.ndarray:
    try:
        numbers = np.array(fields, np.float64)
    except ValueError:
        numbers = np.array([float(field) if _is_number(field) else np.nan for field in fields])
    # Left to itself, float32 would turn what is too large into infinity.
    finite = np.abs(numbers) <= np.finfo(np.float32).max
    if not finite.all():
        bad = int(np.argmin(finite))
        raise DataError(
            f"{where}: column {columns[bad]!r} holds {fields[bad]!r}; needed is a finite number"
        )
    return numbers.astype(np.float32)


def _as_classes(labels: list[str]) -> np.ndarray:
    """Numbers where all labels are numbers, so that 10 sorts after 9; words otherwise."""
    if all(_is_number(label) for label in labels):
        return np.array([float(label) for label in labels])
    return np.array(labels)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _some(columns: list[str]) -> str:
    shown = ", ".join(columns[:12])
    return shown if len(columns) <= 12 else f"{shown}, … ({len(columns)} in all)"
