"""Results as a table for a notebook, in HTML."""

import functools
from collections.abc import Iterable
from typing import TYPE_CHECKING

from jdend.study._table import (
    TableRow,
    figure_columns,
    parameter_column,
    parameters_of,
    text_of,
)

if TYPE_CHECKING:
    from jinja2 import Template

__all__ = ["results_html"]

MAX_RESULTS = 20
TEMPLATE = """\
{%- macro cells(tag, row) -%}
{%- for cell in row -%}
<{{ tag }} style="text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap">\
{{ cell }}</{{ tag }}>
{%- endfor -%}
{%- endmacro -%}
<div style="overflow-x:auto"><table><thead><tr>{{ cells("th", head) }}</tr></thead><tbody>
{%- for row in rows %}<tr>{{ cells("td", row) }}</tr>{% endfor -%}
</tbody></table>{% for note in notes %}<div>{{ note }}</div>{% endfor %}</div>"""


def results_html(results: Iterable[TableRow], *, limit: int = MAX_RESULTS) -> str:
    """The first `limit` results, in their order, as an HTML table."""
    results = list(results)
    shown = results[:limit]
    if not shown:
        return "<p>no results</p>"
    varying, constant = parameters_of(shown)
    columns = [["#", *map(str, range(1, len(shown) + 1))], *figure_columns(shown)]
    if any(r.stopped_epoch is not None for r in shown):
        columns.append(["stopped after", *(text_of(r.stopped_epoch) for r in shown)])
    for name in varying:
        columns.append(parameter_column(shown, name))
    head, *rows = zip(*columns, strict=True)
    notes: list[str] = []
    if constant:
        notes.append(", ".join(f"{name}={text_of(value)}" for name, value in constant.items()))
    if len(results) > limit:
        notes.append(f"{len(results) - limit:,} more are not shown")
    return _template().render(head=head, rows=rows, notes=notes)


@functools.cache
def _template() -> "Template":
    from jinja2 import Environment

    return Environment(autoescape=True).from_string(TEMPLATE)
