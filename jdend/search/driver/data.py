"""The data of a search. Their shapes are there at once, their contents are loaded when needed."""

import hashlib
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from jdend._files import user_path
from jdend._phases import phase
from jdend.data import (
    DataError,
    Dataset,
    Entry,
    Folds,
    Frame,
    Split,
    check_split,
    check_task,
    find,
    from_frame,
    is_file_name,
    is_table_name,
    load,
    split,
)
from jdend.fields import SELF
from jdend.models import CLASSIFICATION, MULTILABEL, REGRESSION, Problem, TrainedModel
from jdend.search.errors import SearchError
from jdend.training import (
    ClassWeightsError,
    LossError,
    Teacher,
    TeacherError,
    check_class_weights,
    find_loss,
    taught,
    weighted,
)

__all__ = ["SearchData"]


class SearchData:
    """A data set and how it is divided.

    Args:
      dataset: a name in the catalogue of `jdend.data`, the path of an `.npz`, `.csv`, `.tsv`
        or `.parquet` file, a `Dataset`, or a DataFrame of pandas or polars.
      subset_size, validation_fraction, split_seed, folds, fold_repeats: see `jdend.data.split`.
      target: the column of a table that holds the classes, of multilabel those of the labels.
      drop, categorical, numeric: columns of a table that are not read by the rule, see
        `jdend.data.from_csv`.
      teacher: the teachers that networks may learn from, see `jdend.training.taught`; `self` for
        those that `learn_of` gives.
      class_weights: see `jdend.training.weighted`.
      task: `classification`, `regression` or `multilabel`; None for that of a `Dataset`.
      loss: the name of the loss that training minimises; None for that of the task.

    Attributes:
      name: the name of the data set.
      task: what is learnt of it.
      awaits_teachers: whether `teacher` is `self`, and `learn_of` was not called yet.

    Raises:
      DataError: if there is no such data set or file.
      SearchError: if the file or folder of a teacher does not exist, or the class weights are not
        known.
    """

    def __init__(
        self,
        dataset: str | Path | Dataset | Frame,
        *,
        subset_size: int | None = None,
        validation_fraction: float = 0.1,
        split_seed: int = 0,
        folds: int | None = None,
        fold_repeats: int = 1,
        target: str | Sequence[str] | None = None,
        drop: Collection[str] | None = None,
        categorical: Collection[str] | None = None,
        numeric: Collection[str] | None = None,
        teacher: Teacher | Sequence[Teacher] | None = None,
        class_weights: str | None = None,
        task: str | None = None,
        loss: str | None = None,
    ):
        own_task = dataset.task if isinstance(dataset, Dataset) else CLASSIFICATION
        self.task, self._loss = task or own_task, loss
        check_task(self.task)
        if isinstance(dataset, Dataset) and self.task != own_task:
            raise DataError(f"task={task!r}, and {dataset} is for {own_task}")
        try:
            check_class_weights(class_weights)
            find_loss(loss, self.task)
        except (ClassWeightsError, LossError) as error:
            raise SearchError(str(error)) from None
        for name, value in {"class_weights": class_weights, "teacher": teacher}.items():
            if value is not None and self.task != CLASSIFICATION:
                raise SearchError(f"{name}={value!s} is for classes, and this is {self.task}")
        self._class_weights = class_weights
        check_split(validation_fraction, split_seed, subset_size, folds, fold_repeats)
        self._source = dataset
        self._target = target if isinstance(target, str | None) else list(target)
        self._columns: dict[str, Collection[str]] = {
            "drop": drop or (),
            "categorical": categorical or (),
            "numeric": numeric or (),
        }
        self._subset_size = subset_size
        self._validation_fraction = validation_fraction
        self._split_seed = split_seed
        self._folds, self._fold_repeats = folds, fold_repeats
        self._teachers: tuple[Teacher, ...] = ()
        self.awaits_teachers = teacher == SELF
        self._found: dict[str, object] = {}  # of its own teachers, for the record
        if isinstance(teacher, str | Path | TrainedModel):
            self._teachers = () if self.awaits_teachers else (teacher,)
        elif teacher is not None:
            self._teachers = tuple(teacher)
        if SELF in self._teachers:
            raise SearchError("teacher 'self' goes with no other teacher: give it alone")
        if self.awaits_teachers and validation_fraction == 0:
            raise SearchError(
                "teacher 'self' chooses teachers by validation accuracy, and no examples are held "
                "out: give a validation_fraction above 0"
            )
        if folds is not None and (self._teachers or self.awaits_teachers):
            raise SearchError(
                "folds and a teacher do not go together, since the teacher has learnt of the "
                "examples that folds hold out: give one of them"
            )
        for one in self._teachers:
            if isinstance(one, str | Path) and not user_path(one, SearchError).exists():
                raise SearchError(f"the teacher {one} does not exist")
        # Both are None until they are first needed.
        self._dataset: Dataset | None = None
        self._split: Split | None = None
        self._entry: Entry | None = None  # in the catalogue, if `dataset` is a name
        is_name = isinstance(dataset, str | Path)
        is_table = is_table_name(dataset) if is_name else isinstance(dataset, Frame)
        for name, value in self._columns.items():
            if value and not is_table:
                raise DataError(f"{name}={value!r} is for tables; {dataset!s} is none")
        if isinstance(dataset, Dataset):
            self.name = dataset.name
            self._dataset = dataset
        elif isinstance(dataset, Frame):
            self._dataset = from_frame(
                dataset,
                target=target,
                drop=drop or (),
                categorical=categorical or (),
                numeric=numeric or (),
                task=self.task,
            )
            self.name = self._dataset.name
        elif not isinstance(dataset, str | Path):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise DataError(
                f"dataset={dataset!r} is not allowed; give a name, a path that ends in .npz, "
                ".csv, .tsv or .parquet, a jdend.data.Dataset, or a DataFrame"
            )
        elif is_file_name(dataset):
            self.name = Path(dataset).stem
            if not user_path(dataset, DataError).is_file():
                raise DataError(f"{dataset} does not exist")
        else:
            self._entry = find(str(dataset))
            self.name = self._entry.name
            if target is not None:
                raise DataError(f"target={target!r} is for tables; {dataset!r} is none")
            if self.task != CLASSIFICATION:
                raise DataError(f"task={task!r} needs data of yours; {self.name} has classes")

    @property
    @phase("data")
    def dataset(self) -> Dataset:
        """The whole data set; it is loaded when this is first read."""
        if self._dataset is None:
            assert isinstance(self._source, str | Path)
            self._dataset = load(
                self._source,
                target=self._target,
                drop=self._columns["drop"],
                categorical=self._columns["categorical"],
                numeric=self._columns["numeric"],
                task=self.task,
            )
        return self._dataset

    @property
    @phase("data")
    def split(self) -> Split:
        """Its parts for training, validation and test; loads the data and the teacher."""
        if self._split is None:
            parts = split(
                self.dataset,
                subset_size=self._subset_size,
                validation_fraction=self._validation_fraction,
                seed=self._split_seed,
                folds=self._folds,
                fold_repeats=self._fold_repeats,
            )
            self._split = weighted(self._taught(parts), self._class_weights)
        return self._split

    def learn_of(self, teachers: Sequence[TrainedModel], found: Mapping[str, object]) -> None:
        """Takes the teachers that a search with `teacher="self"` has found; `found` describes them
        for the record.

        Raises:
          SearchError: if they cannot teach these data.
        """
        self._teachers, self._found = tuple(teachers), dict(found)
        self.awaits_teachers = False
        if self._split is not None:
            self._split = self._taught(self._split)

    def _taught(self, parts: Split) -> Split:
        try:
            return taught(parts, self._teachers) if self._teachers else parts
        except TeacherError as error:
            raise SearchError(str(error)) from None

    @property
    def outline(self) -> Split:
        """A split with the true shapes, for estimates. If the catalogue has the shapes and nothing
        is loaded yet, it has no contents."""
        outline = self._outline()
        if outline.teacher is not None or not (self._teachers or self.awaits_teachers):
            return outline
        shape = len(outline.train_y), 2, outline.n_classes
        return replace(outline, teacher=np.broadcast_to(np.float32(0), shape))

    def _outline(self) -> Split:
        if self._entry is None or self._split is not None:
            return self.split
        outline = _outline(self._entry, self._subset_size, self._validation_fraction)
        if self._folds is not None:
            outline = _outline(self._entry, self._subset_size, 0.0)
            outline = replace(outline, folds=_folds(outline, self._folds, self._fold_repeats))
        return weighted(outline, self._class_weights)

    @property
    def problem(self) -> Problem:
        """The data's features, classes and image shape. For a data set of the catalogue nothing is
        loaded. How many features a table has is known once it is split."""
        if self._entry is not None:
            features = math.prod(self._entry.image_shape)
            n_classes, image_shape = self._entry.n_classes, self._entry.image_shape
            return Problem(features, n_classes, image_shape, self.task, self._loss)
        data = self.dataset if self.dataset.table is None else self.split
        return Problem(data.in_features, data.n_classes, data.image_shape, self.task, self._loss)

    @property
    def column_lines(self) -> list[str]:
        """What is done with the columns of a table, a line each; none for other data."""
        if self._entry is not None:
            return []
        table = self.split.table
        return [] if table is None else table.lines()

    @property
    def validation_fraction(self) -> float:
        """The share of the training examples that is held out, in each fold if there are folds."""
        return self._validation_fraction if self._folds is None else 1 / self._folds

    @property
    def n_validation(self) -> int:
        """Examples that are held out for validation, those of all folds together."""
        return self.outline.n_validation

    @property
    def advice(self) -> str:
        """What helps where few examples are held out; empty if that is done."""
        return "" if self._folds is not None else "; --folds 5 holds out each of them once"

    @property
    def has_validation(self) -> bool:
        """Whether examples are held out for validation; loads the data."""
        return self.split.n_validation > 0

    def describe(self) -> dict[str, object]:
        """The settings of the data for the search's record; with source and fingerprint if the data
        are loaded."""
        record: dict[str, object] = {
            "dataset": str(self._source) if isinstance(self._source, str | Path) else self.name,
            "target": self._target,
            "subset_size": self._subset_size,
            "validation_fraction": self._validation_fraction,
            "split_seed": self._split_seed,
        }
        if self._folds is not None:
            del record["validation_fraction"]
            record |= {"folds": self._folds, "fold_repeats": self._fold_repeats}
        record |= {name: list(value) for name, value in self._columns.items() if value}
        if self.task != CLASSIFICATION:
            record["task"] = self.task
        if self._loss is not None:
            record["loss"] = self._loss
        if self._class_weights is not None:
            record["class_weights"] = self._class_weights
        if self._found or self.awaits_teachers:
            record |= {"teacher": SELF, **self._found}
        elif self._teachers:
            record["teacher"] = [
                "a network" if isinstance(one, TrainedModel) else str(one) for one in self._teachers
            ]
        if self._split is not None:
            parts = self._split
            record |= {"source": parts.source, "fingerprint": parts.fingerprint}
            record |= {"n_train": parts.n_train, "n_validation": parts.n_validation}
            record |= {"n_test": len(parts.test_y), "majority_accuracy": _majority(parts)}
        return record

    def identify(self) -> dict[str, object]:
        """The settings of the data and their fingerprint, but not where they came from; loads them.

        A search can only be resumed with data for which these are the same.
        """
        data = {"data": f"{self.split.name} {self.split.fingerprint[:16]}"}
        places = ("dataset", "source", "fingerprint", "teacher", "teachers")
        places += ("n_train", "n_validation", "n_test", "majority_accuracy")  # these follow
        if self.split.teacher is not None:
            data["teacher"] = hashlib.sha256(self.split.teacher.tobytes()).hexdigest()[:16]
        return data | {name: v for name, v in self.describe().items() if name not in places}

    def check_classes(self, n_classes: int | None) -> None:
        """Raises `SearchError` if `n_classes` is not None and not the data's number of classes."""
        if n_classes is not None and n_classes != self.problem.n_classes:
            raise SearchError(
                f"n_classes={n_classes!r}, but {self.name} has {self.problem.n_classes} classes; "
                "leave n_classes out to take it from the data"
            )


