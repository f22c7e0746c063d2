"""Stratified, seeded parts of a data set for training, validation and test.

Shapes: `n` examples, `F` features an example.
"""

import functools
import hashlib
from dataclasses import dataclass, field, replace
from numbers import Integral, Real

import numpy as np

from jdend.data._dataset import Dataset, digest_of
from jdend.data._errors import DataError
from jdend.data._folds import Folds, fold_rows, make_folds
from jdend.data._normalisation import Normaliser
from jdend.data._preprocessing import Preprocessing
from jdend.data._targets import CLASSIFICATION, MULTILABEL, REGRESSION

_TEST_SEED = 0


@dataclass(frozen=True, eq=False)
class Split:
    """A data set in three parts, flattened, not normalised yet.

    The network's input is `(x.astype(float32) - offset) * scale`, which is best computed on the
    device.

    Attributes:
      train_x, validation_x, test_x: `[n, F]` uint8 or float32, rows in the published order.
      train_y, validation_y, test_y: `[n]` int32 in `[0, n_classes)`; of multilabel int32
        `[n, n_classes]`, 1 where a label applies and 0 where not.
      offset, scale: float32, `[]` or `[F]`.
      n_classes: how many classes there are.
      image_shape: `(H, W, C)` with `H * W * C = F`, or None for data that are not images.
      class_names: one name a class.
      name: what the data set is called.
      source: one line that says where the arrays came from.
      fingerprint: SHA-256, in hexadecimal, that changes when any of the arrays does.
      teacher: float32 `[n, V, n_classes]`, a teacher's logits for the training examples, of which
        networks may learn (`jdend.training.taught`); where V is 2, those of their mirror images
        come second. None without a teacher.
      class_weights: float32 `[n_classes]`, by which the loss of a training example of a class is
        multiplied (`jdend.training.weighted`); None without.
      target: of regression the mean and the deviation of the target in the training part (1 where
        it is constant); None for other tasks. With regression `…_y` are float32 in the target's
        units, `n_classes` is 1, and `class_names` holds the target's name.
      table: of a table, how its columns became features, fitted on the training part.
      folds: how its training part is divided in several ways, each of which holds out another part
        of it; then the validation part is empty. None without.
    """

    train_x: np.ndarray
    train_y: np.ndarray
    validation_x: np.ndarray
    validation_y: np.ndarray
    test_x: np.ndarray
    test_y: np.ndarray
    offset: np.ndarray
    scale: np.ndarray
    n_classes: int
    image_shape: tuple[int, int, int] | None
    class_names: tuple[str, ...]
    name: str
    source: str
    fingerprint: str = field(repr=False)
    teacher: np.ndarray | None = field(default=None, repr=False)
    class_weights: np.ndarray | None = field(default=None, repr=False)
    table: Preprocessing | None = field(default=None, repr=False)
    folds: Folds | None = field(default=None, repr=False)
    target: tuple[float, float] | None = None

    @property
    def in_features(self) -> int:
        """`F`."""
        return self.train_x.shape[1]

    @property
    def task(self) -> str:
        """What is learnt: `classification`, `regression` or `multilabel`."""
        if self.target is not None:
            return REGRESSION
        return CLASSIFICATION if self.train_y.ndim == 1 else MULTILABEL

    @property
    def n_folds(self) -> int:
        """How many networks are trained with each seed: one for each fold, one without folds."""
        return 1 if self.folds is None else len(self.folds)

    @property
    def n_train(self) -> int:
        """How many examples a network is trained with."""
        return len(self.train_y) if self.folds is None else self.folds.train_rows.shape[1]

    @property
    def n_validation(self) -> int:
        """How many different examples are held out, those of all folds together."""
        return len(self.validation_y if self.folds is None else self.train_y)

    @property
    def largest_validation(self) -> int:
        """The most examples that one network is validated with."""
        if self.folds is None:
            return len(self.validation_y)
        return self.folds.validation_rows.shape[1]

    @functools.cached_property
    def without_folds(self) -> "Split":
        """The same, with nothing held out if there are folds: for the network that is kept."""
        return self if self.folds is None else replace(self, folds=None)


