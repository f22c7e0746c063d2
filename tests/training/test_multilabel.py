"""Multilabel in populations: the loss, the metrics as scikit-learn has them, alone and together."""

import functools
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit
from sklearn import metrics as sklearn

from jdend.data import from_arrays, split
from jdend.models import Problem, configure
from jdend.training import (
    ACCURACY,
    Bucket,
    ClassWeightsError,
    Loss,
    LossError,
    Metric,
    MetricError,
    check_loss,
    check_metric,
    find_loss,
    find_metric,
    losses,
    metrics,
    register_loss,
    register_metric,
    train,
    train_model,
    weighted,
)
from jdend.training._loss import binary_cross_entropy, right

K, FEATURES, ROWS = 3, 6, 24
PROBLEM = Problem(FEATURES, K, task="multilabel")


def _auc(y, p):
    there = [j for j in range(K) if 0 < y[:, j].sum() < len(y)]
    return np.mean([sklearn.roc_auc_score(y[:, j], p[:, j]) for j in there] or [np.nan])


# What they are in scikit-learn, of labels and probabilities.
SKLEARN = {
    "accuracy": lambda y, p: sklearn.accuracy_score(y, p > 0.5),
    "hamming_loss": lambda y, p: sklearn.hamming_loss(y, p > 0.5),
    "f1_macro": lambda y, p: sklearn.f1_score(y, p > 0.5, average="macro", zero_division=0),
    "f1_micro": lambda y, p: sklearn.f1_score(y, p > 0.5, average="micro", zero_division=0),
    "auc": _auc,
    "log_loss": lambda y, p: np.mean(
        [sklearn.log_loss(y[:, j], p[:, j], labels=[0, 1]) for j in range(K)]
    ),
}
OTHERS = [name for name in SKLEARN if name != "accuracy"]


def measure(name):
    return jax.jit(find_metric(name, "multilabel").function)


MEASURES = {name: measure(name) for name in OTHERS}


def accuracy(logits, y, counted):
    hits = counted & np.asarray(right(jnp.asarray(logits), jnp.asarray(y)))
    return hits.sum() / counted.sum()


MEASURES["accuracy"] = accuracy


@st.composite
def examples(draw):
    """Logits of few different values, so that there are ties; labels, of which some are constant;
    and which examples are fillers."""
    of = st.lists(st.sampled_from([-2.0, -0.5, 0.25, 2.0]), min_size=ROWS * K, max_size=ROWS * K)
    logits = np.array(draw(of), np.float32).reshape(ROWS, K)
    bits = st.lists(st.booleans(), min_size=ROWS * K, max_size=ROWS * K)
    y = np.array(draw(bits), np.int32).reshape(ROWS, K)
    y[:, draw(st.integers(0, K - 1))] *= draw(st.integers(0, 1))
    counted = np.array(draw(st.lists(st.booleans(), min_size=ROWS, max_size=ROWS)))
    counted[draw(st.integers(0, ROWS - 1))] = True
    return logits, y, counted


def test_each_metric_is_tried():
    assert (
        tuple(SKLEARN) == metrics("multilabel")[: len(SKLEARN)]
    )  # after them those of other tests


@pytest.mark.parametrize("name", SKLEARN)
@settings(max_examples=20, deadline=None)
@given(given_examples=examples())
def test_a_metric_is_what_scikit_learn_has_without_the_fillers(name, given_examples):
    logits, y, counted = given_examples
    probabilities = expit(logits.astype(np.float64))[counted]
    expected = SKLEARN[name](y[counted], probabilities)
    np.testing.assert_allclose(MEASURES[name](logits, y, counted), expected, atol=2e-6)


def test_names_of_other_tasks_stand_for_other_metrics():
    for name in ("f1_macro", "auc", "log_loss"):
        assert find_metric(name, "multilabel") is not find_metric(name, "classification")
    assert find_metric(None, "multilabel") is find_metric("accuracy", "multilabel") is ACCURACY
    assert find_metric(ACCURACY, "multilabel") is ACCURACY


@pytest.mark.parametrize("metric", ["balanced_accuracy", "rmse", find_metric("f1_macro")])
def test_a_metric_of_another_task_is_refused(metric):
    with pytest.raises(MetricError, match=r"for (multilabel|classification, and this is multi)"):
        find_metric(metric, "multilabel")


def test_accuracy_is_no_metric_of_numbers():
    with pytest.raises(MetricError, match="'accuracy' is for classification, and this is regr"):
        find_metric(ACCURACY, "regression")


