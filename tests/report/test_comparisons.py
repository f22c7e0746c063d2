"""Results held against each other."""

import math

import pytest

from jdend.report import heatmap_figure, time_figure
from jdend.study import SearchResult, StudyError


def result(validation, n_params, seconds=1.0, **others):
    params = {"architecture": "mlp", **others.pop("params", {})}
    return SearchResult(
        params, 0.9, 0.9, n_params, seconds, 0.5, validation_accuracy=validation, **others
    )


def resampled(validation, rule, period):
    params = {"resampling_rule": rule, "steps_to_resample": period}
    return result(validation, 100, params=params)


def test_time_is_drawn_against_size():
    (points,) = time_figure([result(0.9, 100, 2.0), result(0.8, 50, 1.0)]).data
    assert (points.name, list(points.x), list(points.y)) == ("mlp", [100, 50], [2.0, 1.0])


def test_a_heatmap_has_the_mean_of_each_pair():
    results = [
        resampled(0.8, "flat", 100), resampled(0.9, "flat", 100),
        resampled(0.7, "laplace", 20), result(0.99, 100),
    ]  # fmt: skip
    (drawn,) = heatmap_figure(results).data
    assert (list(drawn.x), list(drawn.y)) == (["20", "100"], ["flat", "laplace"])
    (nothing, mean), (one, nothing_either) = drawn.z
    assert (mean, one) == (pytest.approx(0.85), 0.7)
    assert math.isnan(nothing)
    assert math.isnan(nothing_either)


def test_a_heatmap_shows_the_metric_that_networks_were_chosen_by():
    params = {"resampling_rule": "flat", "steps_to_resample": 20}
    by_loss = SearchResult(
        params, 0.9, 0.9, 100, 1.0, 0.5, 0.8, metric="log_loss", minimised=True,
        seed_figures={"validation_log_loss": [0.3, 0.5]},
    )  # fmt: skip
    (drawn,) = heatmap_figure([by_loss]).data
    assert drawn.z[0][0] == pytest.approx(0.4)
    assert drawn.colorscale[-1][1] == "white"  # where it is worst
    (asked,) = heatmap_figure([by_loss], figure_of="validation_accuracy").data
    assert asked.z[0][0] == 0.8


def test_no_pair_is_an_error():
    with pytest.raises(StudyError, match="no result has resampling_rule, steps_to_resample"):
        heatmap_figure([result(0.9, 100)])
