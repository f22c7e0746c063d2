"""`DendriticClassifier` takes any number of labels an example, as `MLPClassifier` does."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.base import clone
from sklearn.metrics import accuracy_score
from sklearn.model_selection import cross_val_score
from sklearn.neural_network import MLPClassifier
from sklearn.utils import get_tags

import jdend
from jdend import DendriticClassifier


@pytest.fixture(scope="module")
def labelled():
    """Four labels, each on one side of a plane; in all 16 combinations."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 5))
    return X, (X @ rng.normal(size=(5, 4)) > 0).astype(int)


@pytest.fixture(scope="module")
def fitted(labelled):
    return DendriticClassifier("mlp", hidden_dim=8, n_epochs=30, random_state=0).fit(*labelled)


def test_scikit_learn_is_told_so():
    assert get_tags(DendriticClassifier()).classifier_tags.multi_label


def test_it_learns(fitted, labelled):
    X, Y = labelled
    assert fitted.score(X, Y) == accuracy_score(Y, fitted.predict(X)) > 0.7


def test_its_outputs_are_of_the_kinds_of_scikit_learns(fitted, labelled):
    X, Y = labelled
    mlp = MLPClassifier(4, solver="lbfgs", max_iter=500, random_state=0).fit(X, Y)
    for method in ("predict", "predict_proba"):
        own, other = getattr(fitted, method)(X), getattr(mlp, method)(X)
        assert (own.shape, own.dtype) == (other.shape, other.dtype)
    assert fitted.classes_.tolist() == mlp.classes_.tolist() == [0, 1, 2, 3]


def test_a_label_is_said_if_it_is_more_probable_than_not(fitted, labelled):
    X, _ = labelled
    np.testing.assert_array_equal(fitted.predict(X), fitted.predict_proba(X) > 0.5)


def test_probabilities_of_labels_have_no_sum(fitted, labelled):
    sums = fitted.predict_proba(labelled[0]).sum(axis=1)
    assert sums.max() > 1.5
    assert sums.min() < 0.9


def test_lists_and_sparse_matrices_are_the_same(fitted, labelled):
    X, Y = labelled
    expected = fitted.predict_proba(X)
    for form in (Y.tolist(), csr_matrix(Y), Y.astype(bool), Y.astype(float)):
        found = clone(fitted).fit(X, form).predict_proba(X)
        np.testing.assert_array_equal(found, expected)


def test_it_goes_through_cross_validation(fitted, labelled):
    assert cross_val_score(clone(fitted), *labelled, cv=2, scoring="f1_micro").min() > 0.85


def test_its_network_is_saved_and_exported(fitted, labelled, tmp_path):
    X, _ = labelled
    model = jdend.load(jdend.save(fitted.model_, tmp_path / "model"))
    assert model.task == "multilabel"
    np.testing.assert_array_equal(model.predict(X), fitted.predict(X))
    np.testing.assert_allclose(model.probabilities(X), fitted.predict_proba(X), atol=1e-5)
    text = jdend.export(model, "c", tmp_path / "n.c").path.read_text()
    assert "returns how many apply" in text


def test_fitted_again_with_classes_it_has_classes(fitted, labelled):
    X, Y = labelled
    again = clone(fitted).fit(X, Y).fit(X, Y[:, 0])
    assert again.predict(X).shape == (300,)
    assert again.predict_proba(X).shape == (300, 2)


def test_one_column_is_one_of_classes_with_scikit_learns_warning(fitted, labelled):
    from sklearn.exceptions import DataConversionWarning

    X, Y = labelled
    with pytest.warns(DataConversionWarning):
        again = clone(fitted).fit(X, Y[:, :1])
    assert again.predict(X).shape == (300,)


@pytest.mark.parametrize(
    ("change", "params", "message"),
    [
        (lambda Y: Y + 1, {}, "y of several columns must hold 0 and 1"),
        (lambda Y: Y * [1, 2, 3, 4], {}, "y of several columns must hold 0 and 1"),
        (lambda Y: Y, {"class_weight": "balanced"}, "class_weight='balanced' is for classes"),
    ],
)
def test_what_are_no_labels_is_said(change, params, message, labelled):
    X, Y = labelled
    with pytest.raises(ValueError, match=message):
        DendriticClassifier("mlp", **params).fit(X, change(Y))