def test_a_metric_of_one_s_own_beside_that_of_classes():
    before = find_metric("auc")
    own = Metric("auc", lambda logits, y, counted: y[:, 0].sum() * 0.0, task="multilabel")
    try:
        assert find_metric("auc", "multilabel") is not register_metric(own)
        assert (find_metric("auc", "multilabel"), find_metric("auc")) == (own, before)
    finally:
        register_metric(Metric("auc", MEASURES["auc"].__wrapped__, task="multilabel"))


def test_a_metric_s_function_gets_a_matrix_of_labels():
    check_metric(Metric("m", lambda z, y, c: (y[c.argmax()] * z[0]).sum(), task="multilabel"), K)
    with pytest.raises(MetricError, match="'each' must return one number"):
        check_metric(Metric("each", lambda z, y, counted: y[0], task="multilabel"), K)


RNG = np.random.default_rng(0)
LOGITS = jnp.asarray(RNG.normal(0, 3, size=(2, 9, K)), jnp.float32)
Y = jnp.asarray(RNG.random((9, K)) < 0.4, jnp.int32)


def test_the_loss_is_the_mean_over_labels_of_optax_s():
    expected = optax.sigmoid_binary_cross_entropy(LOGITS, Y[None]).mean(-1)
    np.testing.assert_allclose(binary_cross_entropy(LOGITS, Y), expected, rtol=1e-5)


def test_smoothed_targets_are_nearer_to_one_half():
    expected = optax.sigmoid_binary_cross_entropy(LOGITS, 0.8 * Y[None] + 0.1).mean(-1)
    np.testing.assert_allclose(binary_cross_entropy(LOGITS, Y, 0.2), expected, rtol=1e-5)


def test_the_loss_of_large_logits_is_finite():
    logits = jnp.float32([[1e4, -1e4, 0]])
    np.testing.assert_allclose(
        binary_cross_entropy(logits, jnp.int32([[0, 0, 1]])), [(1e4 + np.log(2)) / 3], rtol=1e-6
    )


def test_an_example_is_right_if_all_its_labels_are():
    logits = jnp.float32([[1, -1], [1, 1], [np.nan, -1], [np.inf, -1]])
    assert right(logits, jnp.int32([[1, 0]] * 4)).tolist() == [True, False, False, False]


@functools.cache
def data(folds=None):
    rng = np.random.default_rng(1)
    x = rng.normal(size=(260, FEATURES)).astype(np.float32)
    y = (x @ rng.normal(size=(FEATURES, K)) + [0, 1, -1] > 0).astype(int)
    return split(from_arrays(x, y, task="multilabel"), folds=folds)


def configured(loss=None, **params):
    own = {"n_neurons": 4, "n_dendrites": 2, "n_dendrite_inputs": 3, "batch_size": 16}
    own |= {"n_epochs": 4, "lr": 0.02, "steps_to_resample": 5, "synaptic_resampling": True}
    return configure({**own, **params}, replace(PROBLEM, loss=loss))


SMALL, LARGE = configured(n_neurons=2), configured()
SEEDS = (0, 1)


def outcomes(configurations=(LARGE,), metric="f1_macro", parts=None, seeds=SEEDS, padded=False):
    bucket = Bucket(LARGE.structure if padded else configurations[0].structure, padded=padded)
    metric = find_metric(metric, "multilabel")
    return train(bucket, configurations, seeds, parts or data(), metric=metric)


FIGURES = ("train_loss", "validation_loss", "test_loss", "validation_accuracy", "test_accuracy")


def test_it_learns():
    (outcome,) = outcomes([configured(n_epochs=40)], "auc")
    assert (outcome.test_accuracy > 0.6).all()
    assert (outcome.measured["test_auc"] > 0.95).all()


@pytest.mark.parametrize("name", ["f1_macro", "auc", "log_loss"])
def test_what_is_measured_is_that_of_the_network(name):
    (outcome,) = outcomes(metric=name)
    for position, seed in enumerate(SEEDS):
        model = train_model(LARGE, seed, data())
        for part in ("validation", "test"):
            x, y = getattr(data(), f"{part}_x"), getattr(data(), f"{part}_y")
            p = model.probabilities(x)
            value = outcome.measured[f"{part}_{name}"][position]
            np.testing.assert_allclose(value, SKLEARN[name](y, p.astype(float)), atol=1e-5)
            share = getattr(outcome, f"{part}_accuracy")[position]
            np.testing.assert_allclose(share, SKLEARN["accuracy"](y, p), atol=1e-6)
            assert model.figures[f"{part}_accuracy"] == pytest.approx(share, abs=1e-6)