def _majority(parts: Split) -> float | None:
    """The validation accuracy of always saying the class that is most frequent in training, of
    multilabel of each label what is more frequent."""
    held_out = parts.validation_y if parts.folds is None else parts.train_y
    if len(held_out) == 0 or parts.task == REGRESSION:
        return None
    if parts.task == MULTILABEL:
        right = (held_out == (parts.train_y.mean(axis=0) > 0.5)).all(axis=1)
    else:
        right = held_out == np.bincount(parts.train_y, minlength=parts.n_classes).argmax()
    return round(np.count_nonzero(right) / len(held_out), 4)


def _folds(outline: Split, n_folds: int, repeats: int) -> Folds:
    """Folds with the true shapes whose arrays take no memory."""
    n, n_all = len(outline.train_y), n_folds * repeats
    width = -(-n // n_folds)

    def zeros(*shape: int) -> np.ndarray:
        return np.broadcast_to(np.int32(0), shape)

    statistics = zeros(n_all, 1).astype(np.float32)
    return Folds(zeros(n_all, n - width), zeros(n_all, width), repeats, statistics, statistics)


def _outline(entry: Entry, subset_size: int | None, validation_fraction: float) -> Split:
    """A split with the true shapes whose arrays take no memory."""
    n_train, n_test = entry.n_train, entry.n_test
    n_train = min(subset_size or n_train, n_train)  # `split` refuses more than there are
    n_validation = int(n_train * validation_fraction)
    features = math.prod(entry.image_shape)

    def part(name: str, n: int) -> dict[str, np.ndarray]:
        x, y = np.broadcast_to(np.uint8(0), (n, features)), np.broadcast_to(np.int32(0), (n,))
        return {f"{name}_x": x, f"{name}_y": y}

    return Split(
        **part("train", n_train - n_validation),
        **part("validation", n_validation),
        **part("test", n_test),
        offset=np.zeros((), np.float32),
        scale=np.ones((), np.float32),
        n_classes=entry.n_classes,
        image_shape=entry.image_shape,
        class_names=entry.class_names,
        name=entry.name,
        source="not loaded",
        fingerprint="",
        table=None,
        folds=None,
        target=None,
    )
