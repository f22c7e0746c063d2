"""The settings of a searcher about its data. Nothing heavy is imported."""

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from jdend.search.settings import about

if TYPE_CHECKING:
    from jdend.data import Dataset, Frame

__all__ = ["DataOptions"]

COLUMNS = "COLUMN[,…]"


def _columns(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(","))


@dataclass(frozen=True)
class DataOptions:
    """The data, and which examples are held out."""

    dataset: "str | Path | Dataset | Frame" = field(
        default="fashion-mnist",
        metadata=about(
            "a name (python -m jdend.data list), or a file: .npz, .csv, .tsv or .parquet",
            python=", a `jdend.data.Dataset`, or a DataFrame of pandas or polars; loaded when "
            "training begins",
            metavar="NAME|FILE",
        ),
    )
    subset_size: int | None = field(
        default=None,
        metadata=about(
            "training examples to use, validation included", int, none="all", flag="--subset"
        ),
    )
    _: KW_ONLY
    validation_fraction: float = field(
        default=0.1,
        metadata=about(
            "share of the training examples held out to rank by",
            float,
            python="; with 0 nothing can be ranked",
        ),
    )
    split_seed: int = field(default=0, metadata=about("seed that decides which are held out", int))
    folds: int | None = field(
        default=None,
        metadata=about(
            "hold out so many parts, one after the other, and train a network for each",
            int,
            python=" (stratified k-fold cross-validation, in place of `validation_fraction`)",
            none="one part",
        ),
    )
    fold_repeats: int = field(
        default=1, metadata=about("divide into folds so often, by other draws", int)
    )
    target: str | Sequence[str] | None = field(
        default=None,
        metadata=about(
            "the column of a table with the classes, or numbers; several if each is a label",
            python=", as a list, or text with commas",
            metavar=COLUMNS,
        ),
    )
    task: str | None = field(
        default=None,
        metadata=about(
            "classification, regression for a target that is a number, or multilabel for any number"
            " of labels an example",
            none="classification",
            python="; None for that of a `Dataset`",
        ),
    )
    drop: Sequence[str] | None = field(
        default=None, metadata=about("columns of it to leave out", _columns, metavar=COLUMNS)
    )
    categorical: Sequence[str] | None = field(
        default=None,
        metadata=about("columns of it that are categories", _columns, metavar=COLUMNS),
    )
    numeric: Sequence[str] | None = field(
        default=None,
        metadata=about(
            "columns of it that are numbers, words in them missing values",
            _columns,
            python="; what these three leave out is read by a rule, see docs/tables.md",
            metavar=COLUMNS,
        ),
    )