def test_its_training_accuracy_is_that_of_all_labels():
    model = train_model(LARGE, 0, data())
    share = (model.predict(data().train_x) == data().train_y).all(axis=1).mean()
    assert model.figures["train_accuracy"] == pytest.approx(share, abs=1e-6)


def test_alone_as_together():
    others = [configured(lr=0.05), LARGE, configured(label_smoothing=0.0, n_epochs=2)]
    (alone,) = outcomes(seeds=(1,))
    together = outcomes(others, seeds=(3, 1))[1]
    for name in FIGURES:
        values = getattr(together, name)[1]
        np.testing.assert_allclose(values, getattr(alone, name)[0], rtol=1e-4)
    for name, values in alone.measured.items():
        np.testing.assert_allclose(together.measured[name][1], values[0], atol=1e-5)


def test_padding_changes_nothing():
    (alone,) = outcomes([SMALL], "auc")
    padded, _ = outcomes([SMALL, LARGE], "auc", padded=True)
    for name in FIGURES:
        np.testing.assert_allclose(getattr(padded, name), getattr(alone, name), rtol=1e-4)
    for name, values in alone.measured.items():
        np.testing.assert_allclose(padded.measured[name], values, atol=1e-4)


def alone_of(parts, fold):
    """The split of one fold, as one without folds."""
    rows = parts.folds.validation_rows[fold]
    held_out, own = rows[rows >= 0], parts.folds.train_rows[fold]
    return replace(
        parts,
        train_x=parts.train_x[own],
        train_y=parts.train_y[own],
        validation_x=parts.train_x[held_out],
        validation_y=parts.train_y[held_out],
        offset=parts.folds.offset[fold],
        scale=parts.folds.scale[fold],
        folds=None,
    )


def test_members_of_folds_are_those_of_each_fold_alone():
    parts = data(folds=2)
    (together,) = outcomes(parts=parts)
    for fold in range(2):
        (alone,) = outcomes(parts=alone_of(parts, fold))
        for name in FIGURES:
            values = getattr(together, name)[fold::2]
            np.testing.assert_allclose(values, getattr(alone, name), rtol=2e-5)
        for name, values in alone.measured.items():
            np.testing.assert_allclose(together.measured[name][fold::2], values, rtol=1e-5)


def test_smoothing_is_of_the_loss_that_training_minimises_alone():
    smoothed = train_model(configured(label_smoothing=0.3, n_epochs=40), 0, data())
    plain = train_model(configured(n_epochs=40), 0, data())
    reach = [np.abs(model.logits(data().train_x)).max() for model in (smoothed, plain)]
    assert reach[0] < 0.7 * reach[1]
    p = smoothed.probabilities(data().test_x).astype(float)
    assert smoothed.figures["test_loss"] == pytest.approx(
        SKLEARN["log_loss"](data().test_y, p), abs=1e-5
    )


def test_a_loss_of_one_s_own_gets_a_matrix_of_labels():
    # Of which a missing label costs five times as much as a wrong one.
    def costly(logits, y):
        losses = jax.nn.softplus(jnp.where(y > 0, -logits, logits))
        return (jnp.where(y > 0, 5.0, 1.0) * losses).mean(-1)

    register_loss(Loss("costly", costly, "multilabel"))
    assert losses("multilabel")[:1] == ("binary_cross_entropy",)
    said = [
        train_model(configured(loss), 0, data()).predict(data().test_x).mean()
        for loss in ("costly", None)
    ]
    assert said[0] > said[1] + 0.05


def test_what_is_no_loss_of_labels_is_refused():
    with pytest.raises(LossError, match="unknown loss 'cross_entropy' for multilabel"):
        find_loss("cross_entropy", "multilabel")
    with pytest.raises(LossError, match=r"cannot be 'binary_cross_entropy'"):
        register_loss(Loss("binary_cross_entropy", binary_cross_entropy, "multilabel"))
    register_loss(Loss("of_each", lambda logits, y: (logits - y) ** 2, "multilabel"))
    with pytest.raises(LossError, match=r"must return \[..., B\] for .* and y \[B, K\]"):
        check_loss(replace(PROBLEM, loss="of_each"))


def test_what_is_for_classes_is_refused():
    with pytest.raises(ClassWeightsError, match="are for classes, and this is multilabel"):
        weighted(data(), "balanced")
    with pytest.raises(ValueError, match=r"distillation_weight=0\.5 is for classes"):
        configured(distillation_weight=0.5)
