"""How the columns of a table become the features of a network, by what the training part holds.

Shape letters: `n` examples, `C` columns that are read, `F` features.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np

from jdend.data._errors import DataError
from jdend.data._limits import check_fits
from jdend.data._table import Table, canonical, is_missing

Kind = Literal["number", "yes/no", "categories", "dropped"]
KINDS = get_args(Kind)
YES, NO = ("yes", "true", "y", "t"), ("no", "false", "n", "f")
_MOST_LINES, _MOST_SHOWN = 24, 8


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
      name: its name in the header.
      kind: `number`, which is standardised; `yes/no`, as 1 and 0; `categories`, one-hot: a feature
        for each of them; or `dropped`.
      categories: of the kind of that name, in order; before `fit` those of the whole table.
      fill: what stands for a missing value: the median, 1 or 0, or a category. None before `fit`.
      n_missing: how many values of the training part are missing.
      reason: why it is dropped.

    Raises:
      ValueError: if there is no such kind, two categories are the same, or `fill` is none of them.
    """

    name: str
    kind: Kind
    categories: tuple[str, ...] = ()
    fill: float | str | None = None
    n_missing: int = 0
    reason: str = ""

    def __post_init__(self):
        if self.kind not in KINDS:
            raise ValueError(
                f"the kind of column {self.name!r} must be one of {', '.join(KINDS)}, "
                f"got {self.kind!r}"
            )
        own = self.categories
        if len({*own}) < len(own) or (isinstance(self.fill, str) and self.fill not in own):
            raise ValueError(
                f"the categories of column {self.name!r} are not different, or lack its fill value"
            )

    @property
    def features(self) -> tuple[str, ...]:
        """The names of the features that it becomes."""
        if self.kind == "categories":
            return tuple(f"{self.name}={category}" for category in self.categories)
        return () if self.kind == "dropped" else (self.name,)

    @property
    def said(self) -> str:
        """What is done with it, in words."""
        if self.kind == "dropped":
            return f"dropped: {self.reason}"
        said = {
            "number": "number, standardised",
            "yes/no": "yes or no, as 1 or 0",
            "categories": f"one-hot: {_listed(self.categories)}",
        }[self.kind]
        if self.n_missing:
            fill = f"{self.fill:g}" if isinstance(self.fill, float) else str(self.fill)
            fill = {"1": "yes", "0": "no"}[fill] if self.kind == "yes/no" else fill
            which = "median" if self.kind == "number" else "most frequent"
            said += f"; {self.n_missing} missing in training, taken as {fill}, the {which}"
        return said


