"""Metrics: as scikit-learn has them, measured of a whole population at once."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sklearn
from small_populations import bucket_of, configured, data

from jdend.training import (
    ACCURACY,
    Bucket,
    Metric,
    MetricError,
    check_metric,
    find_metric,
    metrics,
    register_metric,
    runs,
    train,
    train_model,
)

# What they are in scikit-learn, of labels and probabilities.
SKLEARN = {
    "accuracy": lambda y, p: sklearn.accuracy_score(y, p.argmax(1)),
    "balanced_accuracy": lambda y, p: _balanced(y, p.argmax(1)),
    "f1_macro": lambda y, p: sklearn.f1_score(y, p.argmax(1), average="macro", zero_division=0),
    "auc": lambda y, p: _auc(y, p),
    "log_loss": lambda y, p: sklearn.log_loss(y, p, labels=np.arange(p.shape[1])),
}
MEASURES = {name: jax.jit(find_metric(name).function) for name in SKLEARN}
ROWS = 24


def _balanced(y, said):
    """Without its warning of classes that are predicted and not there."""
    return np.mean([np.mean(said[y == number] == number) for number in np.unique(y)])


def _auc(y, p):
    if p.shape[1] == 2:
        return sklearn.roc_auc_score(y, p[:, 1]) if len(np.unique(y)) == 2 else np.nan
    present = [number for number in np.unique(y) if (y != number).any()]
    return np.mean(
        [sklearn.roc_auc_score(y == number, p[:, number]) for number in present] or [np.nan]
    )


@st.composite
def examples(draw):
    """Logits of few different values, so that there are ties; labels, in which classes may be
    absent; and which examples are fillers."""
    n_classes = draw(st.integers(2, 4))
    numbers = st.lists(st.integers(-2, 2), min_size=ROWS * n_classes, max_size=ROWS * n_classes)
    logits = np.array(draw(numbers), np.float32).reshape(ROWS, n_classes)
    most = draw(st.integers(0, n_classes - 1))
    labels = np.array(draw(st.lists(st.integers(0, most), min_size=ROWS, max_size=ROWS)), np.int32)
    counted = np.array(draw(st.lists(st.booleans(), min_size=ROWS, max_size=ROWS)))
    counted[draw(st.integers(0, ROWS - 1))] = True
    return logits, labels, counted


def test_each_is_tried():
    assert tuple(SKLEARN) == metrics()[: len(SKLEARN)]  # after them those that others registered


@pytest.mark.parametrize("name", SKLEARN)
@settings(max_examples=25, deadline=None)
@given(given_examples=examples())
def test_it_is_what_scikit_learn_has_without_the_fillers(name, given_examples):
    logits, labels, counted = given_examples
    value = MEASURES[name](logits, labels, counted)
    shares = np.asarray(jax.nn.softmax(logits))[counted]
    expected = SKLEARN[name](labels[counted], shares)
    np.testing.assert_allclose(value, expected, atol=2e-6)


def test_auc_of_several_classes_is_that_of_one_against_the_rest():
    rng = np.random.default_rng(0)
    logits, labels = rng.normal(size=(60, 3)).astype(np.float32), np.arange(60) % 3
    shares = np.asarray(jax.nn.softmax(logits))
    expected = sklearn.roc_auc_score(labels, shares, multi_class="ovr", average="macro")
    value = MEASURES["auc"](logits, labels, np.ones(60, bool))
    np.testing.assert_allclose(value, expected, atol=2e-6)


def test_auc_of_one_class_alone_is_not_known():
    logits = np.zeros((4, 3), np.float32)
    assert np.isnan(MEASURES["auc"](logits, np.zeros(4, int), np.ones(4, bool)))


SMALL, LARGE = configured(n_neurons=2, n_dendrites=2), configured(n_neurons=3, n_dendrites=2)
SEEDS = (0, 1)


def outcomes(metric=ACCURACY, bucket=None, configurations=(LARGE,)):
    return train(bucket or bucket_of(LARGE), configurations, SEEDS, data(), metric=metric)


@pytest.mark.parametrize("name", [name for name in SKLEARN if name != "accuracy"])
def test_what_is_measured_is_that_of_the_network(name):
    (outcome,) = outcomes(find_metric(name))
    for position, seed in enumerate(SEEDS):
        model = train_model(LARGE, seed, data())
        for part in ("validation", "test"):
            x, y = getattr(data(), f"{part}_x"), getattr(data(), f"{part}_y")
            value = outcome.measured[f"{part}_{name}"][position]
            np.testing.assert_allclose(value, SKLEARN[name](y, model.probabilities(x)), atol=1e-5)
    history = outcome.history[f"validation_{name}"]
    np.testing.assert_array_equal(history[:, -1], outcome.measured[f"validation_{name}"])


def test_members_that_are_padded_have_the_same():
    padded = Bucket(LARGE.structure, padded=True)
    metric = find_metric("auc")
    (alone,) = outcomes(metric, bucket_of(SMALL), [SMALL])
    small, _ = outcomes(metric, padded, [SMALL, LARGE])
    for name, values in alone.measured.items():
        np.testing.assert_allclose(small.measured[name], values, atol=1e-4)


def test_other_figures_are_the_same_to_the_last_bit():
    (plain,), (measured,) = outcomes(), outcomes(find_metric("f1_macro"))
    assert plain.measured == {}
    for name, values in plain.history.items():
        np.testing.assert_array_equal(values, measured.history[name])
    for name in ("train_loss", "validation_accuracy", "test_accuracy", "test_loss"):
        np.testing.assert_array_equal(getattr(plain, name), getattr(measured, name))


def test_a_score_is_higher_the_less_of_what_is_minimised():
    (run,) = runs(bucket_of(LARGE), [LARGE], SEEDS, data(), metric=find_metric("log_loss"))
    run.train_to(1)
    (so_far,) = run.outcomes_so_far()
    np.testing.assert_array_equal(run.score[:, 0], -so_far.measured["validation_log_loss"])
    assert (run.score < 0).all()
    assert np.isnan(so_far.measured["test_log_loss"]).all()


def test_a_network_that_is_lost_has_no_value():
    lost = configured(n_neurons=3, n_dendrites=2, lr=1e30)
    (outcome,) = outcomes(find_metric("f1_macro"), configurations=[lost])
    assert np.isnan(outcome.measured["test_f1_macro"]).all()


def test_without_validation_examples_the_test_part_alone_is_measured():
    parts = replace(
        data(), validation_x=data().validation_x[:0], validation_y=data().validation_y[:0]
    )
    (outcome,) = train(bucket_of(LARGE), [LARGE], (0,), parts, metric=find_metric("auc"))
    assert np.isnan(outcome.measured["validation_auc"]).all()
    assert np.isfinite(outcome.measured["test_auc"]).all()


def test_a_metric_of_ones_own_is_measured():
    def share_of_zeros(logits, y, counted):
        return (counted & (jnp.argmax(logits, -1) == 0)).sum() / counted.sum()

    (outcome,) = outcomes(Metric("zeros", share_of_zeros))
    model = train_model(LARGE, 0, data())
    expected = (model.probabilities(data().test_x).argmax(1) == 0).mean()
    np.testing.assert_allclose(outcome.measured["test_zeros"][0], expected, atol=1e-6)


def test_an_unknown_metric_is_refused_with_the_nearest_known():
    with pytest.raises(
        MetricError,
        match=r"^unknown metric 'f1' for classification; "
        r"allowed are accuracy, balanced_accuracy, f1_macro, auc, log_loss$",
    ):
        find_metric("f1")


@pytest.mark.parametrize("name", ["accuracy", "loss", "mean cost", ""])
def test_a_name_that_figures_have_or_cannot_have_is_refused(name):
    with pytest.raises(MetricError, match="give a Python identifier other than accuracy and loss"):
        register_metric(Metric(name, ACCURACY.function))
    assert find_metric("accuracy") is ACCURACY


def test_a_function_that_returns_no_number_is_refused():
    with pytest.raises(MetricError, match="'each' must return one number"):
        check_metric(Metric("each", lambda logits, y, counted: y), 3)
    with pytest.raises(MetricError, match="metric 'broken' fails: ZeroDivisionError: "):
        check_metric(Metric("broken", lambda logits, y, counted: 1 / 0), 3)
