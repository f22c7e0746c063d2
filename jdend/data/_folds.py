"""Folds: several ways to hold out a part of the training examples, each of them once.

Shape letters: `n` examples, `F` features, `L` folds, `m` examples that a fold trains on, `R` the
most that one holds out.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from jdend.data._errors import DataError
from jdend.data._normalisation import Normaliser
from jdend.data._preprocessing import Preprocessing

__all__ = ["Folds", "fold_rows", "make_folds"]


@dataclass(frozen=True, eq=False)
class Folds:
    """The folds of a split: rows of its training part, and what follows from each fold's own.

    Attributes:
      train_rows: int32 `[L, m]`, those that a fold trains on.
      validation_rows: int32 `[L, R]`, those that it holds out; -1 after the last.
      repeats: how often each example is held out.
      offset, scale: float32 `[L, F]`, or `[L, 1]` where they are the same for all features.
      fill: float32 `[L, F]`, what stands for missing values of a table; None if none is missing.
      missing: bool `[n, F]`, where values are missing: those of the training part, then those of
        the test part; None if none is.
    """

    train_rows: np.ndarray
    validation_rows: np.ndarray
    repeats: int
    offset: np.ndarray
    scale: np.ndarray
    fill: np.ndarray | None = None
    missing: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.train_rows)


def fold_rows(
    labels: np.ndarray, n_folds: int, repeats: int, seed: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Positions to train on and to hold out, for each fold of each repeat.

    In a repeat each example is held out once. Folds are stratified: of each class, and in all, the
    numbers that they hold out differ by one at most. Where training parts are of two sizes, the
    larger ones leave out their last example, so that all take the same number of steps.

    Raises:
      DataError: if there are more folds than examples of any class, or a class has one example.
    """
    counts = np.bincount(labels)
    if counts.max() < n_folds or counts[counts > 0].min() < 2:
        raise DataError(
            f"folds={n_folds} is not allowed for classes of {counts[counts > 0].min()} to "
            f"{counts.max()} examples: the largest needs one for each fold, the smallest two"
        )
    parts: list[tuple[np.ndarray, np.ndarray]] = []
    for repeat in range(repeats):
        # As in `split`, raw bits, whose stream NumPy promises not to change.
        priority = np.random.PCG64([seed, repeat]).random_raw(len(labels))
        fold = np.empty(len(labels), np.int64)
        fold[np.lexsort((priority, labels))] = np.arange(len(labels)) % n_folds
        held_out = [np.flatnonzero(fold == number) for number in range(n_folds)]
        parts += [(np.flatnonzero(fold != i), rows) for i, rows in enumerate(held_out)]
    return parts


def make_folds(
    parts: Sequence[tuple[np.ndarray, np.ndarray]],
    repeats: int,
    x: np.ndarray,
    normaliser: Normaliser,
    table: tuple[Preprocessing, np.ndarray, np.ndarray] | None,
) -> Folds:
    """Folds with what follows from their own training examples: offset, scale and fill values.

    Args:
      parts: of `fold_rows`.
      repeats: how often each example is held out.
      x: `[n, F]`, the examples that are divided.
      normaliser: gives offset and scale of some of them.
      table: of a table, what its columns become, and its values `[n, C]` before that, of these
        examples and of the test part.
    """
    m = min(len(train) for train, _ in parts)
    width = max(len(held_out) for _, held_out in parts)
    train_rows = np.stack([train[:m] for train, _ in parts]).astype(np.int32)
    validation_rows = np.full((len(parts), width), -1, np.int32)
    for row, (_, held_out) in zip(validation_rows, parts, strict=True):
        row[: len(held_out)] = held_out
    fill = missing = None
    if table is not None:
        columns, values, tests = table
        missing = columns.missing(np.concatenate([values, tests]))
        if missing.any():
            fill = np.stack([columns.refilled(values[rows]).fills for rows in train_rows])
        else:
            missing = None
    statistics: list[tuple[np.ndarray, np.ndarray]] = []
    for fold, rows in enumerate(train_rows):
        own = x[rows]
        if fill is not None and missing is not None:
            own = np.where(missing[rows], fill[fold], own)
        statistics.append(normaliser(own))
    offset, scale = (
        np.stack([np.atleast_1d(value) for value in values])
        for values in zip(*statistics, strict=True)
    )
    return Folds(train_rows, validation_rows, repeats, offset, scale, fill, missing)
