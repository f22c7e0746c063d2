"""A labelled data set in host memory, and how one is made from arrays.

Shapes: `n` examples, `H` by `W` pixels in `C` channels, `F` features an example.
"""

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike

from jdend.data._errors import DataError
from jdend.data._preprocessing import Preprocessing
from jdend.data._targets import CLASSIFICATION, by, learnt


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images or tables with class labels, as published: neither normalised nor split.

    Attributes:
      name: what the data set is called.
      train_images: `[n, H, W, C]` uint8 or float32, or `[n, F]` for data without image shape. Of a
        table with other columns than plain numbers one float32 for each column, as
        `Preprocessing.fit` takes them; `split` makes features of them.
      train_labels: `[n]` int32 in `[0, n_classes)`; of regression the target, float32; of
        multilabel `[n, n_classes]` int32, 1 where a label applies and 0 where not.
      test_images, test_labels: the same for the test part; empty (`n = 0`) if none is published.
      n_classes: how many classes there are; of regression 1, of multilabel how many labels.
      class_names: one name a class; of regression that of the target, of multilabel one a label.
      source: one line that says where the arrays came from.
      digest: SHA-256 over the four arrays, in hexadecimal.
      channel_statistics: published means and standard deviations of the channels, both of
        `C` numbers for pixels scaled to `[0, 1]`; None to take them from the training part.
      table: what a table's columns are, not fitted yet; None for what was no table.
      task: `classification`, `regression` or `multilabel`.
    """

    name: str
    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray
    n_classes: int
    class_names: tuple[str, ...]
    source: str
    digest: str = field(repr=False)
    channel_statistics: tuple[tuple[float, ...], tuple[float, ...]] | None = None
    table: Preprocessing | None = None
    task: str = "classification"

    def __str__(self) -> str:
        return self.name

    @property
    def strata(self) -> np.ndarray:
        """`[n]` int32 in `[0, n_strata)`, by what training examples are divided evenly: their
        classes; of other tasks 0."""
        has_classes = self.task == CLASSIFICATION
        return self.train_labels if has_classes else np.zeros(len(self.train_labels), np.int32)

    @property
    def n_strata(self) -> int:
        """How many `strata` there are."""
        return self.n_classes if self.task == CLASSIFICATION else 1

    @property
    def image_shape(self) -> tuple[int, int, int] | None:
        """`(H, W, C)`, or None for data that are not images."""
        shape = self.train_images.shape[1:]
        return (shape[0], shape[1], shape[2]) if len(shape) == 3 else None

    @property
    def in_features(self) -> int:
        """`H * W * C`, or `F` for data that are not images; of a table with other columns than
        plain numbers the columns that are read, of which `split` makes more features."""
        return math.prod(self.train_images.shape[1:])


def digest_of(arrays: Sequence[np.ndarray]) -> str:
    """SHA-256 over shapes, types and contents, in hexadecimal; equal on every platform."""
    digest = hashlib.sha256()
    for array in arrays:
        little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
        digest.update(f"{little.dtype.str}{little.shape}".encode())
        digest.update(little.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def from_arrays(
    train_images: ArrayLike,
    train_labels: ArrayLike,
    test_images: ArrayLike | None = None,
    test_labels: ArrayLike | None = None,
    *,
    class_names: Sequence[str] | None = None,
    name: str = "arrays",
    source: str = "arrays given by the caller",
    task: str = "classification",
) -> Dataset:
    """Makes a `Dataset` of the caller's own arrays.

    Args:
      train_images: `[n, F]`, `[n, H, W]` or `[n, H, W, C]` finite numbers. Integers from 0 to
        255 are kept as uint8, all else as float32.
      train_labels: `[n]` integers of 64 bits, whole floats below 2**53, or strings. Labels other
        than 0, 1, … are numbered in sorted order. Of multilabel `[n, K]`, 1 where a label applies
        and 0 where not.
      test_images, test_labels: the same for the test part; without them `split` takes one.
      class_names: one name a class, in the sorted order of the labels; default: the labels.
      name: what to call the data set.
      source: one line that says where the arrays came from.
      task: `classification`; `regression` for labels that are numbers to be predicted, then
        `class_names` may hold one name, that of the target; or `multilabel` for examples that have
        any number of labels, then it may hold one name a label.

    Raises:
      DataError: for wrong shapes, values that are not finite numbers, empty arrays, fewer than
        two classes, or test labels that the training labels lack.
    """
    images = _checked_images(train_images, f"{name}: train_images")
    if len(images) == 0:
        raise DataError(f"{name}: train_images is empty; give at least two examples of two classes")
    if (test_images is None) != (test_labels is None):
        raise DataError(f"{name}: give both test_images and test_labels, or neither of them")
    if test_images is None or test_labels is None:
        tests = np.zeros((0, *images.shape[1:]), images.dtype)
    else:
        tests = _checked_images(test_images, f"{name}: test_images")
    n = len(images), len(tests)
    train_y, test_y, names = learnt(task, train_labels, test_labels, n, class_names, name)
    if tests.shape[1:] != images.shape[1:]:
        raise DataError(
            f"{name}: test_images are {by(tests.shape[1:])} each and train_images "
            f"{by(images.shape[1:])}; both must have one shape"
        )
    if tests.dtype != images.dtype:
        tests, images = tests.astype(np.float32), images.astype(np.float32)
    arrays = (images, train_y, tests, test_y)
    return assemble(name, arrays, class_names=names, source=source, task=task)


def from_columns(
    values: np.ndarray,
    labels: ArrayLike,
    table: Preprocessing,
    *,
    name: str,
    source: str,
    task: str = "classification",
) -> Dataset:
    """Makes a `Dataset` of the columns of a table: text, holes, …

    Args:
      values: `[n, C]` float32, as `Preprocessing.fit` takes them.
      labels: as those of `from_arrays`.
      table: what the columns are.
      name, source, task: as those of `from_arrays`.

    Raises:
      DataError: as `from_arrays`, of the labels.
    """
    names = None if task == CLASSIFICATION else table.targets
    train_y, test_y, names = learnt(task, labels, None, (len(values), 0), names, name)
    arrays = (values, train_y, values[:0], test_y)
    columns = [[c.name, c.kind, *c.categories] for c in table.columns]
    digest = hashlib.sha256((digest_of(arrays) + json.dumps(columns)).encode()).hexdigest()
    dataset = assemble(name, arrays, class_names=names, source=source, digest=digest, task=task)
    return replace(dataset, table=table)


def assemble(
    name: str,
    arrays: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray],
    *,
    class_names: tuple[str, ...],
    source: str,
    channel_statistics: tuple[tuple[float, ...], tuple[float, ...]] | None = None,
    digest: str | None = None,
    task: str = CLASSIFICATION,
) -> Dataset:
    """Builds a `Dataset` from arrays that were checked before; it holds read-only views of them.

    Args:
      arrays: train_images, train_labels, test_images, test_labels.
      digest: their `digest_of`, if it was computed before.
      task: that of the data set.
    """
    views = tuple(array.view() for array in arrays)
    for view in views:
        # The digest names the contents, so they must not change under it.
        view.flags.writeable = False
    return Dataset(
        name,
        *views,
        n_classes=len(class_names),
        class_names=class_names,
        source=source,
        digest=digest or digest_of(views),
        channel_statistics=channel_statistics,
        task=task,
    )


def _checked_images(images: ArrayLike, what: str) -> np.ndarray:
    try:
        array = np.asarray(images)
    except ValueError:
        raise DataError(f"{what} is ragged: every example needs the same shape") from None
    if array.ndim not in (2, 3, 4) or 0 in array.shape[1:]:
        raise DataError(
            f"{what} has shape {by(array.shape)}; allowed are [n, F], [n, H, W] and [n, H, W, C]"
        )
    if array.dtype.kind not in "buif":
        raise DataError(f"{what} holds {array.dtype}; only numbers are allowed")
    if array.ndim == 3:
        array = array[..., np.newaxis]
    if array.dtype == np.uint8:
        return array
    if array.dtype.kind == "f":
        with np.errstate(over="ignore", invalid="ignore"):
            array = array.astype(np.float32)
        bad = array.size - np.count_nonzero(np.isfinite(array))
        if bad:
            raise DataError(
                f"{what} holds {bad} values that are not finite float32 numbers; "
                "remove or replace them"
            )
        return array
    small = array.size == 0 or (array.min() >= 0 and array.max() <= 255)
    return array.astype(np.uint8 if small else np.float32)
