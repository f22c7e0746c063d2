"""The interactive figures as pictures: matplotlib draws the parts of Plotly that they use."""

import html
import re
from typing import TYPE_CHECKING, Any

from jdend.report._style import GRID, INK, MUTED

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw", "new_figure"]

POINTS_PER_PIXEL = 0.75
SYMBOLS = {"circle": "o", "circle-open": "o", "diamond": "D"}
ALIGNED = {"left": "left", "right": "right", "top": "top", "bottom": "bottom", "middle": "center"}


def new_figure(width: float, height: float) -> "Figure":
    """An empty figure of this size in inches, without a window."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def draw(spec: dict[str, Any], axes: "Axes") -> None:
    """Draws a Plotly figure, given as `to_dict()`, of scatters and bars."""
    for trace in sorted(spec["data"], key=lambda t: -t.get("legendrank", 1000)):
        (_bar if trace["type"] == "bar" else _scatter)(trace, axes)
    layout = spec["layout"]
    for shape in layout.get("shapes", ()):
        style = {"color": shape["line"]["color"], "linewidth": shape["line"].get("width", 1)}
        style["linestyle"] = ":" if shape["line"].get("dash") else "-"
        if "domain" in shape.get("yref", ""):
            axes.axvline(shape["x0"], zorder=0, **style)
        else:
            axes.plot([shape["x0"], shape["x1"]], [shape["y0"], shape["y1"]], zorder=0, **style)
    _axis(layout["xaxis"], axes.xaxis, axes.set_xlim, axes.set_xlabel)
    _axis(layout["yaxis"], axes.yaxis, axes.set_ylim, axes.set_ylabel)
    for note in layout.get("annotations", ()):
        _annotation(note, axes)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom") and "visible" not in layout["xaxis"])
        spine.set_color(GRID)
    axes.tick_params(colors=MUTED, labelsize=8, length=0)
    handles, names = axes.get_legend_handles_labels()
    if len(names) > 1:
        if any("legendrank" in trace for trace in spec["data"]):
            handles, names = handles[::-1], names[::-1]
        down = -0.16 if layout["xaxis"].get("title", {}).get("text") else -0.02
        axes.legend(
            handles, names, loc="upper left", bbox_to_anchor=(0, down), ncols=4, frameon=False,
            fontsize=8, borderaxespad=0, handlelength=1.6, labelcolor=INK,
        )  # fmt: skip


def _scatter(trace: dict[str, Any], axes: "Axes") -> None:
    x, y = (_gaps(trace[name]) for name in "xy")
    if trace.get("fill") == "toself":
        axes.fill(x, y, color=trace["fillcolor"], linewidth=0)
        return
    mode, line, marker = trace["mode"], trace.get("line", {}), trace.get("marker", {})
    colour = marker.get("color") or line.get("color")
    error = trace.get("error_y", {})
    if error.get("visible"):
        axes.errorbar(
            x, y, error["array"], fmt="none", ecolor=error["color"], elinewidth=1, capsize=2
        )
    symbol = marker.get("symbol", "circle")
    axes.plot(
        x,
        y,
        color=line.get("color", colour),
        linewidth=line.get("width", 1.5) * POINTS_PER_PIXEL if "lines" in mode else 0,
        drawstyle="steps-post" if line.get("shape") == "hv" else "default",
        marker=SYMBOLS[symbol] if "markers" in mode else "",
        markersize=marker.get("size", 6) * POINTS_PER_PIXEL,
        markeredgecolor=colour,
        markerfacecolor="none" if symbol.endswith("open") else colour,
        label=trace["name"] if trace.get("showlegend", True) else None,
    )


def _bar(trace: dict[str, Any], axes: "Axes") -> None:
    colour = trace["marker"]["color"]
    if trace.get("orientation") == "h":
        axes.barh(trace["y"], trace["x"], color=colour, height=0.7)
        for place, (length, text) in enumerate(zip(trace["x"], trace["text"], strict=True)):
            axes.annotate(
                text, (length, place), (3, 0), textcoords="offset points", va="center", fontsize=8,
                color=INK,
            )  # fmt: skip
    else:
        axes.bar(trace["x"], trace["y"], color=colour, label=trace["name"])


def _axis(spec: dict[str, Any], axis, set_limits, set_label) -> None:
    if spec.get("range") is not None:
        set_limits(*spec["range"])
    if spec.get("visible") is False:
        axis.set_visible(False)
        return
    set_label(spec.get("title", {}).get("text", ""), fontsize=9, color=MUTED)
    if spec.get("showgrid", True):
        axis.grid(True, color=GRID, linewidth=0.6)
        axis.axes.set_axisbelow(True)
    form = spec.get("tickformat")
    if form:
        from matplotlib.ticker import FuncFormatter, MaxNLocator

        whole = form.endswith("d")
        if whole:
            axis.set_major_locator(MaxNLocator(integer=True))
        # Plotly uses the formats of d3, which follow those of Python.
        axis.set_major_formatter(
            FuncFormatter(lambda value, _: format(round(value) if whole else value, form))
        )


def _annotation(note: dict[str, Any], axes: "Axes") -> None:
    text = re.sub(r"<br>", "\n", note["text"])
    is_bold = "<b>" in text
    text = html.unescape(re.sub(r"<[^>]*>", "", text))
    shift = (note.get("xshift", 0) * POINTS_PER_PIXEL, note.get("yshift", 0) * POINTS_PER_PIXEL)
    in_axes = "domain" in str(note.get("yref", ""))
    where = axes.get_xaxis_transform() if in_axes else axes.transData
    axes.annotate(
        text,
        (note["x"], note["y"]),
        shift,
        xycoords=where,
        textcoords="offset points",
        ha=ALIGNED.get(note.get("xanchor", ""), "center"),
        va=ALIGNED.get(note.get("yanchor", ""), "center"),
        fontsize=note["font"]["size"] * POINTS_PER_PIXEL,
        fontweight="bold" if is_bold else "normal",
        color=note["font"]["color"],
        annotation_clip=False,
    )


def _gaps(values) -> list[float]:
    """Plotly's gaps as matplotlib's."""
    return [float("nan") if value is None else value for value in values]
