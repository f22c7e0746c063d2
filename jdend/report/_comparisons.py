"""Plotly figures that hold results against each other: time against size, and a heatmap."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from jdend.fields import label
from jdend.report._figures import laid_out, plotly
from jdend.report._style import BLUE
from jdend.study import SearchResult, StudyError

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

__all__ = ["heatmap_figure", "time_figure"]


def time_figure(results: Sequence[SearchResult]) -> "Figure":
    """Seconds of training against parameters, a point a result, by architecture.

    A result's time is its share of the time in which its population trained.
    """
    go = plotly()
    by_architecture: dict[str, list[SearchResult]] = {}
    for result in results:
        name = str(result.params.get("architecture", "dendritic_simple"))
        by_architecture.setdefault(name, []).append(result)
    figure = go.Figure()
    for name, shown in by_architecture.items():
        figure.add_scatter(
            x=[result.total_params for result in shown],
            y=[result.train_time for result in shown],
            mode="markers",
            name=name,
        )
    laid_out(figure, x="parameters", y="seconds of training")
    return figure.update_yaxes(tickformat="")


def heatmap_figure(
    results: Sequence[SearchResult],
    row: str = "resampling_rule",
    column: str = "steps_to_resample",
    figure_of: str | None = None,
) -> "Figure":
    """The mean of a figure, by the values of two parameters.

    Args:
      results: those that lack a parameter or the figure are left out.
      row, column: names of parameters.
      figure_of: a field of `SearchResult`; by default the metric that they were chosen by, on the
        validation examples.

    Raises:
      StudyError: if no result has both parameters and the figure.
    """
    go = plotly()
    cells: dict[tuple[object, object], list[float]] = {}
    for result in results:
        value = getattr(result, figure_of) if figure_of else result.measured("validation")[0]
        if row in result.params and column in result.params and value is not None:
            cells.setdefault((result.params[row], result.params[column]), []).append(value)
    if not cells:
        raise StudyError(f"no result has {row}, {column} and {figure_of or 'validation figures'}")
    rows, columns = (sorted({key[axis] for key in cells}, key=_order) for axis in (0, 1))
    means = [[np.mean(cells[r, c]) if (r, c) in cells else np.nan for c in columns] for r in rows]
    figure = go.Figure(
        go.Heatmap(
            x=[str(c) for c in columns],
            y=[str(r) for r in rows],
            z=means,
            texttemplate="%{z:.4f}",
            colorscale=[BLUE, "white"]
            if results[0].minimised and not figure_of
            else ["white", BLUE],
            hoverongaps=False,
        )
    )
    laid_out(figure, x=label(column), y=label(row))
    figure.update_xaxes(type="category")
    return figure.update_yaxes(type="category", tickformat="")


def _order(value: object) -> tuple[bool, float, str]:
    """Numbers by size, before names."""
    is_number = isinstance(value, int | float)
    return not is_number, float(value) if is_number else 0.0, str(value)
