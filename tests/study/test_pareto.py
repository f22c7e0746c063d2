"""The Pareto front, and the smallest network that is good enough."""

import math

import pytest

from jdend.study import SearchResult, pareto_front, smallest_reaching


def result(validation, n_params, **others):
    return SearchResult({}, 0.9, 0.9, n_params, 1.0, 0.5, validation_accuracy=validation, **others)


def by_loss(loss, n_params):
    figures = {"validation_log_loss": [loss]}
    return result(
        0.5, n_params, metric="log_loss", minimised=True, seed_figures=figures, validation_loss=loss
    )


def test_the_front_has_those_that_no_other_beats_fewest_parameters_first():
    tiny, small, large = result(0.5, 10), result(0.8, 200), result(0.95, 900)
    beaten = [result(0.7, 300), result(0.8, 400), result(0.79, 200)]
    assert pareto_front([large, *beaten, tiny, small]) == [tiny, small, large]


def test_of_equal_results_the_first_is_on_the_front():
    first, second = result(0.8, 200, seeds=(1,)), result(0.8, 200, seeds=(2,))
    assert pareto_front([first, second]) == [first]
    assert pareto_front([second, first]) == [second]


@pytest.mark.parametrize("how", [{"failed": 1}, {"stopped_epoch": 3}])
def test_what_was_not_trained_to_its_end_is_on_no_front(how):
    whole = result(0.5, 100)
    assert pareto_front([result(0.9, 10, **how), whole]) == [whole]


@pytest.mark.parametrize("score", [None, math.nan])
def test_what_has_no_score_is_on_no_front(score):
    whole = result(0.5, 100)
    assert pareto_front([result(score, 10), whole, result(score, 200)]) == [whole]


def test_where_less_is_better_the_front_falls():
    small, large = by_loss(0.5, 50), by_loss(0.3, 100)
    assert pareto_front([by_loss(0.6, 90), large, small]) == [small, large]


def test_the_smallest_that_reaches_an_accuracy():
    results = [
        result(0.95, 900), result(0.85, 300), result(0.84, 200), result(0.91, 400),
        result(0.99, 10, failed=1), result(0.99, 20, stopped_epoch=3),
    ]  # fmt: skip
    reached = [smallest_reaching(results, accuracy) for accuracy in (0.8, 0.9, 0.95, 0.96)]
    assert [r and r.total_params for r in reached] == [200, 400, 900, None]


def test_the_smallest_with_at_most_a_loss():
    small, large = by_loss(0.5, 50), by_loss(0.3, 100)
    assert [smallest_reaching([large, small], loss) for loss in (0.5, 0.4, 0.2)] == [
        small, large, None
    ]  # fmt: skip


def test_of_the_older_toolkits_results_the_test_accuracy_counts():
    old = SearchResult({}, 0.9, 0.9, 50, 1.0, 0.5)
    assert old.only_tested
    assert smallest_reaching([old], 0.9) is old
    assert smallest_reaching([old], 0.91) is None
