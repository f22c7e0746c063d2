"""Dendritic networks as scikit-learn estimators.

Shape letters: `n` examples, `F` features, `K` labels.
"""

import math
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, replace
from typing import Any

import numpy as np

from jdend.connectivity import ImageShape
from jdend.data import Split
from jdend.models import MULTILABEL, Problem, configure
from jdend.training import train_model

try:
    from scipy.sparse import issparse
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
    from sklearn.utils import check_random_state
    from sklearn.utils.class_weight import compute_class_weight
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import check_is_fitted, column_or_1d, validate_data
except ImportError as error:
    raise ImportError(
        f"estimators need scikit-learn 1.6 or newer ({error}): pip install jdend[digits]"
    ) from None

__all__ = ["DendriticClassifier", "DendriticRegressor"]


@dataclass(eq=False, repr=False)
class _DendriticEstimator(BaseEstimator):
    """The settings that both estimators have, and how they train; see `DendriticClassifier`."""

    architecture: str = "dendritic_simple"
    _: KW_ONLY
    n_neurons: int = 20
    n_dendrites: int = 4
    n_dendrite_inputs: int = 16
    hidden_dim: int | None = None
    soma_enabled: bool = True
    connectivity: str = "random"
    field_std: float | None = None
    image_shape: ImageShape | None = None
    initialization: str = "fan_in"
    synaptic_resampling: bool = False
    percentage_resample: float = 0.1
    steps_to_resample: int = 128
    n_epochs: int = 100
    batch_size: int = 32
    lr: float = 0.01
    weight_decay: float = 0.01
    schedule: str = "cosine"
    random_state: Any = None
    kernel: str = "auto"

    def _take_statistics(self, X: np.ndarray) -> None:
        """The mean and the inverse deviation of every column; constant columns have 1 in its
        place."""
        self._mean, deviation = X.mean(axis=0), X.std(axis=0)
        constant = deviation <= 1e-12 * np.abs(self._mean)
        self._scale = 1.0 / np.where(constant, 1.0, deviation)

    def _train(self, split: Split, loss: str | None = None) -> None:
        """Trains with the examples of a split, which are standardised."""
        seed = int(check_random_state(self.random_state).randint(2**31))
        configuration = self._configuration(split, loss)
        trained = train_model(configuration, seed, split, kernel=self.kernel)
        self._trained = trained
        self.model_ = replace(trained, offset=self._mean, scale=self._scale)

    def _features(self, X) -> np.ndarray:
        """Standardised features of new examples."""
        check_is_fitted(self)
        X = np.asarray(validate_data(self, X, dtype=np.float64, reset=False))
        return self._standardised(X)

    def _standardised(self, X: np.ndarray) -> np.ndarray:
        """Standardised features; computed in float64, since in float32 large numbers that differ
        little would be equal."""
        return ((X - self._mean) * self._scale).astype(np.float32)

    def _configuration(self, split: Split, loss: str | None):
        own = ("random_state", "image_shape", "kernel", "class_weight", "loss")
        params = {k: v for k, v in self.get_params(deep=False).items() if k not in own}
        limits = {"n_dendrite_inputs": split.in_features, "batch_size": len(split.train_y)}
        for name, most in limits.items():
            if isinstance(params[name], int | np.integer):
                params[name] = min(params[name], most)
        n_features, n_classes = split.in_features, split.n_classes
        problem = Problem(n_features, n_classes, split.image_shape, split.task, loss)
        return configure(params, problem)


