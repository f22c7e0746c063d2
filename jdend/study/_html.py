"""Results as a table for a notebook, in HTML."""

import html
import math
from collections.abc import Iterable

from jdend.study._table import (
    TableRow,
    figure_columns,
    parameter_column,
    parameters_of,
    text_of,
)

__all__ = ["results_html"]

MAX_ROWS = 20
CELL_STYLE = "text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap"


def results_html(results: Iterable[TableRow], *, limit: int = MAX_ROWS) -> str:
    """The first `limit` results, in their order, as an HTML table."""
    results = list(results)
    shown = results[:limit]
    if not shown:
        return "<p>no results</p>"
    varying, constant = parameters_of(shown)
    columns = [["#", *map(str, range(1, len(shown) + 1))], *figure_columns(shown)]
    per_1k = (100 * r.accuracy_per_1k_params for r in shown)
    columns.append(["test per 1,000", *("-" if math.isnan(v) else f"{v:.2f} %" for v in per_1k)])
    if any(r.stopped_epoch is not None for r in shown):
        columns.append(["stopped after", *(text_of(r.stopped_epoch) for r in shown)])
    for name in varying:
        columns.append(parameter_column(shown, name))
    head, *body = zip(*columns, strict=True)
    rows = "".join(f"<tr>{_cells('td', row)}</tr>" for row in body)
    notes = [", ".join(f"{name}={text_of(value)}" for name, value in constant.items())]
    if len(results) > limit:
        notes.append(f"{len(results) - limit:,} more are not shown")
    below = "".join(f"<div>{html.escape(note)}</div>" for note in notes if note)
    table = f"<table><thead><tr>{_cells('th', head)}</tr></thead><tbody>{rows}</tbody></table>"
    return f'<div style="overflow-x:auto">{table}{below}</div>'


def _cells(tag: str, row: Iterable[str]) -> str:
    return "".join(f'<{tag} style="{CELL_STYLE}">{html.escape(cell)}</{tag}>' for cell in row)
