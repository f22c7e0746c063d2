"""Regression in a report: what the best network predicts, beside what is true.

Shape letters: `n` test examples.
"""

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from jdend.report._best_network import Portrait
from jdend.report._figures import laid_out, plotly
from jdend.report._format import metric_of, percent
from jdend.report._style import BLUE, GREY
from jdend.report._templates import Markup, render

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

__all__ = ["predictions_figure", "predictions_section"]

MOST_SHOWN = 2000


def predictions_section(portrait: Portrait) -> Markup:
    """What the best network's errors are on the test part."""
    true, predicted = _pairs(portrait)
    error, target = predicted - true, portrait.model.target
    assert target is not None
    variance = float(np.square(true - true.mean()).mean())
    return render(
        "predictions",
        seed=portrait.seed,
        n_seeds=len(portrait.result.seeds),
        metric=metric_of([portrait.result]),
        has_folds=portrait.result.n_networks > len(portrait.result.seeds),
        target=portrait.model.class_names[0],
        n_test=len(true),
        rmse=f"{_root(error):.4g}",
        mae=f"{np.abs(error).mean():.4g}",
        r2=percent(1 - float(np.square(error).mean()) / variance if variance else None),
        rmse_of_mean=f"{_root(true - target[0]):.4g}",
    )


def predictions_figure(portrait: Portrait) -> "Figure":
    """Predicted against true target, a point a test example; of many a part, evenly spaced."""
    true, predicted = _pairs(portrait)
    shown = np.unique(np.linspace(0, len(true) - 1, MOST_SHOWN).astype(int))
    ends = [float(true.min()), float(true.max())]
    figure = plotly().Figure()
    figure.add_scatter(
        x=ends,
        y=ends,
        mode="lines",
        line={"color": GREY, "width": 1},
        name="right",
        hoverinfo="skip",
    )
    figure.add_scatter(
        x=true[shown].tolist(),
        y=predicted[shown].tolist(),
        mode="markers",
        marker={"size": 5, "color": BLUE, "opacity": 0.5},
        name="test examples",
    )
    name = portrait.model.class_names[0]
    return laid_out(figure, x=f"true {name}", y=f"predicted {name}").update_yaxes(tickformat="")


def _pairs(portrait: Portrait) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    assert portrait.predictions is not None
    true, predicted = portrait.predictions.T.astype(np.float64)
    return true, predicted


def _root(error: Float[np.ndarray, " n"]) -> float:
    return float(np.sqrt(np.square(error).mean()))
