"""Interactive Plotly figures of results; notebooks and the report show the same ones."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from jdend.report._format import by_metric, called, metric_of, percent, setting, settings
from jdend.report._importance import Importances
from jdend.report._record import finite, ranked
from jdend.report._style import (
    BLUE,
    FONT,
    GREY,
    GRID,
    INK,
    MUTED,
    ORANGE,
    PAPER,
    SERIES,
    faint,
)
from jdend.study import SearchResult, StudyError, pareto_front

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

__all__ = ["accuracy_figure", "curves_figure", "importance_figure", "laid_out", "plotly"]

# At most so many curves of other trials are drawn in the background.
MAX_BACKGROUND_CURVES = 80
# With fewer networks trained to their end, the figure's range includes the stopped ones as well.
MIN_COMPLETE_TRIALS = 12


def plotly():
    """`plotly.graph_objects`.

    Raises:
      StudyError: if Plotly is not installed.
    """
    try:
        import plotly.graph_objects as go
    except ImportError:
        raise StudyError("figures need Plotly: pip install 'jdend[report]'") from None
    return go


def accuracy_figure(results: Sequence[SearchResult], *, budget: int | None = None) -> "Figure":
    """Validation accuracy, or another metric, against parameters, with the Pareto front and the
    budget."""
    go = plotly()
    shown = [r for r in results if r.failed is None and finite(r.score)]
    front = pareto_front(shown)
    best = ranked(shown)[0][:1]
    chosen = [*front, *best]
    marked = {id(result) for result in chosen}
    stopped = [r for r in shown if r.stopped_epoch is not None]
    ended = [r for r in shown if r.stopped_epoch is None and id(r) not in marked]
    groups = [
        ("stopped early", stopped, faint(GREY, 0.7), "circle-open", 6),
        ("trained to the end", ended, GREY, "circle", 8),
        ("Pareto front", front, BLUE, "circle", 9),
        ("best", best, ORANGE, "diamond", 13),
    ]
    figure = go.Figure()
    for name, members, colour, symbol, size in groups:
        if not members:
            continue
        figure.add_scatter(
            x=[r.total_params for r in members],
            y=[_value(r) for r in members],
            text=[_hover(r) for r in members],
            name=name,
            mode="lines+markers" if name == "Pareto front" and len(members) > 1 else "markers",
            marker={"color": colour, "symbol": symbol, "size": size, "line": {"color": colour}},
            line={"color": faint(BLUE, 0.5), "width": 1.5, "shape": "hv"},
            error_y={
                "array": [r.measured("validation")[1] or 0 for r in members],
                "visible": name in ("Pareto front", "best"),
                "color": faint(colour[:7], 0.6),
                "thickness": 1.2,
                "width": 3,
            },
            hovertemplate="%{text}<extra></extra>",
        )
    if budget is not None:
        figure.add_vline(
            x=budget,
            line={"color": MUTED, "dash": "dot", "width": 1},
            annotation={"text": f"budget {budget:,}", "font": {"color": MUTED, "size": 11}},
            annotation_position="top left",
        )
    complete = [*ended, *chosen]
    heights = [_value(r) for r in (complete if len(complete) >= MIN_COMPLETE_TRIALS else shown)]
    heights += [
        _value(r) + sign * (r.measured("validation")[1] or 0) for r in best for sign in (-1, 1)
    ]
    figure = laid_out(
        figure,
        x="parameters",
        y=f"validation {metric_of(shown)}",
        y_range=_where_it_matters(heights, shown),
        tickformat=",d",
    )
    return figure.update_yaxes(tickformat=_tickformat(shown))


# So many epochs at most each have a tick.
EACH_EPOCH = 12


def curves_figure(results: Sequence[SearchResult], n: int = 5) -> "Figure":
    """Validation accuracy, or another metric, by epoch of the `n` best, with bands of one standard
    deviation over seeds. The curves of other trials, stopped ones included, are drawn faintly
    behind them."""
    go = plotly()
    curves = [r for r in results if r.score_history]
    number = ".2%" if metric_of(curves) == "accuracy" else ".4f"
    order = ranked(curves)[0]
    figure = go.Figure()
    background = order[n:]
    background = background[:: max(1, math.ceil(len(background) / MAX_BACKGROUND_CURVES))]
    xs, ys = _joined([_curve(result) for result in background])
    if xs:
        figure.add_scatter(
            x=xs,
            y=ys,
            mode="lines",
            line={"color": faint(GREY, 0.45), "width": 1},
            name="others",
            hoverinfo="skip",
        )
    for place, result in reversed(list(enumerate(order[:n], 1))):
        colour, curve = SERIES[(place - 1) % len(SERIES)], _curve(result)
        epochs, spread = list(range(1, len(curve) + 1)), _spread(result)
        group = {"legendgroup": str(place), "legendrank": place}
        if spread is not None:
            figure.add_scatter(
                x=[*epochs, *reversed(epochs)],
                y=[*(curve + spread), *reversed(curve - spread)],
                fill="toself",
                fillcolor=faint(colour, 0.2 if place == 1 else 0.07),
                line={"width": 0},
                mode="lines",
                hoverinfo="skip",
                showlegend=False,
                **group,
            )
        figure.add_scatter(
            x=epochs,
            y=curve.tolist(),
            mode="lines+markers" if len(curve) < 25 else "lines",
            marker={"size": 4},
            line={"color": colour, "width": 2.5 if place == 1 else 1.8},
            name=f"{place}. {result.total_params:,} parameters"
            + (", stopped" if result.stopped_epoch is not None else ""),
            customdata=[0.0] * len(curve) if spread is None else spread.tolist(),
            hovertemplate=f"{place}. epoch %{{x}}: %{{y:{number}}} ± %{{customdata:{number}}}"
            "<extra></extra>",
            **group,
        )
    heights = [value for result in order[:n] for value in _curve(result) if math.isfinite(value)]
    figure = laid_out(figure, x="epoch", y=f"validation {metric_of(curves)}", tickformat="d")
    longest = max((len(_curve(result)) for result in curves), default=0)
    if longest <= EACH_EPOCH:  # else Plotly writes 1 1 2 2 3
        figure.update_xaxes(dtick=1)
    return figure.update_yaxes(
        range=_where_it_matters(heights, curves), tickformat=_tickformat(curves)
    )


def importance_figure(importances: Importances) -> "Figure":
    """How much each hyperparameter explains of the differences between trials."""
    go = plotly()
    shares = dict(list(importances.shares.items())[::-1])
    figure = go.Figure()
    figure.add_bar(
        x=list(shares.values()),
        y=[called(name) for name in shares],
        orientation="h",
        marker={"color": BLUE},
        text=[percent(share, digits=0) for share in shares.values()],
        textposition="outside",
        cliponaxis=False,
        hovertemplate="%{y}: %{text}<extra></extra>",
    )
    figure = laid_out(figure, x="share of importance", y="", height=90 + 34 * max(3, len(shares)))
    figure.update_xaxes(tickformat=".0%", range=[0, 1.15 * max(shares.values(), default=1)])
    return figure.update_yaxes(showgrid=False, tickformat="")


def laid_out(
    figure: "Figure",
    *,
    x: str,
    y: str,
    y_range: Sequence[float] | None = None,
    tickformat: str | None = None,
    height: int = 420,
) -> "Figure":
    """The figure, in the layout that all figures share."""
    axis: Mapping[str, Any] = {
        "gridcolor": GRID,
        "linecolor": GRID,
        "zeroline": False,
        "title": {"font": {"size": 12, "color": MUTED}, "standoff": 10},
        "tickfont": {"size": 11, "color": MUTED},
    }
    figure.update_layout(
        template="none",
        height=height,
        font={"family": FONT, "size": 13, "color": INK},
        paper_bgcolor=PAPER,
        plot_bgcolor=PAPER,
        margin={"l": 62, "r": 16, "t": 24, "b": 48},
        legend={
            "orientation": "h",
            "y": -0.2,
            "yanchor": "top",
            "x": 0,
            "font": {"size": 12},
            "tracegroupgap": 0,
        },
        hoverlabel={"font": {"family": FONT, "size": 12}, "align": "left"},
        hovermode="closest",
    )
    figure.update_xaxes(**axis, title_text=x, tickformat=tickformat, automargin=True)
    figure.update_yaxes(**axis, title_text=y, range=y_range, automargin=True, tickformat=".1%")
    return figure


def _hover(result: SearchResult) -> str:
    lines = [
        f"<b>{result.total_params:,} parameters</b>",
        f"validation {by_metric(result.metric, *result.measured('validation'))}",
    ]
    if finite(result.measured("test")[0]):
        lines.append(f"test {by_metric(result.metric, *result.measured('test'))}")
    if result.stopped_epoch:
        lines.append(f"stopped after epoch {result.stopped_epoch}")
    lines += [f"{called(name)} {setting(value)}" for name, value in settings(result).items()]
    return "<br>".join(lines)


def _value(result: SearchResult) -> float:
    value, _ = result.measured("validation")
    return math.nan if value is None else value


def _tickformat(results: Sequence[SearchResult]) -> str:
    return ".1%" if metric_of(results) == "accuracy" else ""


def _curve(result: SearchResult) -> np.ndarray:
    return _numbers(result.history[f"validation_{result.metric}"])


def _spread(result: SearchResult) -> np.ndarray | None:
    """Standard deviation over seeds, by epoch; None with one seed."""
    rows = result.seed_history.get(f"validation_{result.metric}") or []
    if len(rows) < 2:
        return None
    return np.std(np.stack([_numbers(row) for row in rows]), axis=0, ddof=1)


def _numbers(values: Sequence[float | None]) -> np.ndarray:
    return np.array([math.nan if value is None else value for value in values])


def _joined(curves: Sequence[np.ndarray]) -> tuple[list, list]:
    """Several curves as one with gaps between them, which Plotly draws as one object."""
    xs: list[int | None] = []
    ys: list[float | None] = []
    for curve in curves:
        xs += [*range(1, len(curve) + 1), None]
        ys += [*curve.tolist(), None]
    return xs, ys


def _where_it_matters(
    values: Sequence[float], results: Sequence[SearchResult]
) -> list[float] | None:
    """A range that shows the best nine tenths of the values; zooming out shows the others."""
    minimised = any(result.minimised for result in results)
    values = sorted((value for value in values if math.isfinite(value)), reverse=minimised)
    if not values:
        return None
    low, high = sorted((values[len(values) // 10], values[-1]))
    margin = max(0.12 * (high - low), 0.005)
    return [low - margin, high + margin]
