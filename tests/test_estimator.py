"""`DendriticClassifier` is an estimator among scikit-learn's."""

import pickle
import subprocess
import sys

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.utils import estimator_checks

import jdend
from jdend import DendriticClassifier
from jdend.models import architecture


@pytest.fixture(scope="module")
def iris():
    return load_iris(return_X_y=True)


@pytest.fixture(scope="module")
def fitted(iris):
    return DendriticClassifier(random_state=0).fit(*iris)


# Of the cheapest architecture, since its fits are of many shapes, each of which is a program.
def test_it_passes_scikit_learns_checks():
    small = DendriticClassifier("mlp", hidden_dim=10)
    found = estimator_checks.check_estimator(small, on_fail=None, on_skip=None)
    failed = {check["check_name"]: check["exception"] for check in found if check["exception"]}
    failed = {k: v for k, v in failed.items() if not isinstance(v, estimator_checks.SkipTest)}
    assert not failed


def test_the_default_passes_that_where_its_sizes_are_more_than_the_features():
    estimator_checks.check_fit2d_1feature("DendriticClassifier", DendriticClassifier())


def test_it_learns(fitted, iris):
    assert fitted.score(*iris) > 0.95


def test_the_same_state_gives_the_same_network(fitted, iris):
    again = clone(fitted).fit(*iris)
    np.testing.assert_array_equal(again.predict_proba(iris[0]), fitted.predict_proba(iris[0]))


def test_probabilities_are_in_the_order_of_the_classes(iris):
    X, y = iris
    names = np.array(["rose", "iris", "aster"])[y]
    found = DendriticClassifier(random_state=0, n_epochs=30).fit(X, names)
    assert found.classes_.tolist() == ["aster", "iris", "rose"]
    np.testing.assert_array_equal(
        found.classes_[found.predict_proba(X).argmax(1)], found.predict(X)
    )
    assert found.score(X, names) > 0.9


def test_large_features_are_told_apart(fitted, iris):
    X, y = iris
    far = clone(fitted).fit(X + 1e8, y)
    assert far.score(X + 1e8, y) > 0.95


def test_its_network_is_saved_loaded_and_exported(fitted, iris, tmp_path):
    model = jdend.load(jdend.save(fitted.model_, tmp_path / "model"))
    np.testing.assert_allclose(
        model.probabilities(iris[0]), fitted.predict_proba(iris[0]), atol=1e-5
    )
    assert model.inputs == "float32"
    assert "const float *features" in jdend.export(model, "c", tmp_path / "n.c").path.read_text()


def test_it_is_pickled_after_predicting(fitted, iris):
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.predict_proba(iris[0]), fitted.predict_proba(iris[0]))


def test_a_grid_search_goes_through_it(iris):
    search = GridSearchCV(
        DendriticClassifier("mlp", hidden_dim=6, random_state=0), {"lr": [1e-6, 1e-2]}, cv=3
    )
    assert search.fit(*iris).best_params_ == {"lr": 1e-2}


def test_pixels_may_have_local_receptive_fields():
    X, y = (part[:600] for part in load_digits(return_X_y=True))
    found = DendriticClassifier(
        connectivity="local_receptive_fields",
        field_std=2.0,
        image_shape=(8, 8, 1),
        n_epochs=10,
        random_state=0,
    ).fit(X, y)
    assert found.score(X, y) > 0.9


def test_the_fields_of_the_shipped_architectures_can_be_set():
    own = set(DendriticClassifier().get_params())
    for name in ("dendritic_simple", "soma_disabled", "dendritic_with_hidden", "mlp"):
        # What is off by default stays off; how synapses are resampled in detail is as by default.
        off = {"dendrite_slope", "synapse_dropout", "initial_density"}
        details = {"max_resamplings", "steps_to_prune", "pruning_end"}
        read = {f for f in architecture(name).fields if not f.startswith("resampling_")}
        assert read - off - details <= own


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"architecture": "dendritic"}, "unknown architecture 'dendritic'"),
        ({"n_neurons": 0}, "n_neurons must be a positive integer"),
        ({"n_dendrite_inputs": 2.5}, "n_dendrite_inputs must be a positive integer"),
        ({"connectivity": "local_receptive_fields"}, "needs images"),
        ({"lr": -1}, "lr must be above 0"),
        ({"image_shape": (2, 2)}, r"image_shape must be \(H, W, C\) of all 4 features"),
        ({"image_shape": (3, 3, 1)}, r"of all 4 features, got \(3, 3, 1\)"),
    ],
)
def test_what_is_not_allowed_is_said(params, message, iris):
    with pytest.raises(ValueError, match=message):
        DendriticClassifier(**params).fit(*iris)


def test_one_class_is_not_enough(iris):
    with pytest.raises(ValueError, match="y holds one class"):
        DendriticClassifier().fit(iris[0], np.ones(len(iris[0])))


def test_it_must_be_fitted_first(iris):
    with pytest.raises(NotFittedError):
        DendriticClassifier().predict(iris[0])


def test_without_scikit_learn_one_line_says_what_is_missing():
    program = "import sys; sys.modules['sklearn'] = None; from jdend import DendriticClassifier"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stderr.splitlines()[-1].endswith("pip install jdend[digits]")


def test_class_weights_are_those_of_scikit_learn(iris):
    X, y = iris[0][45:], iris[1][45:]  # five of the first class
    plain, balanced, by_label = (
        DendriticClassifier("linear", n_epochs=5, random_state=0, class_weight=weight).fit(X, y)
        for weight in (None, "balanced", {0: 7.0, 1: 0.7, 2: 0.7})
    )
    np.testing.assert_allclose(by_label.predict_proba(X), balanced.predict_proba(X), atol=1e-5)
    assert balanced.predict_proba(X)[:, 0].mean() > plain.predict_proba(X)[:, 0].mean()