def split(
    dataset: Dataset,
    *,
    validation_fraction: float = 0.1,
    seed: int = 0,
    subset_size: int | None = None,
    test_fraction: float = 0.2,
    folds: int | None = None,
    fold_repeats: int = 1,
) -> Split:
    """Divides a data set into training, validation and test parts.

    Every part holds the classes in the proportions of the whole, to within one example, and at
    least one example of each; of regression and multilabel they are drawn at random. The same
    arguments give the same parts on every platform.

    A published test part is taken whole, whatever `subset_size` says: it costs little and keeps
    accuracies comparable. Without one, a part of the examples is set aside for test first; it does
    not depend on `seed`, so that different splits are tested on the same examples.

    Normalisation follows the published mean and standard deviation where the data set has them,
    else those of this training part: channel by channel for images, feature by feature for
    tables. Constant features are only centred. A table's missing values are filled and its
    categories made one-hot by what this training part holds, see `Preprocessing`; features that are
    0 or 1 for that reason are not normalised.

    With `folds`, `Split.folds` divides the training part in so many ways, stratified as above, so
    that each example is held out once (k-fold cross-validation), or `fold_repeats` times. A fold's
    networks are normalised, and missing values filled, by what the fold trains on; a table's
    categories are those of all training examples.

    Args:
      dataset: what to divide.
      validation_fraction: share of the training examples held out for validation, in `[0, 1)`;
        with 0 the validation part is empty.
      seed: non-negative; decides which examples are used and which of them are for validation.
      subset_size: how many training examples to use in all, validation included; None for all.
      test_fraction: share set aside for test, in `(0, 1)`, where no test part is published.
      folds: how many folds, at least 2, in place of `validation_fraction`; None for none.
      fold_repeats: how often the examples are divided into folds, each time by another draw.

    Raises:
      DataError: if an argument is out of range, or a class has too few examples for the parts.
    """
    check_split(validation_fraction, seed, subset_size, folds, fold_repeats)
    _check_fraction("test_fraction", test_fraction, zero_allowed=False)
    labels = dataset.train_labels
    chosen = np.arange(len(labels))
    test_rows = chosen[:0]
    n_parts = 2 if validation_fraction or folds else 1
    if len(dataset.test_labels) == 0:
        _check_counts(dataset, chosen, n_parts + 1)
        n_test = _part_size(len(chosen), test_fraction, dataset.n_strata, n_parts)
        test_rows, chosen = _divide(dataset, chosen, n_test, _TEST_SEED, n_parts)
    _check_counts(dataset, chosen, n_parts)
    if subset_size is not None:
        _check_subset(dataset, subset_size, len(chosen), n_parts)
        chosen, _ = _divide(dataset, chosen, int(subset_size), int(seed), 0, at_least=n_parts)
    if folds is not None:
        parts = fold_rows(dataset.strata[chosen], int(folds), int(fold_repeats), int(seed))
        return _assemble(dataset, chosen, chosen[:0], test_rows, (parts, int(fold_repeats)))
    validation_rows, train_rows = chosen[:0], chosen
    if validation_fraction:
        n_validation = _part_size(len(chosen), validation_fraction, dataset.n_strata, 1)
        validation_rows, train_rows = _divide(dataset, chosen, n_validation, int(seed), 1)
    return _assemble(dataset, train_rows, validation_rows, test_rows)


