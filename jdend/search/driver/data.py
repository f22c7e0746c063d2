"""The data of a search: their shape at once, their contents when they are first needed."""

import math
from pathlib import Path

import numpy as np

from jdend.data import DataError, Dataset, Entry, Split, find, is_file_name, load, split
from jdend.models import Problem
from jdend.search.errors import SearchError

__all__ = ["SearchData"]


class SearchData:
    """A data set, given by name, by path or as it is, and how it is divided.

    Args:
      dataset: a name that `jdend.data` knows, the path of an `.npz` or `.csv` file, or a `Dataset`.
      subset_size, validation_fraction, split_seed: see `jdend.data.split`.
      target: the column of a CSV file that holds the classes.

    Attributes:
      name: of the data set.

    Raises:
      DataError: if there is no such data set or file.
    """

    def __init__(
        self,
        dataset: str | Path | Dataset,
        *,
        subset_size: int | None = None,
        validation_fraction: float = 0.1,
        split_seed: int = 0,
        target: str | None = None,
    ):
        self._source = dataset
        self._target = target
        self._subset_size = subset_size
        self._validation_fraction = validation_fraction
        self._split_seed = split_seed
        # Both are None until they are first asked for.
        self._dataset: Dataset | None = None
        self._split: Split | None = None
        self._entry: Entry | None = None  # of a data set that is given by name
        if isinstance(dataset, Dataset):
            self.name = dataset.name
            self._dataset = dataset
        elif not isinstance(dataset, str | Path):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise DataError(
                f"dataset={dataset!r} is not allowed; give a name, a path that ends in .npz or "
                ".csv, or a jdend.data.Dataset"
            )
        elif is_file_name(dataset):
            self.name = Path(dataset).stem
            if not Path(dataset).expanduser().is_file():
                raise DataError(f"{dataset} does not exist")
        else:
            self._entry = find(str(dataset))
            self.name = self._entry.name
            if target is not None:
                raise DataError(f"target={target!r} is for CSV files; {dataset!r} is none")

    @property
    def dataset(self) -> Dataset:
        """The whole data set, loaded when it is first asked for."""
        if self._dataset is None:
            assert not isinstance(self._source, Dataset)
            self._dataset = load(self._source, target=self._target)
        return self._dataset

    @property
    def split(self) -> Split:
        """Its parts for training, validation and test; loads the data."""
        if self._split is None:
            self._split = split(
                self.dataset,
                subset_size=self._subset_size,
                validation_fraction=self._validation_fraction,
                seed=self._split_seed,
            )
        return self._split

    @property
    def outline(self) -> Split:
        """A split of the true shapes, for estimates: without contents if nothing is loaded yet and
        the shapes are known by the data set's name."""
        if self._entry is None or self._split is not None:
            return self.split
        return _outline(self._entry, self._subset_size, self._validation_fraction)

    @property
    def problem(self) -> Problem:
        """What the data fix. A data set known by name need not be loaded for it."""
        if self._entry is not None:
            features = math.prod(self._entry.image_shape)
            return Problem(features, self._entry.n_classes, self._entry.image_shape)
        data = self.dataset
        return Problem(data.in_features, data.n_classes, data.image_shape)

    @property
    def validation_fraction(self) -> float:
        """The share of the training examples that is held out."""
        return self._validation_fraction

    @property
    def has_validation(self) -> bool:
        """Whether examples are held out for validation; loads the data."""
        return len(self.split.validation_y) > 0

    def describe(self) -> dict[str, object]:
        """What the search's record says of the data; their source and fingerprint once loaded."""
        record: dict[str, object] = {
            "dataset": self.name if isinstance(self._source, Dataset) else str(self._source),
            "target": self._target,
            "subset_size": self._subset_size,
            "validation_fraction": self._validation_fraction,
            "split_seed": self._split_seed,
        }
        if self._split is not None:
            record |= {"source": self._split.source, "fingerprint": self._split.fingerprint}
        return record

    def identify(self) -> dict[str, object]:
        """Which data a search was made with, wherever they were found; loads them.

        A search can only be gone on with where these are the same.
        """
        data = {"data": f"{self.split.name} {self.split.fingerprint[:16]}"}
        places = ("dataset", "source", "fingerprint")
        return data | {name: v for name, v in self.describe().items() if name not in places}

    def check_classes(self, n_classes: int | None) -> None:
        """Raises `SearchError` if a stated number of classes is not that of the data."""
        if n_classes is not None and n_classes != self.problem.n_classes:
            raise SearchError(
                f"n_classes={n_classes!r}, but {self.name} has {self.problem.n_classes} classes; "
                "leave n_classes out to take it from the data"
            )


def _outline(entry: Entry, subset_size: int | None, validation_fraction: float) -> Split:
    """Arrays of the right shapes that take no memory."""
    n_train, n_test = entry.n_train, entry.n_test
    # What is out of range is refused when the data are divided.
    n_train = max(0, subset_size or n_train)
    n_validation = min(max(0, int(n_train * validation_fraction)), n_train)
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
    )
