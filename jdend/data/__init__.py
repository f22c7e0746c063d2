"""Data sets in, arrays out.

    from jdend.data import load, split

    parts = split(load("fashion-mnist"), validation_fraction=0.1, seed=0)

`python -m jdend.data list` shows the data sets that are known by name.
"""

from collections.abc import Collection, Sequence
from pathlib import Path

from jdend.data._array_files import ArrayFile, open_arrays
from jdend.data._catalog import Entry, find, is_file_name, is_table_name, names
from jdend.data._dataset import Dataset, from_arrays
from jdend.data._errors import DataError
from jdend.data._folds import Folds
from jdend.data._frames import Frame, from_frame, from_parquet, table_of
from jdend.data._limits import available_memory
from jdend.data._preprocessing import Column, Preprocessing
from jdend.data._sources import load_named
from jdend.data._split import Split, check_split, split
from jdend.data._table import Table
from jdend.data._tables import from_csv, from_npz, read_table
from jdend.data._targets import CLASSIFICATION, MULTILABEL, REGRESSION, TASKS, check_task

__all__ = [
    "CLASSIFICATION",
    "MULTILABEL",
    "REGRESSION",
    "TASKS",
    "ArrayFile",
    "Column",
    "DataError",
    "Dataset",
    "Entry",
    "Folds",
    "Frame",
    "Preprocessing",
    "Split",
    "Table",
    "available_memory",
    "check_split",
    "check_task",
    "find",
    "from_arrays",
    "from_csv",
    "from_frame",
    "from_npz",
    "from_parquet",
    "is_file_name",
    "is_table_name",
    "load",
    "names",
    "open_arrays",
    "read_table",
    "split",
    "table_of",
]


def load(
    name_or_path: str | Path,
    *,
    target: str | Sequence[str] | None = None,
    drop: Collection[str] = (),
    categorical: Collection[str] = (),
    numeric: Collection[str] = (),
    task: str = "classification",
    data_dir: str | Path | None = None,
    from_dir: str | Path | None = None,
    download: bool = True,
    refresh: bool = False,
) -> Dataset:
    """Loads a data set by name, or the user's own from an `.npz`, `.csv`, `.tsv` or `.parquet`
    file.

    For a name, these sources are tried in order; `Dataset.source` says which one it was:

    1. decoded arrays in the cache;
    2. a data set that TensorFlow Datasets (TFDS) has prepared as array_record; TensorFlow is not
       needed;
    3. IDX files that Debian's package `dataset-fashion-mnist` has installed;
    4. the publisher's files, downloaded, resumed where a download broke off, checked by SHA-256;
    5. download and preparation by TFDS; needs the extra `prepare`;
    6. for Fashion-MNIST on Debian and Ubuntu, that package, fetched by `apt-get download`.

    The data set is verified and cached. `digits` comes from scikit-learn.

    Args:
      name_or_path: one of `names()`, an alias such as `fashion_mnist`, or a path that ends in
        `.npz`, `.csv`, `.tsv` or `.parquet`.
      target: the column of a table that holds the classes, of multilabel the columns of the labels;
        see `from_csv`.
      drop, categorical, numeric: columns of a table that are not read by the rule; see
        `from_csv`.
      task: `classification`, `regression` for numbers to predict, or `multilabel` for any number of
        labels an example; see `from_csv` and `from_arrays`. The data sets that are known by name
        have classes.
      data_dir: where the cache is; default `JDEND_DATA_DIR`, else `jdend` in the user's cache
        folder.
      from_dir: a folder that holds the publisher's files or a data set prepared by TFDS. If given,
        it is the only source.
      download: whether sources 4 to 6 may be tried.
      refresh: whether to ignore the cache.

    Raises:
      DataError: if the name is unknown, a file is damaged or not what it should be, or no source
        has the data set; then the message lists what was tried, and what to do.
    """
    path = Path(name_or_path)
    wishes = {"drop": drop, "categorical": categorical, "numeric": numeric}
    if is_table_name(path):
        read = from_parquet if path.suffix.lower() == ".parquet" else from_csv
        return read(path, target=target, task=task, **wishes)
    for name, value in {"target": target, **wishes}.items():
        if value:
            raise DataError(f"{name}={value!r} is for tables; {str(name_or_path)!r} is none")
    if is_file_name(path):
        return from_npz(path, task=task)
    check_task(task)
    if task != CLASSIFICATION:
        raise DataError(f"task={task!r} needs a file of yours; {str(name_or_path)!r} has classes")
    return load_named(
        str(name_or_path),
        data_dir=data_dir,
        from_dir=from_dir,
        download=download,
        refresh=refresh,
    )