@dataclass(eq=False, repr=False)
class DendriticClassifier(ClassifierMixin, _DendriticEstimator):
    """A dendritic network for numbers or pixels, with the interface of scikit-learn.

    Features are standardised. An architecture ignores the arguments that it does not read.

    Example usage::

      >>> from jdend import DendriticClassifier
      >>> from sklearn.datasets import load_iris

      >>> X, y = load_iris(return_X_y=True)
      >>> DendriticClassifier(random_state=0).fit(X, y).score(X, y) > 0.95
      True

    Args:
      architecture: the name of a registered architecture, see `jdend.models`.
      n_neurons, n_dendrites, n_dendrite_inputs, hidden_dim, soma_enabled: its sizes. A dendrite
        reads all features if there are fewer than `n_dendrite_inputs`.
      connectivity: the rule that draws dendrites' inputs, such as `random` or
        `local_receptive_fields`; `docs/hyperparameters.md` lists them.
      field_std: the width of a receptive field, in pixels.
      image_shape: `(H, W, C)` if the features are pixels, which receptive fields need.
      initialization: `fan_in` or `reference`.
      synaptic_resampling, percentage_resample, steps_to_resample: structural plasticity.
      class_weight: `balanced`, weights by label, or None, as scikit-learn's classifiers take it.
      n_epochs, batch_size, lr, weight_decay, schedule: the training with AdamW. If there are fewer
        examples than `batch_size`, a batch has all of them.
      random_state: an int for the same network each time, a RandomState, or None.
      kernel: the kernel that computes dendrites, see `jdend.kernels`.

    Attributes:
      classes_: the classes, sorted; of several labels an example their numbers, `0` to `K - 1`.
      n_features_in_: `F`.
      feature_names_in_: the names of the columns, if `X` had any.
      model_: the trained network, a `jdend.TrainedModel` for `jdend.save` and `jdend.export`. It
        reads features as float32 and standardises them itself.
    """

    _: KW_ONLY
    class_weight: Any = None

    def fit(self, X, y):
        """Trains with examples `X [n, F]` and classes `y [n]`; returns the estimator itself.

        Of examples that have any number of labels, `y` is `[n, K]`, 1 where a label applies and 0
        where not, as an array or sparse.

        Raises:
          ValueError: if a value is not allowed, there are fewer than two classes, or training
            diverges.
        """
        given: Any = validate_data(self, X, y, dtype=np.float64, multi_output=True)
        X, y = (part.toarray() if issparse(part) else np.asarray(part) for part in given)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        check_classification_targets(y)
        if y.ndim == 2:
            return self._fit_labels(X, y)
        self.classes_, numbers = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"y holds one class, {self.classes_[0]!r}; two or more are needed")
        self._take_statistics(X)
        names = tuple(str(name) for name in self.classes_)
        split = _split(self._standardised(X), numbers.astype(np.int32), names, self.image_shape)
        if self.class_weight is not None:
            weights = compute_class_weight(self.class_weight, classes=self.classes_, y=y)
            split = replace(split, class_weights=weights.astype(np.float32))
        self._train(split)
        return self

    def _fit_labels(self, X: np.ndarray, y: np.ndarray) -> "DendriticClassifier":
        """As `fit`, of labels `y [n, K]`."""
        if not np.isin(y, (0, 1)).all():
            raise ValueError("y of several columns must hold 0 and 1, whether each label applies")
        if self.class_weight is not None:
            raise ValueError(f"class_weight={self.class_weight!r} is for classes, not for labels")
        self.classes_ = np.arange(y.shape[1])
        self._take_statistics(X)
        names = tuple(str(name) for name in self.classes_)
        self._train(_split(self._standardised(X), y.astype(np.int32), names, self.image_shape))
        return self

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

    def predict_proba(self, X):
        """The probabilities `[n, classes]` of the classes, in the order of `classes_`; of labels
        that each applies."""
        x = self._features(X)
        return self._trained.probabilities(x).astype(np.float64)

    def predict(self, X):
        """The most probable class of each example, `[n]`; of labels `[n, K]`, 1 where a label is
        more probable than not."""
        check_is_fitted(self)
        if self._trained.task == MULTILABEL:
            return self._trained.predict(self._features(X)).astype(np.int64)
        shares = self.predict_proba(X)
        return self.classes_[shares.argmax(axis=1)]


@dataclass(eq=False, repr=False)
class DendriticRegressor(RegressorMixin, _DendriticEstimator):
    """A dendritic network that predicts a number, with the interface of scikit-learn.

    Features and target are standardised.

    Example usage::

      >>> from jdend import DendriticRegressor
      >>> from sklearn.datasets import load_diabetes

      >>> X, y = load_diabetes(return_X_y=True)
      >>> DendriticRegressor(n_epochs=20, random_state=0).fit(X, y).score(X, y) > 0.5
      True

    Args:
      loss: `squared`, `huber`, for targets with outliers, or a registered loss, see
        `jdend.training.Loss`.
      architecture and all others: as of `DendriticClassifier`.

    Attributes:
      n_features_in_, feature_names_in_, model_: as of `DendriticClassifier`.
    """

    _: KW_ONLY
    loss: str = "squared"

    def fit(self, X, y):
        """Trains with examples `X [n, F]` and targets `y [n]`; returns the estimator itself.

        Raises:
          ValueError: if a value is not allowed, or training diverges.
        """
        X, y = validate_data(self, X, y, dtype=np.float64, y_numeric=True)
        X, y = np.asarray(X), np.asarray(y, np.float64)
        self._take_statistics(X)
        self._center = float(y.mean())
        deviation = float(y.std())
        self._deviation = deviation if deviation > 1e-12 * abs(self._center) else 1.0
        standardised = ((y - self._center) / self._deviation).astype(np.float32)
        x = self._standardised(X)
        split = _split(x, standardised, ("target",), self.image_shape, target=(0.0, 1.0))
        self._train(split, self.loss)
        self.model_ = replace(self.model_, target=(self._center, self._deviation))
        return self

    def predict(self, X):
        """The target of each example, `[n]`."""
        x = self._features(X)
        outputs = self._trained.predict(x).astype(np.float64)
        return outputs * self._deviation + self._center


def _split(
    x: np.ndarray,
    y: np.ndarray,
    names: tuple[str, ...],
    image_shape: ImageShape | None,
    target: tuple[float, float] | None = None,
) -> Split:
    """A split with all examples for training, none held out."""
    return Split(
        train_x=x,
        train_y=y,
        validation_x=x[:0],
        validation_y=y[:0],
        test_x=x[:0],
        test_y=y[:0],
        offset=np.zeros((), np.float32),
        scale=np.ones((), np.float32),
        n_classes=len(names),
        image_shape=_image_shape(image_shape, x.shape[1]),
        class_names=names,
        name="arrays",
        source="given to fit",
        fingerprint="",
        target=target,
    )


def _image_shape(image_shape: Sequence[int] | None, n_features: int) -> ImageShape | None:
    if image_shape is None:
        return None
    if len(image_shape) != 3 or math.prod(image_shape) != n_features:
        raise ValueError(
            f"image_shape must be (H, W, C) of all {n_features} features, got {tuple(image_shape)}"
        )
    height, width, channels = map(int, image_shape)
    return height, width, channels
