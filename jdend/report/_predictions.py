"""What the best network predicts, beside what is true, in a report: of regression and multilabel.

Shape letters: `n` test examples, `K` labels.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from jdend.report._best_network import Portrait
from jdend.report._figures import laid_out, plotly
from jdend.report._format import metric_of, percent
from jdend.report._style import BLUE, GREY
from jdend.report._templates import Markup, render

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

__all__ = ["labels_section", "predictions_figure", "predictions_section"]

MOST_SHOWN = 2000
MOST_LABELS = 50


def predictions_section(portrait: Portrait) -> Markup:
    """What the best network's errors are on the test part."""
    true, predicted = _pairs(portrait)
    error, target = predicted - true, portrait.model.target
    assert target is not None
    variance = float(np.square(true - true.mean()).mean())
    return render(
        "predictions",
        **_chosen(portrait),
        target=portrait.model.class_names[0],
        n_test=len(true),
        rmse=f"{_root(error):.4g}",
        mae=f"{np.abs(error).mean():.4g}",
        r2=percent(1 - float(np.square(error).mean()) / variance if variance else None),
        rmse_of_mean=f"{_root(true - target[0]):.4g}",
    )


def labels_section(portrait: Portrait) -> Markup:
    """How well the best network finds each label on the test part."""
    assert portrait.predictions is not None
    true, said = portrait.predictions[..., 0] > 0.5, portrait.predictions[..., 1] > 0.5
    names = portrait.model.class_names
    n_true, n_said, n_both = (part.sum(axis=0) for part in (true, said, true & said))

    def row(i: int) -> list[str]:
        precision, recall = (n_both[i], n_said[i]), (n_both[i], n_true[i])
        shares = precision, recall, (2 * n_both[i], n_said[i] + n_true[i])
        return [names[i], f"{n_true[i]:,}", *(percent(a / b if b else None) for a, b in shares)]

    return render(
        "labels",
        **_chosen(portrait),
        n_test=len(true),
        all_right=percent(float((true == said).all(axis=1).mean())),
        right=percent(float((true == said).mean())),
        rows=[row(i) for i in range(min(len(names), MOST_LABELS))],
        n_labels=len(names),
    )


def _chosen(portrait: Portrait) -> dict[str, Any]:
    """Which network it is, for templates."""
    return {
        "seed": portrait.seed,
        "n_seeds": len(portrait.result.seeds),
        "metric": metric_of([portrait.result]),
        "has_folds": portrait.result.n_networks > len(portrait.result.seeds),
        "trained_again": portrait.trained_again,
    }


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
