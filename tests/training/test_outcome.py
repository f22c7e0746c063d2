"""Outcomes: which figures are fields of their own, and those of a trial that is still training."""

import numpy as np
from small_populations import configured

from jdend.training._outcome import HISTORY_FIGURES, as_fields, empty_history, so_far


def test_a_history_has_every_figure_once_and_nothing_measured_yet():
    history = empty_history((2, 3, 4), "accuracy")
    assert tuple(history) == HISTORY_FIGURES
    assert list(empty_history((1, 1, 1), "auc")) == [*HISTORY_FIGURES, "validation_auc"]
    for values in history.values():
        assert values.shape == (2, 3, 4)
        assert np.isnan(values).all()


def test_losses_and_accuracies_are_fields_and_those_of_a_metric_measured():
    figures = {
        name: np.zeros(1) for name in ("train_loss", "test_accuracy", "validation_auc", "test_auc")
    }
    fields = as_fields(figures)
    assert {*fields} == {"train_loss", "test_accuracy", "measured"}
    assert {*fields["measured"]} == {"validation_auc", "test_auc"}


def outcome():
    """Of two seeds after three epochs; the second seed's loss is lost in the second epoch."""
    history = {name: h[:, 0] for name, h in empty_history((2, 1, 3), "auc").items()}
    history["train_loss"] = np.array([[3.0, 2.0, 1.0], [3.0, np.nan, np.inf]])
    history["validation_auc"] = np.array([[0.5, 0.6, 0.7], [0.5, 0.4, 0.3]])
    return so_far(configured(), [4, 9], history, 1.5)


def test_a_trial_in_training_has_the_figures_of_its_last_epoch():
    found = outcome()
    np.testing.assert_array_equal(found.train_loss, [1.0, np.inf])
    np.testing.assert_array_equal(found.measured["validation_auc"], [0.7, 0.3])
    assert (found.seeds, found.stopped_epoch, found.seconds) == ((4, 9), 3, 1.5)


def test_it_has_no_test_figures_yet():
    found = outcome()
    for values in (found.test_loss, found.test_accuracy, found.measured["test_auc"]):
        assert values.shape == (2,)
        assert np.isnan(values).all()


def test_a_seed_failed_in_the_first_epoch_without_a_finite_loss():
    np.testing.assert_array_equal(outcome().failed_epoch, [-1, 1])
