"""Losses and metrics of regression: as formulas and scikit-learn have them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sklearn

from jdend.models import Problem
from jdend.training import MetricError, check_metric, find_metric, metrics
from jdend.training._loss import (
    Loss,
    LossError,
    check_loss,
    cross_entropy,
    find_loss,
    losses,
    register_loss,
    right,
)

SKLEARN = {
    "rmse": lambda y, said: np.sqrt(sklearn.mean_squared_error(y, said)),
    "mae": sklearn.mean_absolute_error,
    "r2": sklearn.r2_score,
}
ROWS = 12


@st.composite
def examples(draw):
    """Predictions and targets of few different values, some constant; which are fillers."""
    numbers = st.lists(st.integers(-2, draw(st.integers(-2, 2))), min_size=ROWS, max_size=ROWS)
    said, y = (np.array(draw(numbers), np.float32) for _ in range(2))
    counted = np.array(draw(st.lists(st.booleans(), min_size=ROWS, max_size=ROWS)))
    counted[:2] = True
    return said[:, None], y, counted


def test_each_metric_is_tried():
    assert tuple(SKLEARN) == metrics("regression")[: len(SKLEARN)]


@pytest.mark.parametrize("name", SKLEARN)
def test_a_metric_is_what_scikit_learn_has_without_the_fillers(name):
    measure = jax.jit(find_metric(name, "regression").function)

    @settings(max_examples=60, deadline=None)
    @given(examples())
    def check(some):
        said, y, counted = some
        expected = SKLEARN[name](y[counted], said[counted, 0])
        np.testing.assert_allclose(measure(said, y, counted), expected, rtol=1e-5, atol=1e-6)

    check()


def test_errors_are_better_the_less_and_the_share_explained_the_more():
    assert [find_metric(name, "regression").sign for name in SKLEARN] == [-1.0, -1.0, 1.0]


def test_without_a_name_it_is_the_root_of_the_mean_squared_error():
    assert find_metric(None, "regression") is find_metric("rmse", "regression")
    assert find_metric(None) is find_metric("accuracy")


def test_a_metric_of_the_other_task_is_refused():
    with pytest.raises(MetricError, match="unknown metric 'rmse' for classification"):
        find_metric("rmse")
    with pytest.raises(MetricError, match="'rmse' is for regression, and this is classification"):
        find_metric(find_metric("rmse", "regression"))


@pytest.mark.parametrize("name", SKLEARN)
def test_a_metric_takes_one_prediction_an_example(name):
    check_metric(find_metric(name, "regression"), 1)


ERRORS = np.float32([-3.0, -1.0, -0.5, 0.0, 0.5, 1.0, 3.0])


@pytest.mark.parametrize(
    ("name", "values", "slopes"),
    [
        ("squared", [4.5, 0.5, 0.125, 0, 0.125, 0.5, 4.5], [-3, -1, -0.5, 0, 0.5, 1, 3]),
        ("huber", [2.5, 0.5, 0.125, 0, 0.125, 0.5, 2.5], [-1, -1, -0.5, 0, 0.5, 1, 1]),
    ],
)
def test_a_loss_has_these_values_and_slopes(name, values, slopes):
    function, y = find_loss(name, "regression").function, np.full(7, 0.25, np.float32)
    logits = jnp.asarray(ERRORS + y)[:, None]
    np.testing.assert_allclose(function(logits, jnp.asarray(y)), values, atol=1e-6)
    found = jax.grad(lambda z: function(z, jnp.asarray(y)).sum())(logits)
    np.testing.assert_allclose(found[:, 0], slopes, atol=1e-6)


def test_a_task_has_a_loss_of_its_own_without_a_name():
    assert find_loss(None, "regression").name == "squared"
    assert find_loss(None, "classification").function is cross_entropy
    assert losses("regression")[:2] == ("squared", "huber")
    assert {*losses("classification"), *losses("regression")} <= {*losses()}
    assert not {*losses("classification")} & {*losses("regression")}


def test_smoothing_spreads_a_share_of_the_target_over_all_classes():
    logits, y = np.float32([[1.0, 2.0, 4.0], [0.0, 0.0, 3.0]]), np.int32([1, 2])
    log_shares = np.asarray(jax.nn.log_softmax(logits))
    target = 0.7 * np.eye(3)[y] + 0.1
    found = cross_entropy(jnp.asarray(logits), jnp.asarray(y), 0.3)
    np.testing.assert_allclose(found, -(target * log_shares).sum(1), rtol=1e-5)
    plain = cross_entropy(jnp.asarray(logits), jnp.asarray(y))
    np.testing.assert_allclose(plain, -log_shares[[0, 1], y], rtol=1e-5)


@pytest.mark.parametrize(
    ("name", "task"),
    [("no name", "regression"), ("own", "ranking"), ("squared", "regression")],
)
def test_a_loss_that_cannot_be_registered_is_refused(name, task):
    with pytest.raises(LossError, match=f"a loss cannot be '{name}' for '{task}': give another"):
        register_loss(Loss(name, cross_entropy, task))


def test_an_unknown_loss_is_refused_with_what_is_alike():
    with pytest.raises(LossError, match="unknown loss 'hubert' for regression; did you mean"):
        find_loss("hubert", "regression")


@pytest.fixture
def registered(monkeypatch):
    """Registers a loss for this test, and returns a problem that has it."""
    from jdend.training import _loss

    monkeypatch.setattr(_loss, "_LOSSES", dict(_loss._LOSSES))

    def register(function):
        register_loss(Loss("own", function, "regression"))
        return Problem(5, 1, task="regression", loss="own")

    return register


def test_a_loss_of_one_s_own_returns_one_number_an_example(registered):
    check_loss(registered(lambda logits, y: jnp.abs(logits[..., 0] - y)))


def test_a_loss_of_another_shape_is_refused(registered):
    problem = registered(lambda logits, y: (logits[..., 0] - y).mean())
    with pytest.raises(LossError, match=r"must return \[..., B\] for logits"):
        check_loss(problem)


def test_a_loss_that_fails_is_refused_in_one_line(registered):
    problem = registered(lambda logits, y: logits[..., 0] - y[:2])
    with pytest.raises(LossError, match=r"^loss 'own' fails: \w+Error: [^\n]+$"):
        check_loss(problem)


def test_of_classes_the_largest_finite_logit_is_right():
    logits = np.float32([[0, 1], [1, 0], [0, np.inf], [np.nan, 0]])
    assert right(jnp.asarray(logits), jnp.ones(4, jnp.int32)).tolist() == [
        True,
        False,
        False,
        False,
    ]


def test_of_regression_nothing_is_classified_right():
    assert right(jnp.ones((3, 1)), jnp.zeros(3)).tolist() == [False] * 3
