"""A list of results that a notebook shows as a table, and as a DataFrame."""

import html
import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, SupportsIndex, overload

from jdend.study._errors import StudyError
from jdend.study._result import SearchResult
from jdend.study._table import figure_columns, parameter_column, parameters_of, text_of

if TYPE_CHECKING:
    import pandas

__all__ = ["Results", "results_html", "to_dataframe"]

SHOWN = 20
STYLE = "text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap"
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
    """A list like any other, which displays itself as a table in a notebook."""

    @overload
    def __getitem__(self, index: SupportsIndex) -> SearchResult: ...
    @overload
    def __getitem__(self, index: slice) -> "Results": ...
    def __getitem__(self, index: SupportsIndex | slice) -> "SearchResult | Results":
        found = super().__getitem__(index)
        return Results(found) if isinstance(found, list) else found

    def _repr_html_(self) -> str:
        return results_html(self)

    def to_dataframe(self) -> "pandas.DataFrame":
        """One row a result; see `to_dataframe`."""
        return to_dataframe(self)


def results_html(results: Iterable[SearchResult], *, limit: int = SHOWN) -> str:
    """The results in the order given as an HTML table; of many the first `limit`."""
    results = list(results)
    some = results[:limit]
    if not some:
        return "<p>no results</p>"
    varying, constant = parameters_of(some)
    columns = [["#", *map(str, range(1, len(some) + 1))], *figure_columns(some)]
    per_1k = (100 * r.accuracy_per_1k_params for r in some)
    columns.append(["test per 1,000", *("-" if math.isnan(v) else f"{v:.2f} %" for v in per_1k)])
    if any(r.stopped_epoch is not None for r in some):
        columns.append(["stopped after", *(text_of(r.stopped_epoch) for r in some)])
    for name in varying:
        columns.append(parameter_column(some, name))
    head, *body = zip(*columns, strict=True)
    rows = "".join(f"<tr>{_cells('td', row)}</tr>" for row in body)
    notes = [", ".join(f"{name}={text_of(value)}" for name, value in constant.items())]
    if len(results) > limit:
        notes.append(f"{len(results) - limit:,} more are not shown")
    said = "".join(f"<div>{html.escape(note)}</div>" for note in notes if note)
    table = f"<table><thead><tr>{_cells('th', head)}</tr></thead><tbody>{rows}</tbody></table>"
    return f'<div style="overflow-x:auto">{table}{said}</div>'


def to_dataframe(results: Iterable[SearchResult]) -> "pandas.DataFrame":
    """One row a result: its parameters under their names, its figures, its seeds.

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
            **{name: getattr(result, name) for name in DATAFRAME_COLUMNS},
            "seeds": result.seeds,
        }
        for result in results
    ]
    return pandas.DataFrame.from_records(records)


def _cells(tag: str, row: Iterable[str]) -> str:
    return "".join(f'<{tag} style="{STYLE}">{html.escape(cell)}</{tag}>' for cell in row)
