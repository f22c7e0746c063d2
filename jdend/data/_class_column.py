"""The columns of a table that hold what is learnt: classes, numbers to predict, or labels.

Shapes: `n` rows, `K` labels.
"""

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation

import numpy as np

from jdend._messages import nearest
from jdend.data._errors import DataError
from jdend.data._preprocessing import yes_or_no
from jdend.data._table import Table, is_missing, listed
from jdend.data._targets import CLASSIFICATION, INT64, MULTILABEL, REGRESSION

TARGETS = ("label", "target", "class", "y")


def target_columns(
    names: list[str], target: str | Sequence[str] | None, task: str, source: str
) -> tuple[str, ...]:
    """The names of the columns that hold what is learnt: one, of multilabel one a label.

    Args:
      names: all columns of the table.
      target: those meant; text with commas between them is several, if the task is multilabel. None
        for the first of `TARGETS` that is there.
      task: what is learnt.
      source: what the table is called in messages.

    Raises:
      DataError: if there is no such column, or no other, or the task does not go with so many.
    """
    if target is None:
        target = next((name for name in TARGETS if name in names), None)
        if target is None:
            raise DataError(
                f"{source} has no column named {', '.join(TARGETS)}; say which column holds the "
                f"classes with target=; there are {listed(names)}"
            )
    if isinstance(target, str):
        parts = [name.strip() for name in target.split(",")]
        several = task == MULTILABEL or all(name in names for name in parts)
        target = parts if target not in names and several else [target]
    for name in target:
        if name not in names:
            raise DataError(
                f"{source} has no column {name!r}; did you mean {nearest(name, names)!r}? "
                f"There are {listed(names)}"
            )
    if len({*target}) < len(target) or not target:
        raise DataError(f"target={list(target)!r} is not allowed; name each column once")
    if task != MULTILABEL and len(target) > 1:
        raise DataError(
            f"target={list(target)!r} names {len(target)} columns, and {task} takes one: say "
            "task='multilabel' if each is a label"
        )
    if len(names) == len(target):
        beside = listed(list(map(repr, target)))
        raise DataError(f"{source} has no column beside {beside}; at least one feature is needed")
    return tuple(target)


def learnt_of(table: Table, targets: Sequence[str], task: str) -> np.ndarray:
    """What the columns `targets` hold, as `from_arrays` takes it for a task; `DataError` names a
    row where that is missing."""
    of_column = {CLASSIFICATION: labels_of, REGRESSION: targets_of, MULTILABEL: indicators_of}[task]
    columns = [of_column(table, target) for target in targets]
    return np.stack(columns, axis=1) if task == MULTILABEL else columns[0]


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


def indicators_of(table: Table, target: str) -> np.ndarray:
    """Whether a label applies, `[n]` int32; `DataError` names a row where that is not said."""
    of = {text: yes_or_no(text, table) for text in table.distinct(target)}
    unclear = [text for text, value in of.items() if np.isnan(value)]
    texts = table.texts(target).tolist()
    if unclear:
        row = next(row for row, text in enumerate(texts) if text in unclear)
        said = "is empty" if is_missing(texts[row]) else f"holds {texts[row]!r}"
        raise DataError(
            f"{table.place(row)}: column {target!r} {said}; needed of a label is 1 or 0, or yes or "
            "no"
        )
    return np.array([of[text] for text in texts], np.int32)


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
