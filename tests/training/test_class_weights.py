"""Class weights: in the loss that training minimises, and nowhere else."""

from dataclasses import replace

import jax
import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score
from sklearn.utils.class_weight import compute_class_weight
from small_populations import bucket_of, configured, data

from jdend.training import ClassWeightsError, train, train_model, weighted

# All 200 training examples are in an epoch's batches.
CONFIGURATION = configured(batch_size=20, n_epochs=1, synaptic_resampling=False)


def unbalanced():
    """A tenth of the training examples of three of the four classes."""
    parts = data()
    kept = (parts.train_y == 0) | (np.arange(len(parts.train_y)) % 10 == 0)
    return replace(parts, train_x=parts.train_x[kept], train_y=parts.train_y[kept], teacher=None)


def cross_entropies(parts, configuration=CONFIGURATION):
    """Of a network as it is before training."""
    model = train_model(configuration, 0, parts)
    log_shares = np.asarray(jax.nn.log_softmax(model.logits(parts.train_x)))
    return -log_shares[np.arange(len(parts.train_y)), parts.train_y]


def test_balanced_weights_are_scikit_learns():
    parts = unbalanced()
    expected = compute_class_weight("balanced", classes=np.arange(4), y=parts.train_y)
    found = weighted(parts, "balanced").class_weights
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert found.dtype == np.float32
    assert found[parts.train_y].mean() == pytest.approx(1.0, abs=1e-6)


def test_a_class_without_training_examples_has_none():
    parts = unbalanced()
    without = replace(parts, train_y=np.where(parts.train_y == 3, 0, parts.train_y))
    found = weighted(without, "balanced").class_weights
    assert found[3] == 0
    assert found[without.train_y].mean() == pytest.approx(1.0, abs=1e-6)


def test_each_examples_loss_is_multiplied_by_its_classs_weight():
    still = configured(batch_size=20, n_epochs=1, lr=1e-30, synaptic_resampling=False)
    parts = replace(data(), class_weights=np.array([0.0, 1.0, 2.0, 5.0], np.float32))
    (outcome,) = train(bucket_of(still), [still], (0,), parts)
    losses = cross_entropies(data(), still)
    expected = (parts.class_weights[parts.train_y] * losses).mean()
    np.testing.assert_allclose(outcome.history["train_loss"][0, 0], expected, rtol=1e-5)
    # All other losses weigh every example the same.
    np.testing.assert_allclose(outcome.train_loss[0], losses.mean(), rtol=1e-5)


def test_weights_of_one_change_nothing():
    ones = replace(data(), class_weights=np.ones(4, np.float32))
    plain, same = (
        train(bucket_of(CONFIGURATION), [CONFIGURATION], (0,), p)[0] for p in (data(), ones)
    )
    np.testing.assert_allclose(plain.train_loss, same.train_loss, rtol=1e-6)


def test_without_weights_the_data_are_as_they_were():
    assert weighted(data(), None) is data()


def test_small_classes_are_learned_better_with_them():
    configuration = configured(n_neurons=6, n_epochs=20, lr=2e-2, synaptic_resampling=False)
    parts = unbalanced()

    def on_test(parts):
        model = train_model(configuration, 0, parts)
        return balanced_accuracy_score(parts.test_y, model.probabilities(parts.test_x).argmax(1))

    assert on_test(weighted(parts, "balanced")) > on_test(parts) + 0.05


def test_unknown_weights_are_refused():
    with pytest.raises(ClassWeightsError, match="unknown class_weights 'balance'; did you mean"):
        weighted(data(), "balance")
