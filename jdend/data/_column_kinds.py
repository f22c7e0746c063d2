"""The rule by which the columns of a table are read, and a data set of a table.

A column's kind follows from the whole table, without its classes; what is computed, such as medians
and categories, `Preprocessing.fit` takes from the training part alone.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np

from jdend._messages import nearest, shown
from jdend.data._class_column import learnt_of, target_columns
from jdend.data._dataset import Dataset, from_arrays, from_columns
from jdend.data._errors import DataError
from jdend.data._limits import check_fits
from jdend.data._preprocessing import NO, YES, Column, Preprocessing
from jdend.data._table import Table, canonical, is_missing
from jdend.data._targets import CLASSIFICATION, MULTILABEL, REGRESSION, check_task

__all__ = ["Wishes", "dataset_of", "plain_dataset"]

# What the columns hold that are to be learnt.
HELD = {CLASSIFICATION: "the classes", REGRESSION: "the target", MULTILABEL: "labels"}

MOST_CATEGORIES = 64
LEAST_COUNTED = 20
"""A table of fewer rows has no column that counts them."""
WORDS_AMONG_NUMBERS = 0.05
"""Fewer words than this share of a column are errors in a column of numbers."""
_EXACT = 2**24
"""Up to here float32 tells whole numbers apart."""


@dataclass(frozen=True)
class Wishes:
    """What the user says of columns, by their names; it comes before the rule.

    Attributes:
      drop: columns that are left out.
      categorical: columns that are categories, however many there are.
      numeric: columns that are numbers: words in them are missing values, and counters stay.
    """

    drop: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    numeric: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, drop: Collection[str], categorical: Collection[str], numeric: Collection[str]
    ) -> "Wishes":
        """Raises `DataError` for what is no list of names."""
        given = {"drop": drop, "categorical": categorical, "numeric": numeric}
        for name, columns in given.items():
            if isinstance(columns, str) or not all(isinstance(column, str) for column in columns):
                raise DataError(
                    f"{name}={shown(columns)} is not allowed; give a list of names of columns"
                )
        return cls(*(tuple(columns) for columns in given.values()))

    def __bool__(self) -> bool:
        return bool(self.drop or self.categorical or self.numeric)

    def check(
        self,
        names: Sequence[str],
        targets: Sequence[str],
        source: str,
        task: str = CLASSIFICATION,
    ) -> None:
        """Raises `DataError` for a column that is not there, is to be learnt or has two wishes, and
        if none is left."""
        counts = Counter([*self.drop, *self.categorical, *self.numeric])
        for name, n in counts.items():
            if name in targets:
                raise DataError(
                    f"{name!r} holds {HELD[task]}; drop, categorical and numeric name other columns"
                )
            if name not in names:
                raise DataError(
                    f"{source} has no column {name!r}; did you mean {nearest(name, names)!r}?"
                )
            if n > 1:
                raise DataError(f"column {name!r} is named twice in drop, categorical and numeric")
        if {*names} <= {*self.drop}:
            raise DataError(f"drop leaves {source} no column to learn from")


def plain_dataset(
    numbers: np.ndarray,
    labels: np.ndarray,
    names: Sequence[str],
    target: str,
    wishes: Wishes,
    *,
    name: str,
    source: str,
) -> Dataset:
    """A data set of columns of numbers without holes, and one of classes.

    Args:
      numbers: `[n, C]` float32, without the columns that are dropped by wish.
      labels: `[n]`, as `from_arrays` takes them.
      names: of all columns but that of the classes.
      target: the name of the column of classes.
      wishes: none of them for categories.
      name, source: those of the data set.
    """
    kept = [column for column in names if column not in wishes.drop]
    counts = [
        column not in wishes.numeric and _counts_rows(values)
        for column, values in zip(kept, numbers.T, strict=True)
    ]
    counters = {column for column, is_counter in zip(kept, counts, strict=True) if is_counter}
    columns = tuple(
        _dropped(column, "as you said")
        if column in wishes.drop
        else _dropped(column, _COUNTS)
        if column in counters
        else Column(column, "number")
        for column in names
    )
    if any(counts):
        numbers = numbers[:, ~np.array(counts)]
    _check_some(columns, source)
    table = Preprocessing(columns, (target,))
    return _of_numbers(numbers, labels, table, name, source, CLASSIFICATION)


def _of_numbers(
    numbers: np.ndarray, labels: np.ndarray, table: Preprocessing, name: str, source: str, task: str
) -> Dataset:
    """A data set of columns of numbers without holes, those that are read."""
    dataset = from_arrays(
        _bytes_or_float32(numbers),
        labels,
        class_names=None if task == CLASSIFICATION else table.targets,
        name=name,
        source=source,
        task=task,
    )
    return replace(dataset, table=table)


def dataset_of(
    table: Table,
    target: str | Sequence[str] | None,
    wishes: Wishes,
    *,
    name: str,
    task: str = "classification",
) -> Dataset:
    """A data set of a table.

    Args:
      table: the table.
      target: as of `target_columns`.
      wishes: what the user says of columns.
      name: the name of the data set.
      task: what is learnt of it.

    Raises:
      DataError: if there is no column of classes, no other is left, or a cell is neither of its
        column's kind nor missing.
    """
    check_task(task)
    targets = target_columns(list(table.columns), target, task, table.source)
    names = [column for column in table.columns if column not in targets]
    wishes.check(names, targets, table.source, task)
    check_fits(4 * len(table) * len(names), table.source)
    read = [_read(column, table, wishes) for column in names]
    columns = tuple(column for column, _ in read)
    _check_some(columns, table.source)
    kept = [values for _, values in read if values is not None]
    values = np.stack(kept, axis=1).astype(np.float32)
    labels = learnt_of(table, targets, task)
    preprocessing = Preprocessing(columns, targets)
    if all(c.kind in ("number", "dropped") for c in columns) and not np.isnan(values).any():
        return _of_numbers(values, labels, preprocessing, name, table.source, task)
    return from_columns(values, labels, preprocessing, name=name, source=table.source, task=task)


def _read(name: str, table: Table, wishes: Wishes) -> tuple[Column, np.ndarray | None]:
    """What a column is, and its values `[n]` as `Preprocessing.fit` takes them."""
    if name in wishes.drop:
        return _dropped(name, "as you said"), None
    values = table.columns[name]
    if name in wishes.categorical:
        return _categories(name, table, [t for t in table.distinct(name) if not is_missing(t)])
    if values.dtype.kind == "O" and name not in wishes.numeric:
        there = {text: n for text, n in table.distinct(name).items() if not is_missing(text)}
        words = [text for text in there if table.number(text) is None]
        n_words, n_there = sum(there[text] for text in words), sum(there.values())
        if not there:
            return _dropped(name, "it has no values"), None
        if n_words >= max(1, WORDS_AMONG_NUMBERS * n_there):
            return _words(name, table, there)
        if words:
            row = table.columns[name].tolist().index(words[0])
            raise DataError(
                f"{table.place(row)}: column {name!r} holds {words[0]!r} among numbers; correct "
                "it, or name the column in numeric (then words are missing values), categorical "
                "or drop"
            )
    if values.dtype.kind == "b":
        return _words(name, table, table.distinct(name))
    numbers = table.numbers(name, words_are_missing=name in wishes.numeric)
    if np.isnan(numbers).all():
        return _dropped(name, "it has no values"), None
    if name not in wishes.numeric and _counts_rows(numbers):
        return _dropped(name, _COUNTS), None
    return Column(name, "number"), numbers


def _words(name: str, table: Table, there: dict[str, int]) -> tuple[Column, np.ndarray | None]:
    """What a column of text is; `there` counts its values."""
    n_there = sum(there.values())
    if len(there) == 1:
        return _dropped(name, f"all its values are {next(iter(there))!r}"), None
    if len(there) == n_there:
        return _dropped(name, f"an identifier: its {n_there} values all differ"), None
    folded = {text.casefold() for text in there}
    if any(folded == pair for pair in map(set, zip(YES, NO, strict=True))):
        of = {text: float(text.casefold() in YES) for text in there}
        return Column(name, "yes/no"), _coded(table, name, of)
    if len(there) > MOST_CATEGORIES or 2 * len(there) > n_there:
        return _dropped(
            name,
            f"{len(there)} different values in {n_there} rows are too many (named in categorical "
            "it is one-hot)",
        ), None
    return _categories(name, table, list(there))


def _categories(name: str, table: Table, there: list[str]) -> tuple[Column, np.ndarray]:
    numbers = {text: table.number(text) for text in there}
    if all(number is not None and np.isfinite(number) for number in numbers.values()):
        number_of = {canonical(number): number for number in numbers.values() if number is not None}
        categories = sorted(number_of, key=number_of.__getitem__)
        same = {text: canonical(number) for text, number in numbers.items() if number is not None}
    else:
        categories, same = sorted(there), {text: text for text in there}
    place = {category: float(i) for i, category in enumerate(categories)}
    of = {text: place[same[text]] for text in there}
    return Column(name, "categories", tuple(categories)), _coded(table, name, of)


def _coded(table: Table, name: str, of: dict[str, float]) -> np.ndarray:
    return np.array([of.get(text, np.nan) for text in table.texts(name).tolist()], np.float64)


def _counts_rows(values: np.ndarray) -> bool:
    """Whether a column numbers its rows: n whole numbers in a row, in any order."""
    n = len(values)
    low, high = values.min(), values.max()
    if n < LEAST_COUNTED or high - low != n - 1 or max(abs(low), abs(high)) > _EXACT:
        return False
    return bool((np.sort(values) == low + np.arange(n)).all())


_COUNTS = "it numbers the rows (named in numeric it is a feature)"


def _dropped(name: str, reason: str) -> Column:
    return Column(name, "dropped", reason=reason)


def _check_some(columns: Sequence[Column], source: str) -> None:
    if all(column.kind == "dropped" for column in columns):
        why = "; ".join(f"{column.name}: {column.reason}" for column in columns[:3])
        raise DataError(f"{source} has no column left to learn from ({why})")


def _bytes_or_float32(table: np.ndarray) -> np.ndarray:
    pixels = np.all((table >= 0) & (table <= 255) & (table == np.round(table)))
    return table.astype(np.uint8) if pixels else table