@dataclass(frozen=True)
class Preprocessing:
    """What is done with the columns of a table.

    A number stays as it is here; `Split.offset` and `Split.scale` standardise it.

    Attributes:
      columns: those of the table, in its order, without the classes.
      targets: the name of the column of classes, or of numbers to predict; of multilabel those of
        the labels.
    """

    columns: tuple[Column, ...]
    targets: tuple[str, ...]

    @property
    def read_columns(self) -> tuple[Column, ...]:
        """The columns that are not dropped: `C` of them."""
        return tuple(column for column in self.columns if column.kind != "dropped")

    @property
    def features(self) -> tuple[str, ...]:
        """The names of the `F` features, such as `age` and `colour=red`."""
        return tuple(name for column in self.columns for name in column.features)

    @property
    def standardised(self) -> np.ndarray:
        """`[F]` bool: which features are numbers; the others are 0 or 1 and stay so."""
        return np.array(
            [c.kind == "number" for c in self.columns for _ in c.features], dtype=np.bool_
        )

    def fit(self, values: np.ndarray) -> "Preprocessing":
        """The same columns, with the categories and the fill values of these training examples.

        Args:
          values: `[n, C]`; NaN where a value is missing, positions in `categories` for categories.
        """
        fitted = iter(map(_fitted, self.read_columns, values.T))
        columns = (column if column.kind == "dropped" else next(fitted) for column in self.columns)
        return replace(self, columns=tuple(columns))

    def refilled(self, values: np.ndarray) -> "Preprocessing":
        """The same features, with the fill values of these examples, `[n, C]` as `encode` takes
        them; a column that has no value there keeps its own."""
        fitted = iter(map(_fitted, self.read_columns, values.T))

        def refill(column: Column) -> Column:
            if column.kind == "dropped":
                return column
            there = next(fitted)
            return column if there.n_missing == len(values) else replace(column, fill=there.fill)

        return replace(self, columns=tuple(map(refill, self.columns)))

    @property
    def fills(self) -> np.ndarray:
        """`[F]` float32: the features of an example of which all values are missing."""
        return self.encode(np.full((1, len(self.read_columns)), np.nan, np.float32))[0]

    def missing(self, values: np.ndarray) -> np.ndarray:
        """`[n, F]` bool: the features whose values are missing in `[n, C]`."""
        widths = [len(column.features) for column in self.read_columns]
        return np.repeat(np.isnan(values), widths, axis=1)

    def recode(self, values: np.ndarray, before: "Preprocessing") -> np.ndarray:
        """`[n, C]` as `before.fit` takes it, with positions in the categories of this; -1 for what
        is not among them."""
        recoded = values
        for i, (column, old) in enumerate(zip(self.read_columns, before.read_columns, strict=True)):
            if column.categories != old.categories:
                recoded = recoded.copy() if recoded is values else recoded
                places = {category: at for at, category in enumerate(column.categories)}
                table = np.array([places.get(c, -1) for c in old.categories], np.float32)
                there = ~np.isnan(values[:, i])
                recoded[there, i] = table[values[there, i].astype(np.int64)]
        return recoded

    def encode(self, values: np.ndarray) -> np.ndarray:
        """The features `[n, F]` of `[n, C]`: missing values filled, categories one-hot; a category
        that training did not have has none. Numbers without holes are returned as they are."""
        columns = self.read_columns
        missing = np.isnan(values)
        if not missing.any() and all(column.kind == "number" for column in columns):
            return values
        check_fits(4 * len(values) * len(self.features), "a table with its categories one-hot")
        features = np.empty((len(values), len(self.features)), np.float32)
        at = 0
        for i, column in enumerate(columns):
            width, fill = len(column.features), column.fill
            if isinstance(fill, str):
                fill = column.categories.index(fill)
            filled = np.where(missing[:, i], -1 if fill is None else fill, values[:, i])
            if column.kind == "categories":
                filled = filled[:, np.newaxis] == np.arange(width)
            features[:, at : at + width] = filled.reshape(len(values), width)
            at += width
        return features

    def encode_table(self, table: Table) -> np.ndarray:
        """The features `[n, F]` of a table with the same columns, in any order, and others.

        A category that training did not have is none of the features; another value than yes and
        no is taken as missing.

        Raises:
          DataError: if a column is missing, or holds a word where numbers are needed.
        """
        wanted = [column.name for column in self.read_columns]
        lacking = [name for name in wanted if name not in table.columns]
        if lacking:
            raise DataError(
                f"{table.source} has no column {_listed(lacking, repr)}; needed are "
                f"{_listed(wanted)}; there are {_listed(list(table.columns))}"
            )
        read = [_values(table, column) for column in self.read_columns]
        return self.encode(np.stack(read, axis=1).astype(np.float32))

    def remarks(self, table: Table) -> list[str]:
        """What of a table is not used, and which values training did not have, a line each."""
        known = {column.name for column in self.columns} | {*self.targets}
        others = [name for name in table.columns if name not in known]
        remarks = [f"not read, since training had no such column: {_listed(others)}"]
        remarks = remarks if others else []
        for column in self.read_columns:
            unknown = _unknown(table, column)
            if unknown:
                as_what = "none of its categories" if column.kind == "categories" else "missing"
                remarks.append(
                    f"column {column.name!r} holds {_listed(unknown, repr)}, which training did "
                    f"not have: taken as {as_what}"
                )
        return remarks

    def lines(self) -> list[str]:
        """What is done with the columns, a line each; none for plain numbers without holes."""
        plain = [c.name for c in self.columns if c.kind == "number" and not c.n_missing]
        if len(plain) == len(self.columns):
            return []
        lines = [f"column {c.name!r}: {c.said}" for c in self.columns if c.name not in plain]
        if len(lines) > _MOST_LINES:
            lines[_MOST_LINES - 1 :] = [f"and so on: {len(lines) - _MOST_LINES + 1} more columns"]
        if plain:
            lines.append(f"numbers, standardised: {_listed(plain)}")
        return lines


def _fitted(column: Column, values: np.ndarray) -> Column:
    there = values[~np.isnan(values)]
    n_missing = len(values) - len(there)
    if column.kind == "categories":
        counts = np.bincount(there.astype(np.int64), minlength=len(column.categories))
        kept = [name for name, n in zip(column.categories, counts, strict=True) if n]
        fill = column.categories[int(counts.argmax())] if kept else None
        return replace(column, categories=tuple(kept), fill=fill, n_missing=n_missing)
    fill = 0.0
    if len(there):
        middle = np.median(there) if column.kind == "number" else there.mean() > 0.5
        fill = float(np.float32(middle))
    return replace(column, fill=fill, n_missing=n_missing)


def _values(table: Table, column: Column) -> np.ndarray:
    """`[n]` float64, as `Preprocessing.encode` reads a column."""
    if column.kind == "number":
        return table.numbers(column.name)
    codes = {text: _code(text, column, table) for text in table.distinct(column.name)}
    return np.array([codes[text] for text in table.texts(column.name)], np.float64)


def _code(text: str, column: Column, table: Table) -> float:
    """The position of a category, or 1 and 0 for yes and no; NaN for a missing value."""
    if column.kind == "categories":
        if text in column.categories:
            return column.categories.index(text)
        if is_missing(text):
            return np.nan
        number = table.number(text)
        same = None if number is None else canonical(number)
        return column.categories.index(same) if same in column.categories else -1
    return yes_or_no(text, table)


def yes_or_no(text: str, table: Table) -> float:
    """1 for yes and 0 for no, as words or numbers; NaN for all else."""
    number = table.number(text)
    if text.casefold() in YES or number == 1:
        return 1.0
    return 0.0 if text.casefold() in NO or number == 0 else np.nan


def _unknown(table: Table, column: Column) -> list[str]:
    """The values of a column that training did not have."""
    if column.kind == "number":
        return []
    codes = {text: _code(text, column, table) for text in table.distinct(column.name)}
    return [text for text, code in codes.items() if not is_missing(text) and not 0 <= code < np.inf]


def _listed(names: Sequence[str], form: Any = str) -> str:
    short = [name if len(name) <= 40 else f"{name[:39]}…" for name in names[:_MOST_SHOWN]]
    shown = ", ".join(map(form, short))
    return shown if len(names) <= _MOST_SHOWN else f"{shown}, … ({len(names)} in all)"
