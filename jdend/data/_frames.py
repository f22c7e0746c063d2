"""Frames of pandas and polars, and Parquet files, as tables."""

from collections import Counter
from collections.abc import Collection, Sequence
from decimal import Decimal
from numbers import Real
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from jdend._messages import reason
from jdend.data._column_kinds import Wishes, dataset_of
from jdend.data._dataset import Dataset
from jdend.data._errors import DataError
from jdend.data._limits import check_fits, regular_file
from jdend.data._table import Table, is_missing


@runtime_checkable
class Frame(Protocol):
    """A DataFrame of pandas or polars, or a table of Arrow: named columns that NumPy can read."""

    @property
    def columns(self) -> Any: ...

    def __getitem__(self, name: Any, /) -> Any: ...


def from_frame(
    frame: Frame,
    *,
    target: str | Sequence[str] | None = None,
    drop: Collection[str] = (),
    categorical: Collection[str] = (),
    numeric: Collection[str] = (),
    name: str = "frame",
    task: str = "classification",
) -> Dataset:
    """Makes a data set of a DataFrame of pandas or polars, by the rule in docs/tables.md.

    Bools are yes and no, durations are numbers of seconds; all other values are text, dates too.

    Args:
      frame: the frame.
      target, drop, categorical, numeric: names of columns, as for `from_csv`.
      name: what to call the data set.
      task: as for `from_csv`.

    Raises:
      DataError: as `from_csv`.
    """
    wishes = Wishes.of(drop, categorical, numeric)
    return dataset_of(table_of(frame), target, wishes, name=name, task=task)


def from_parquet(
    path: str | Path,
    *,
    target: str | Sequence[str] | None = None,
    drop: Collection[str] = (),
    categorical: Collection[str] = (),
    numeric: Collection[str] = (),
    task: str = "classification",
) -> Dataset:
    """Loads a Parquet file as `from_frame` a frame; needs pyarrow.

    Args:
      path: the file.
      target, drop, categorical, numeric, task: as for `from_csv`.

    Raises:
      DataError: as `from_csv`, and if pyarrow is not installed.
    """
    wishes = Wishes.of(drop, categorical, numeric)
    path = regular_file(path)
    return dataset_of(read_parquet(path), target, wishes, name=path.stem, task=task)


def table_of(frame: Any, source: str = "the frame") -> Table:
    """The columns of a frame, or of a table already, as a table.

    Raises:
      DataError: if it has no rows, two columns of one name, or one that is no list of values.
    """
    if isinstance(frame, Table):
        return frame
    names = list(frame.column_names if hasattr(frame, "column_names") else frame.columns)
    twice = [name for name, n in Counter(map(str, names)).items() if n > 1]
    if twice:
        raise DataError(f"{source} has two columns named {min(twice)!r}; rename one")
    columns = {str(name): _cells(frame[name], str(name), source) for name in names}
    table = Table(columns, source)
    if len(table) == 0:
        raise DataError(f"{source} has no rows")
    return table


def read_parquet(path: Path) -> Table:
    """The columns of a Parquet file as a table; see `read_table`."""
    try:
        from pyarrow import parquet
    except ImportError:
        raise DataError(f"reading {path} needs pyarrow: pip install 'jdend[tables]'") from None
    try:
        with parquet.ParquetFile(path) as file:
            facts = file.metadata
            groups = range(facts.num_row_groups)
            size = sum(facts.row_group(i).total_byte_size for i in groups)
            check_fits(max(size, 8 * facts.num_rows * facts.num_columns), str(path))
            return table_of(file.read(), str(path))
    except DataError:
        raise
    except Exception as error:  # what pyarrow raises of a damaged file is of many types
        raise DataError(f"cannot read {path} as Parquet: {reason(error)}") from None


def _cells(column: Any, name: str, source: str) -> np.ndarray:
    """A column as `Table` has it."""
    values = np.asarray(column)
    if values.ndim != 1:
        raise DataError(f"{source}: column {name!r} has shape {list(values.shape)}; needed is [n]")
    if values.dtype.kind in "biuf":
        return values
    if values.dtype.kind == "m":
        return np.where(np.isnat(values), np.nan, values / np.timedelta64(1, "s"))
    if values.dtype.kind == "M":
        values = values.astype(str)
    cells = [None if _is_hole(cell) else cell for cell in values.tolist()]
    there = [cell for cell in cells if cell is not None]
    if there and all(isinstance(c, Real | Decimal) and not isinstance(c, bool) for c in there):
        return np.array([np.nan if cell is None else float(cell) for cell in cells], np.float64)
    return np.array(["" if cell is None else str(cell).strip() for cell in cells], object)


def _is_hole(cell: object) -> bool:
    """Whether a value is NaN, None, or one of those that pandas has for that, by its name."""
    text = str(cell)
    return text == "NaT" or (not isinstance(cell, str) and is_missing(text))
