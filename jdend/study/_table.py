"""Results as a table that fits a terminal."""

import math
from collections.abc import Mapping, Sequence
from typing import Protocol

from jdend.fields import FIELDS, heading, that_play_a_part

__all__ = [
    "TableRow",
    "figure_columns",
    "parameter_column",
    "parameters_of",
    "results_table",
    "text_of",
]

GAP = "  "


class TableRow(Protocol):
    """The attributes that a table shows; see `SearchResult` for their meanings."""

    @property
    def params(self) -> Mapping[str, object]: ...
    @property
    def validation_accuracy(self) -> float | None: ...
    @property
    def validation_accuracy_std(self) -> float | None: ...
    @property
    def test_accuracy(self) -> float: ...
    @property
    def test_accuracy_std(self) -> float | None: ...
    @property
    def is_validated(self) -> bool: ...
    @property
    def has_accuracy(self) -> bool: ...
    @property
    def metric(self) -> str: ...
    def measured(self, part: str) -> tuple[float | None, float | None]: ...
    @property
    def total_params(self) -> int: ...
    @property
    def failed(self) -> int | None: ...
    @property
    def stopped_epoch(self) -> int | None: ...
    @property
    def cut_off(self) -> bool: ...


def results_table(
    results: Sequence[TableRow],
    *,
    first: tuple[str, Sequence[str]] | None = None,
    width: int = 80,
) -> str:
    """A table of results in the order given, at most `width` columns wide.

    The parameters that vary among the results have columns as long as there is room, the
    architecture first. Those that do not vary, and those for which there is no room, are named in
    lines below. The first column, a heading and a text for each result, is by default their number.
    It marks results that were stopped early or cut off.
    """
    if not results:
        return "no results"
    heading, texts = first or ("#", [str(i + 1) for i in range(len(results))])
    marks = [_mark(result) for result in results]
    if any(marks):  # a space keeps the numbers in line
        texts = [text + (mark or " ") for text, mark in zip(texts, marks, strict=True)]
        heading = f"{heading} "
    columns = [[heading, *texts], *figure_columns(results)]
    varying, constant = parameters_of(results)
    omitted: list[str] = []
    for name in varying:
        column = parameter_column(results, name)
        if _width([*columns, column]) <= width:
            columns.append(column)
        else:
            omitted.append(name)
    lines = [_line(row, columns) for row in zip(*columns, strict=True)]
    lines += _explained(results)
    if constant:
        shared = ", ".join(f"{name}={text_of(value)}" for name, value in constant.items())
        lines += _wrapped(f"all: {shared}", width)
    if omitted:
        lines += _wrapped(f"not shown: {', '.join(omitted)}", width)
    return "\n".join(lines)


# The marks of trials that were not trained to their end, and what they mean.
STOPPED, CUT_OFF = "*", "+"
MEANINGS = {
    STOPPED: "stopped early, after {}: figures of that moment",
    CUT_OFF: "cut off after {}: figures of that moment, --resume goes on",
}


def _mark(result: TableRow) -> str:
    if result.stopped_epoch is None:
        return ""
    return CUT_OFF if result.cut_off else STOPPED


def _explained(results: Sequence[TableRow]) -> list[str]:
    """A line for each mark."""
    lines: list[str] = []
    for mark, meaning in MEANINGS.items():
        marked = [r.stopped_epoch or 0 for r in results if _mark(r) == mark]
        if marked:
            ends = dict.fromkeys([min(marked), max(marked)])
            epochs = "1 epoch" if list(ends) == [1] else f"{' to '.join(map(str, ends))} epochs"
            lines.append(f"{mark} {meaning.format(epochs)}")
    return lines


def figure_columns(results: Sequence[TableRow]) -> list[list[str]]:
    """Columns of figures and parameter counts, each with its heading first: accuracies, unless they
    are of regression, and before them another metric that the results have."""
    headings = figure_headings(results)
    held_out = any(r.is_validated for r in results)
    columns: list[list[str]] = []
    if len(headings) > 2:
        for part in ("validation", "test") if held_out else ("test",):
            figures = [_mean(r, *r.measured(part)) for r in results]
            columns.append([headings[f"{part}_{results[0].metric}"], *figures])
    has_accuracy = any(r.has_accuracy for r in results)
    if held_out and has_accuracy:
        figures = [_mean(r, r.validation_accuracy, r.validation_accuracy_std) for r in results]
        columns.append([headings["validation_accuracy"], *figures])
    if has_accuracy:
        figures = [_mean(r, r.test_accuracy, r.test_accuracy_std) for r in results]
        columns.append([headings["test_accuracy"], *figures])
    columns.append(["params", *(f"{r.total_params:,}" for r in results)])
    return columns


def figure_headings(results: Sequence[TableRow]) -> dict[str, str]:
    """The headings of a table's figures, by name."""
    metric = results[0].metric
    if metric == "accuracy":
        return {"validation_accuracy": "valid.", "test_accuracy": "test"}
    return {
        f"validation_{metric}": f"valid. {metric}",
        f"test_{metric}": f"test {metric}",
        "validation_accuracy": "valid. acc.",
        "test_accuracy": "test acc.",
    }


def _mean(result: TableRow, value: float | None, std: float | None) -> str:
    if result.failed is not None:
        return "failed"
    if value is None or math.isnan(value):
        return "-"
    return f"{value:.4f}" if std is None else f"{value:.4f}±{std:.4f}"


def parameter_column(results: Sequence[TableRow], name: str) -> list[str]:
    """The values of a hyperparameter with its heading first; for a name from `parameters_of`."""
    return [heading(name), *(text_of(_parameters(r).get(name)) for r in results)]


def parameters_of(results: Sequence[TableRow]) -> tuple[list[str], dict[str, object]]:
    """The fields that differ between results, the architecture first and the others in the order
    they were drawn; and the values of the fields that do not differ."""
    rows = [_parameters(result) for result in results]
    named = [that_play_a_part(result.params) for result in results]
    if not any("architecture" in row for row in named):
        rows = named
    names = list(dict.fromkeys(name for row in rows for name in row))
    varying: list[str] = []
    constant: dict[str, object] = {}
    for name in names:
        values = [row.get(name) for row in rows]
        if all(value == values[0] for value in values):
            constant[name] = values[0]
        else:
            varying.append(name)
    return varying, constant


def _parameters(result: TableRow) -> dict[str, object]:
    """Values of what plays a part, the architecture first, by default the default one."""
    return {"architecture": FIELDS["architecture"].default, **that_play_a_part(result.params)}


def text_of(value: object) -> str:
    """A hyperparameter's value, for people."""
    if isinstance(value, float):
        return f"{value:.3g}"
    if value is None:
        return "-"
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _width(columns: list[list[str]]) -> int:
    return sum(max(map(len, column)) for column in columns) + len(GAP) * (len(columns) - 1)


def _line(row: tuple[str, ...], columns: list[list[str]]) -> str:
    cells = [cell.rjust(max(map(len, c))) for cell, c in zip(row, columns, strict=True)]
    return GAP.join(cells).rstrip()


def _wrapped(text: str, width: int) -> list[str]:
    import textwrap

    return textwrap.wrap(text, width, subsequent_indent="  ", break_long_words=False)
