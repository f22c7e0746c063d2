"""The column of a table that holds the classes, or the numbers that regression predicts."""

from decimal import Decimal, InvalidOperation

import numpy as np

from jdend._messages import nearest
from jdend.data._dataset import INT64
from jdend.data._errors import DataError
from jdend.data._table import Table, listed

TARGETS = ("label", "target", "class", "y")


def target_column(names: list[str], target: str | None, source: str) -> str:
    """The name of the column of classes.

    Raises:
      DataError: if there is no such column, or no other.
    """
    if target is None:
        target = next((name for name in TARGETS if name in names), None)
        if target is None:
            raise DataError(
                f"{source} has no column named {', '.join(TARGETS)}; say which column holds the "
                f"classes with target=; there are {listed(names)}"
            )
    if target not in names:
        raise DataError(
            f"{source} has no column {target!r}; did you mean {nearest(target, names)!r}? "
            f"There are {listed(names)}"
        )
    if len(names) == 1:
        raise DataError(f"{source} has no column beside {target!r}; at least one feature is needed")
    return target


def checked_class(label: str, column: str, where: str) -> str:
    """A class as it is written; `DataError` if it is missing."""
    if not label:
        raise DataError(f"{where}: column {column!r} is empty; needed is a class")
    if "\n" in label or "\r" in label:
        raise DataError(f"{where}: a class of several lines; is a quote never closed?")
    return label


def labels_of(table: Table, target: str) -> np.ndarray:
    """The classes of a table, as `from_arrays` takes them; `DataError` names a row without one."""
    values = table.columns[target]
    if values.dtype.kind != "O":
        missing = values != values
        if missing.any():
            checked_class("", target, table.place(int(missing.argmax())))
        return values
    labels = values.tolist()
    good = {label for label in dict.fromkeys(labels) if label and not {*label} & {"\n", "\r"}}
    if len(good) < len({*labels}):
        row = next(i for i, label in enumerate(labels) if label not in good)
        checked_class(labels[row], target, table.place(row))
    return as_classes(labels, table.source)


def targets_of(table: Table, target: str) -> np.ndarray:
    """The numbers `[n]` that regression predicts; `DataError` names a row without one."""
    if table.columns[target].dtype.kind == "b":
        raise DataError(f"{table.source}: column {target!r} holds yes and no, which are classes")
    numbers = table.numbers(target)
    missing = np.isnan(numbers)
    if missing.any():
        place = table.place(int(missing.argmax()))
        raise DataError(f"{place}: column {target!r} is empty; needed is a number to predict")
    return numbers


def as_classes(labels: list[str], source: str) -> np.ndarray:
    """Whole numbers where all labels are numbers, so that 10 sorts after 9; words otherwise.

    Numbers that int64 does not hold are words, too: no two of them become one class.
    """
    words = np.array(labels, object)
    distinct = dict.fromkeys(labels)
    if not all(is_number(label) for label in distinct):
        return words
    numbers = {label: _exact(label) for label in distinct}
    for label, number in numbers.items():
        if not number.is_finite() or (_is_int64(number) and number != number.to_integral_value()):
            raise DataError(
                f"{source}: class {label!r} holds fractions; classes must be whole numbers or words"
            )
    if not all(map(_is_int64, numbers.values())):
        return words
    return np.array([int(numbers[label]) for label in labels], np.int64)


def _exact(label: str) -> Decimal:
    try:
        return Decimal(label)
    except InvalidOperation:  # an exponent of twenty digits, say
        return Decimal("Infinity")


def _is_int64(number: Decimal) -> bool:
    return INT64.min <= number <= INT64.max


def is_number(text: str) -> bool:
    """Whether Python reads a text as a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True
