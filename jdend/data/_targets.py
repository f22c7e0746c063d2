"""What is learnt of examples, checked and as arrays: classes, numbers to predict, or labels.

Shapes: `n` examples, `K` labels.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from jdend._messages import did_you_mean
from jdend.data._errors import DataError

__all__ = [
    "CLASSIFICATION",
    "INT64",
    "MULTILABEL",
    "REGRESSION",
    "TASKS",
    "Learnt",
    "by",
    "check_task",
    "learnt",
]

CLASSIFICATION, REGRESSION, MULTILABEL = "classification", "regression", "multilabel"
TASKS = (CLASSIFICATION, REGRESSION, MULTILABEL)
INT64 = np.iinfo(np.int64)
_EXACT_FLOATS = 2**53
"""From here on, floats cannot tell neighbouring whole numbers apart."""


class Learnt(NamedTuple):
    """What is learnt of a data set's examples.

    Attributes:
      train, test: int32 `[n]`, the numbers of classes; of regression float32 `[n]`, the target; of
        multilabel int32 `[n, K]`, 1 where a label applies and 0 where not.
      names: those of the classes; of regression that of the target; of multilabel the labels'.
    """

    train: np.ndarray
    test: np.ndarray
    names: tuple[str, ...]


def check_task(task: object) -> None:
    """Raises `DataError` for an unknown task."""
    if task not in TASKS:
        raise DataError(f"unknown task {task!r}{did_you_mean(task, TASKS)}")


def learnt(
    task: str,
    train: ArrayLike,
    test: ArrayLike | None,
    n: tuple[int, int],
    names: Sequence[str] | None,
    of: str,
) -> Learnt:
    """Checks what is given as labels for a task.

    Args:
      task: one of `TASKS`.
      train, test: as the `…_labels` of `jdend.data.from_arrays`.
      n: how many examples there are for training, and for test.
      names: as `class_names` of `jdend.data.from_arrays`.
      of: the name of the data set.

    Raises:
      DataError: as `jdend.data.from_arrays`.
    """
    check_task(task)
    checked = {
        CLASSIFICATION: _checked_labels,
        REGRESSION: _checked_targets,
        MULTILABEL: _checked_indicators,
    }[task]
    of_train = checked(train, f"{of}: train_labels", n[0])
    of_test = of_train[:0] if test is None else checked(test, f"{of}: test_labels", n[1])
    if of_test.shape[1:] != of_train.shape[1:]:
        raise DataError(
            f"{of}: test_labels have {of_test.shape[1]} columns and train_labels "
            f"{of_train.shape[1]}; both must have one a label"
        )
    if task == CLASSIFICATION:
        return _numbered(of_train, of_test, names, of)
    if task == REGRESSION:
        if names is not None and len(names) > 1:
            raise DataError(f"{of}: {len(names)} class_names for regression; give the target's")
        return Learnt(of_train, of_test, tuple(names or ("target",)))
    n_labels = of_train.shape[1]
    if names is not None and len(names) != n_labels:
        raise DataError(f"{of}: {len(names)} class_names for {n_labels} labels; give one a label")
    return Learnt(of_train, of_test, tuple(map(str, range(n_labels) if names is None else names)))


def _checked_labels(labels: ArrayLike, what: str, n: int) -> np.ndarray:
    try:
        array = np.asarray(labels)
    except ValueError:
        raise DataError(f"{what} is ragged; needed is one label an image, [{n}]") from None
    if array.ndim != 1 or len(array) != n:
        several = "; several labels an example are task='multilabel'" if array.ndim == 2 else ""
        raise DataError(
            f"{what} has shape {by(array.shape)}; needed is one label an image, [{n}]{several}"
        )
    if array.dtype.kind == "f":
        if not np.all(np.isfinite(array)) or np.any(array != np.round(array)):
            raise DataError(f"{what} holds fractions; classes must be whole numbers or strings")
        if np.any(np.abs(array.astype(np.longdouble)) >= _EXACT_FLOATS):  # float16 ends earlier
            raise DataError(
                f"{what} holds floats from 2**53 up, which are not exact; give integers or strings"
            )
    if array.dtype.kind == "u" and len(array) and array.max() > INT64.max:
        raise DataError(
            f"{what} holds {array.max()}, and integers end at {INT64.max}; give strings instead"
        )
    if array.dtype.kind in "uif":
        return array.astype(np.int64)
    if array.dtype.kind in "OTUS":
        # As Python's strings: each takes its own length, not that of the longest.
        return np.array([str(label) for label in array], object)
    if array.dtype.kind != "b":
        raise DataError(f"{what} holds {array.dtype}; classes must be whole numbers or strings")
    return array


def _checked_targets(targets: ArrayLike, what: str, n: int) -> np.ndarray:
    """`[n]` finite float32."""
    try:
        array = np.asarray(targets)
    except ValueError:
        raise DataError(f"{what} is ragged; needed is one number an example, [{n}]") from None
    if array.ndim != 1 or len(array) != n or array.dtype.kind not in "buif":
        raise DataError(
            f"{what} is {array.dtype}{by(array.shape)}; needed is one number an example, [{n}]"
        )
    with np.errstate(over="ignore", invalid="ignore"):
        numbers = array.astype(np.float32)
    if not np.isfinite(numbers).all():
        row = int(np.isfinite(numbers).argmin())
        raise DataError(f"{what}[{row}] is {array[row]}; needed are finite float32 numbers")
    return numbers


def _checked_indicators(labels: ArrayLike, what: str, n: int) -> np.ndarray:
    """`[n, K]` int32 of 0 and 1."""
    needed = f"needed is a row of 0 and 1 an example, [{n}, K]"
    try:
        array = np.asarray(labels)
    except ValueError:
        raise DataError(f"{what} is ragged; {needed}") from None
    if array.ndim != 2 or len(array) != n or array.shape[1] == 0 or array.dtype.kind not in "buif":
        raise DataError(f"{what} is {array.dtype}{by(array.shape)}; {needed}")
    wrong = (array != 0) & (array != 1)
    if wrong.any():
        row, column = np.argwhere(wrong)[0].tolist()
        raise DataError(f"{what}[{row}, {column}] is {array[row, column]}; needed is 0 or 1")
    return array.astype(np.int32)


def _numbered(
    train: np.ndarray, test: np.ndarray, class_names: Sequence[str] | None, name: str
) -> Learnt:
    """Labels as 0, 1, … in sorted order, and the names of the classes."""
    classes, numbers = np.unique(train, return_inverse=True)
    if len(classes) < 2:
        raise DataError(f"{name}: all training labels are {classes[0]!s}; two classes are needed")
    positions = {label: i for i, label in enumerate(classes.tolist())}
    unknown = [label for label in np.unique(test).tolist() if label not in positions]
    if unknown:
        raise DataError(f"{name}: test label {unknown[0]!s} does not occur in the training labels")
    if class_names is not None and len(class_names) != len(classes):
        raise DataError(
            f"{name}: {len(class_names)} class_names for {len(classes)} classes; give one a class"
        )
    names = tuple(str(label) for label in classes) if class_names is None else tuple(class_names)
    test_numbers = np.array([positions[label] for label in test.tolist()], np.int32)
    return Learnt(numbers.astype(np.int32), test_numbers, names)


def by(shape: Sequence[int]) -> str:
    """A shape, for messages."""
    return "[" + ", ".join(map(str, shape)) + "]"