def _divide(
    dataset: Dataset, rows: np.ndarray, size: int, seed: int, leave: int, *, at_least: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Draws `size` of `rows`, stratified by class; returns those drawn and the others, in order.

    Of each class at least `at_least` rows are drawn and at least `leave` are not. A larger `size`
    draws the same rows and more.
    """
    labels = dataset.strata[rows]
    counts = np.bincount(labels, minlength=dataset.n_strata)
    quotas = _quotas(counts, size, np.minimum(at_least, counts - leave), counts - leave)
    # NumPy promises that the stream of a bit generator does not change, but not that of the
    # `Generator` methods (NEP 19).
    priority = np.random.PCG64(seed).random_raw(len(dataset.train_labels))[rows]
    order = np.lexsort((priority, labels))
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    rank = np.empty(len(rows), np.int64)
    rank[order] = np.arange(len(rows)) - starts[labels[order]]
    drawn = rank < quotas[labels]
    return rows[drawn], rows[~drawn]


def _quotas(counts: np.ndarray, size: int, smallest: np.ndarray, largest: np.ndarray) -> np.ndarray:
    """Divides `size` among classes in proportion to `counts`, by largest remainders."""
    shares = size * counts / counts.sum()
    quotas = np.clip(np.floor(shares).astype(np.int64), smallest, largest)
    while quotas.sum() != size:
        step = 1 if quotas.sum() < size else -1
        movable = quotas < largest if step > 0 else quotas > smallest
        lack = np.where(movable, step * (shares - quotas), -np.inf)
        quotas[np.argmax(lack)] += step
    return quotas


def _part_size(n: int, fraction: float, n_strata: int, parts_left: int) -> int:
    """`fraction` of `n`, with room for every class in this part and in the parts still to draw."""
    return int(np.clip(round(fraction * n), n_strata, n - n_strata * parts_left))


def _assemble(
    dataset: Dataset,
    train_rows: np.ndarray,
    validation_rows: np.ndarray,
    test_rows: np.ndarray,
    divided: tuple[list[tuple[np.ndarray, np.ndarray]], int] | None = None,
) -> Split:
    """The split into these rows; `divided` are the folds of those for training, and how often each
    example is held out."""
    images, labels = dataset.train_images, dataset.train_labels
    flat = images.reshape(len(images), -1)
    published = len(dataset.test_labels) > 0
    table, of_table = dataset.table, None
    if table is not None:
        fitted = table.fit(flat[train_rows])
        if not fitted.features:
            raise DataError(f"{dataset.name}: the training part has no values in any column")
        values = fitted.recode(flat, table)
        of_table = fitted, values[train_rows], values[test_rows]
        flat = fitted.encode(values)
        table = fitted
    test_x = dataset.test_images.reshape(-1, flat.shape[1]) if published else flat[test_rows]
    test_y = dataset.test_labels if published else labels[test_rows]
    # Fancy indexing copies; all rows in order need no copy.
    train_x = flat if len(train_rows) == len(flat) else flat[train_rows]
    normaliser = Normaliser(dataset, None if table is None else table.standardised)
    offset, scale = normaliser(train_x)
    # The digest stands for all contents, so only the choice of rows is hashed here.
    parts = (train_rows, validation_rows, test_rows, offset, scale)
    folds = None
    if divided is not None:
        folds = make_folds(*divided, train_x, normaliser, of_table)
        parts += (folds.train_rows, folds.validation_rows, folds.offset, folds.scale)
    fingerprint = hashlib.sha256(f"{dataset.digest} {digest_of(parts)}".encode()).hexdigest()
    return Split(
        train_x=train_x,
        train_y=labels[train_rows],
        validation_x=flat[validation_rows],
        validation_y=labels[validation_rows],
        test_x=test_x,
        test_y=test_y,
        offset=offset,
        scale=scale,
        n_classes=dataset.n_classes,
        image_shape=dataset.image_shape,
        class_names=dataset.class_names,
        name=dataset.name,
        source=dataset.source,
        fingerprint=fingerprint,
        table=table,
        folds=folds,
        target=_target(labels[train_rows]) if dataset.task == REGRESSION else None,
    )


def _target(values: np.ndarray) -> tuple[float, float]:
    """The mean and the deviation of a target."""
    exact = values.astype(np.float64)
    mean, deviation = float(exact.mean()), float(exact.std())
    return mean, deviation if deviation > 1e-12 * abs(mean) else 1.0


def check_split(
    validation_fraction: float,
    seed: int,
    subset_size: int | None,
    folds: int | None = None,
    fold_repeats: int = 1,
) -> None:
    """Raises `DataError` for arguments of `split` that no data set allows."""
    _check_fraction("validation_fraction", validation_fraction, zero_allowed=True)
    _check_integer("seed", seed, 0)
    _check_integer("fold_repeats", fold_repeats, 1)
    if folds is not None:
        _check_integer("folds", folds, 2)
    elif fold_repeats != 1:
        raise DataError(
            f"fold_repeats={fold_repeats} repeats folds, and there are none: give folds"
        )
    if subset_size is not None:
        _check_integer("subset_size", subset_size, 1)


def _check_fraction(name: str, value: float, *, zero_allowed: bool) -> None:
    number = isinstance(value, Real) and not isinstance(value, bool)
    if not number or not 0 <= value < 1 or (value == 0 and not zero_allowed):
        allowed = "at least 0" if zero_allowed else "above 0"
        raise DataError(f"{name}={value!r} is not allowed; give a number {allowed} and below 1")


def _check_integer(name: str, value: int, low: int) -> None:
    if isinstance(value, bool) or not isinstance(value, Integral) or value < low:
        raise DataError(f"{name}={value!r} is not allowed; give a whole number from {low} up")


def _check_counts(dataset: Dataset, rows: np.ndarray, n_parts: int) -> None:
    counts = np.bincount(dataset.strata[rows], minlength=dataset.n_strata)
    rarest = int(np.argmin(counts))
    if counts[rarest] < n_parts and dataset.task != CLASSIFICATION:
        raise DataError(
            f"{dataset.name} has {counts[rarest]} training examples, and a split into {n_parts} "
            f"parts needs {n_parts}; add examples or set validation_fraction=0"
        )
    if counts[rarest] < n_parts:
        raise DataError(
            f"{dataset.name}: class {dataset.class_names[rarest]!r} has {counts[rarest]} training "
            f"examples, and a split into {n_parts} parts needs {n_parts}; add examples, leave the "
            "class out or set validation_fraction=0"
        )


def _check_subset(dataset: Dataset, subset_size: int, available: int, n_parts: int) -> None:
    smallest = n_parts * dataset.n_strata
    if not smallest <= subset_size <= available:
        raise DataError(
            f"subset_size={subset_size} is not allowed for {dataset.name}; give a number from "
            f"{smallest} (every class in every part) to {available} (all)"
        )
