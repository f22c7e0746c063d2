"""A table in memory, and how its cells are read.

Shape letters: `n` rows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from jdend.data._errors import DataError

_MISSING = frozenset(("", "?", "na", "n/a", "#n/a", "nan", "null", "none", "<na>"))
"""What stands for a missing value, in any case of letters."""


def listed(names: Sequence[str]) -> str:
    """Names in a message: the first of them."""
    shown = ", ".join(names[:12])
    return shown if len(names) <= 12 else f"{shown}, … ({len(names)} in all)"


def is_missing(text: str) -> bool:
    """Whether a cell's text stands for a missing value."""
    return text.casefold() in _MISSING


def canonical(number: float) -> str:
    """The text of a number as a category: the same for 3, 3.0 and 3e0."""
    whole = abs(number) < 2**53 and number == np.round(number)
    return str(int(number)) if whole else repr(float(number))


@dataclass(frozen=True, eq=False)
class Table:
    """A table in memory.

    Attributes:
      columns: by name `[n]` numbers with NaN where one is missing, bools, or an object array of
        strings.
      source: what it is called in messages.
      line_numbers: the line of each row in its file; None for a table that is in no file.
      decimal_comma: whether 1,5 is one and a half.
    """

    columns: Mapping[str, np.ndarray]
    source: str
    line_numbers: Sequence[int] | None = None
    decimal_comma: bool = False

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))

    def place(self, row: int) -> str:
        """Where a row is, for messages."""
        if self.line_numbers is None:
            return f"{self.source}, row {row}"
        return f"{self.source}, line {self.line_numbers[row]}"

    def number(self, text: str) -> float | None:
        """The number that a text is, or None."""
        if self.decimal_comma and text.count(",") == 1 and "." not in text:
            text = text.replace(",", ".")
        try:
            return float(text)
        except ValueError:
            return None

    def texts(self, name: str) -> np.ndarray:
        """A column as strings: numbers in their canonical form, empty where they are missing."""
        values = self.columns[name]
        if values.dtype.kind == "O":
            return values
        if values.dtype.kind == "b":
            return np.array([str(value) for value in values.tolist()], object)
        return np.array(["" if v != v else canonical(v) for v in values.tolist()], object)

    def distinct(self, name: str) -> dict[str, int]:
        """How often each text of a column occurs, in the order of the first of each."""
        counts: dict[str, int] = {}
        for text in self.texts(name).tolist():
            counts[text] = counts.get(text, 0) + 1
        return counts

    def numbers(self, name: str, *, words_are_missing: bool = False) -> np.ndarray:
        """A column as `[n]` float64, NaN where a value is missing.

        Raises:
          DataError: names the first cell that is no finite number of float32.
        """
        values = self.columns[name]
        if values.dtype.kind != "O":
            numbers, missing = values.astype(np.float64), np.isnan(values.astype(np.float64))
        else:
            of = {text: self.number(text) for text in dict.fromkeys(values.tolist())}
            skipped = {
                text
                for text, number in of.items()
                if is_missing(text) or (number is None and words_are_missing)
            }
            missing = np.array([text in skipped for text in values.tolist()], np.bool_)
            read = [of[text] for text in values.tolist()]
            numbers = np.array([np.nan if number is None else number for number in read])
            numbers[missing] = np.nan
        bad = ~missing & ~(np.abs(numbers) <= np.finfo(np.float32).max)
        if bad.any():
            row = int(bad.argmax())
            raise DataError(
                f"{self.place(row)}: column {name!r} holds {values.tolist()[row]!r}; needed is a "
                "finite number"
            )
        return numbers
