"""How resampling went, as a figure."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from jdend.report._best_network import Dendrites
from jdend.report._figures import laid_out, plotly
from jdend.report._style import BLUE, ORANGE, faint
from jdend.report._synapses import replaced, unmoved

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

__all__ = ["resampling_figure"]


def resampling_figure(history: Sequence[Dendrites]) -> "Figure":
    """By epoch: the share of synapses that moved, and of those that still are where they began.

    Args:
      history: the dendrites before training and after each epoch.
    """
    go = plotly()
    epochs = list(range(1, len(history)))
    still = unmoved(history).mean(axis=(1, 2, 3)).tolist()
    figure = go.Figure()
    figure.add_bar(
        x=epochs,
        y=replaced(history).tolist(),
        name="moved in this epoch",
        marker={"color": faint(ORANGE, 0.75)},
        hovertemplate="epoch %{x}: %{y:.1%} moved<extra></extra>",
    )
    figure.add_scatter(
        x=[0, *epochs],
        y=still,
        name="still where they began",
        line={"color": BLUE, "width": 2.5},
        mode="lines+markers",
        marker={"size": 4},
        hovertemplate="after epoch %{x}: %{y:.1%} still where they began<extra></extra>",
    )
    figure = laid_out(figure, x="epoch", y="share of synapses", tickformat="d", height=320)
    return figure.update_yaxes(range=[0, 1.04], tickformat=".0%")
