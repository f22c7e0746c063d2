"""`DendriticRegressor` is an estimator among scikit-learn's."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_diabetes
from sklearn.model_selection import GridSearchCV
from sklearn.utils import estimator_checks

import jdend
from jdend import DendriticClassifier, DendriticRegressor


@pytest.fixture(scope="module")
def diabetes():
    return load_diabetes(return_X_y=True)


@pytest.fixture(scope="module")
def fitted(diabetes):
    return DendriticRegressor(n_epochs=20, random_state=0).fit(*diabetes)


def test_it_passes_scikit_learns_checks():
    small = DendriticRegressor("mlp", hidden_dim=10)
    found = estimator_checks.check_estimator(small, on_fail=None, on_skip=None)
    failed = {check["check_name"]: check["exception"] for check in found if check["exception"]}
    failed = {k: v for k, v in failed.items() if not isinstance(v, estimator_checks.SkipTest)}
    assert not failed


def test_it_learns(fitted, diabetes):
    assert fitted.score(*diabetes) > 0.5


def test_predictions_are_in_the_units_of_the_target(fitted, diabetes):
    X, y = diabetes
    far = clone(fitted).fit(X, 1e6 + 1e3 * y)
    np.testing.assert_allclose(far.predict(X), 1e6 + 1e3 * fitted.predict(X), rtol=1e-6)


def test_huber_s_loss_bears_outliers(diabetes):
    X, y = diabetes
    spoilt = np.where(np.arange(len(y)) % 20 == 0, y + 5000, y)
    scores = {
        loss: DendriticRegressor(n_epochs=20, random_state=0, loss=loss).fit(X, spoilt).score(X, y)
        for loss in ("squared", "huber")
    }
    assert scores["huber"] > scores["squared"] + 0.5


def test_its_network_is_saved_and_loaded(fitted, diabetes, tmp_path):
    model = jdend.load(jdend.save(fitted.model_, tmp_path / "model"))
    np.testing.assert_allclose(model.predict(diabetes[0]), fitted.predict(diabetes[0]), rtol=1e-4)
    with pytest.raises(ValueError, match="predicts a number"):
        model.probabilities(diabetes[0])


def test_it_is_pickled_after_predicting(fitted, diabetes):
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.predict(diabetes[0]), fitted.predict(diabetes[0]))


def test_a_grid_search_goes_through_it(diabetes):
    search = GridSearchCV(
        DendriticRegressor("mlp", hidden_dim=6, n_epochs=20, random_state=0),
        {"lr": [1e-6, 1e-2]},
        cv=3,
    )
    assert search.fit(*diabetes).best_params_ == {"lr": 1e-2}


def test_it_has_the_settings_of_the_classifier():
    of_classifier, own = (set(e().get_params()) for e in (DendriticClassifier, DendriticRegressor))
    assert of_classifier ^ own == {"class_weight", "loss"}


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"loss": "relative"}, "unknown loss 'relative' for regression"),
        ({"loss": "cross_entropy"}, "unknown loss 'cross_entropy' for regression"),
        ({"n_neurons": 0}, "n_neurons must be a positive integer"),
    ],
)
def test_what_is_not_allowed_is_said(params, message, diabetes):
    with pytest.raises(ValueError, match=message):
        DendriticRegressor(**params).fit(*diabetes)
