# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
"""A list of results that a notebook shows as a table, and as a DataFrame."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, SupportsIndex, overload

from jdend.study._errors import StudyError
from jdend.study._html import results_html
from jdend.study._result import SearchResult

if TYPE_CHECKING:
    import pandas

__all__ = ["Results", "to_dataframe"]

DATAFRAME_COLUMNS = (
    "validation_accuracy",
    "validation_accuracy_std",
    "test_accuracy",
    "test_accuracy_std",
    "train_accuracy",
    "total_params",
    "accuracy_per_1k_params",
    "train_time",
    "stopped_epoch",
    "failed",
)


class Results(list[SearchResult]):
    """A list of results, which a notebook displays as a table."""

    @overload
    def __getitem__(self, index: SupportsIndex) -> SearchResult: ...
    @overload
    def __getitem__(self, index: slice) -> "Results": ...
    def __getitem__(self, index: SupportsIndex | slice) -> "SearchResult | Results":
        item = super().__getitem__(index)
        return Results(item) if isinstance(item, list) else item

    def _repr_html_(self) -> str:
        return results_html(self)

    def to_dataframe(self) -> "pandas.DataFrame":
        """A data frame with one row per result; see `to_dataframe`."""
        return to_dataframe(self)


def to_dataframe(results: Iterable[SearchResult]) -> "pandas.DataFrame":
    """A data frame with one row per result: its parameters by name, its figures, its seeds.

    Raises:
      StudyError: if pandas is not installed.
    """
    try:
        import pandas
    except ImportError:
        raise StudyError("a DataFrame needs pandas: pip install pandas") from None
    records = [
        {
            **{name: value for name, value in result.params.items() if name != "seed"},
            **result.figures_of_metric(),
            **{name: getattr(result, name) for name in DATAFRAME_COLUMNS},
            "seeds": result.seeds,
        }
        for result in results
    ]
    return pandas.DataFrame.from_records(records)
