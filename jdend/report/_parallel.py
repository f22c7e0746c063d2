"""All trials as lines across their hyperparameters.

Plotly's own parallel coordinates need WebGL, which not every browser has, and cannot be printed. So
this draws ordinary lines on axes of its own.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from jdend.report._figures import laid_out, plotly
from jdend.report._format import called, metric_of, percent, setting
from jdend.report._importance import varying
from jdend.report._record import finite, ranked
from jdend.report._style import BLUE, GREY, INK, MUTED, ORANGE, PAPER, faint
from jdend.study import SearchResult

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

__all__ = ["parallel_figure"]

ACCURACY = "validation accuracy"
MAX_AXES = 9
# The best tenth is highlighted, up to `MAX_GOOD` lines. Of over `MAX_OTHER_LINES` other trials,
# only every second, third, … is drawn.
MAX_GOOD, MAX_OTHER_LINES = 25, 300


class Axis:
    """An axis: the position of each value, from 0 to 1, and the labels beside it."""

    def __init__(self, name: str, values: Sequence[Any]):
        self.name = name
        numbers = [v for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
        distinct = sorted(set(numbers))
        present = [value for value in values if value is not None]
        self._places: dict[str, float] = {}
        self._log = False
        if len(numbers) < len(present) or len(distinct) < 2:
            names = sorted({str(value) for value in present})
            self._places = {n: (i + 0.5) / len(names) for i, n in enumerate(names)}
            self.ticks = [(place, setting(_bool(n))) for n, place in self._places.items()]
            return
        low, high = distinct[0], distinct[-1]
        self._log = low > 0 and high >= 10 * low
        self._low, self._high = self._scaled(low), self._scaled(high)
        if len(distinct) <= 5:
            marks = distinct
        else:
            steps = [self._low + (self._high - self._low) * i / 4 for i in range(5)]
            marks = [math.exp(step) if self._log else step for step in steps]
            if all(isinstance(value, int) for value in numbers):
                marks = sorted({round(mark) for mark in marks})
        self.ticks = [(self.place(mark), self._text(mark)) for mark in marks]

    def place(self, value: Any) -> float | None:
        """The position of a value from 0 to 1; None if there is no value."""
        if value is None:
            return None
        if self._places:
            return self._places.get(str(value))
        return (self._scaled(value) - self._low) / (self._high - self._low)

    def _scaled(self, value: float) -> float:
        return math.log(value) if self._log else float(value)

    def _text(self, value: float) -> str:
        return f"{100 * value:.1f} %" if self.name == ACCURACY else setting(value)


def parallel_figure(results: Sequence[SearchResult]) -> "Figure":
    """Every trial as a line across the hyperparameters that vary, to its validation accuracy, or
    another metric."""
    go = plotly()
    shown = [r for r in results if r.failed is None and finite(r.score)]
    names = [name for name in varying(shown) if name != "seed"][:MAX_AXES]
    last = f"validation {metric_of(shown)}"
    rows = {id(r): [*(r.params.get(n) for n in names), r.measured("validation")[0]] for r in shown}
    columns = list(zip(*rows.values(), strict=True))
    axes = [Axis(n, column) for n, column in zip([*names, last], columns, strict=True)]
    order = ranked(shown)[0]
    n_good = min(MAX_GOOD, max(1, math.ceil(len(order) / 10)))
    ordinary = order[n_good:]
    ordinary = ordinary[:: max(1, math.ceil(len(ordinary) / MAX_OTHER_LINES))]
    ended = [r for r in ordinary if r.stopped_epoch is None]
    stopped = [r for r in ordinary if r.stopped_epoch is not None]
    figure = go.Figure()
    for name, members, colour, width in (
        ("stopped early", stopped, faint(GREY, 0.35), 1),
        ("trained to the end", ended, faint(GREY, 0.8), 1),
        (f"best {n_good}", order[1:n_good], BLUE, 1.8),
        ("best", order[:1], ORANGE, 3),
    ):
        if members:
            xs, ys, texts = _lines([rows[id(result)] for result in members], axes)
            figure.add_scatter(
                x=xs,
                y=ys,
                text=texts,
                name=name,
                mode="lines+markers",
                marker={"size": 4},
                line={"color": colour, "width": width},
                hovertemplate="%{text}<extra></extra>",
            )
    figure = laid_out(figure, x="", y="", height=440)
    # All at once: Plotly checks what is there each time that something is added.
    figure.update_layout(
        shapes=[_line(position) for position in range(len(axes))],
        annotations=[
            words for position, axis in enumerate(axes) for words in _words(position, axis)
        ],
    )
    figure.update_layout(margin={"l": 24, "r": 56, "t": 64, "b": 24}, legend={"y": -0.04})
    figure.update_xaxes(visible=False, range=[-0.15, len(axes) - 0.75], fixedrange=True)
    return figure.update_yaxes(visible=False, range=[-0.04, 1.04], fixedrange=True)


def _lines(rows: Sequence[Sequence[Any]], axes: Sequence[Axis]):
    """Several lines as one, with gaps between them."""
    xs: list[int | None] = []
    ys: list[float | None] = []
    texts: list[str] = []
    for row in rows:
        words = [
            f"{called(a.name)} {percent(v) if a.name == ACCURACY else setting(v)}"
            for a, v in zip(axes, row, strict=True)
            if v is not None
        ]
        xs += [*range(len(axes)), None]
        ys += [*(axis.place(value) for axis, value in zip(axes, row, strict=True)), None]
        texts += ["<br>".join(words)] * (len(axes) + 1)
    return xs, ys, texts


def _line(position: int) -> dict[str, object]:
    """The line of an axis."""
    return {
        "type": "line", "x0": position, "x1": position, "y0": 0, "y1": 1, "layer": "below",
        "line": {"color": MUTED, "width": 1},
    }  # fmt: skip


def _words(position: int, axis: Axis) -> list[dict[str, object]]:
    """The name of an axis, and its ticks."""
    name: dict[str, object] = {
        "x": position, "y": 1, "yshift": 8, "yanchor": "bottom", "showarrow": False,
        "text": f"<b>{called(axis.name).replace(' ', '<br>')}</b>",
        "font": {"size": 12, "color": INK},
    }  # fmt: skip
    ticks: list[dict[str, object]] = [
        {
            "x": position, "y": place, "text": text, "showarrow": False, "xanchor": "left",
            "xshift": 5, "font": {"size": 11, "color": MUTED}, "bgcolor": faint(PAPER, 0.7),
            "borderpad": 1,
        }
        for place, text in axis.ticks
    ]  # fmt: skip
    return [name, *ticks]


def _bool(text: str) -> object:
    return {"True": True, "False": False}.get(text, text)
