"""Weights of classes in the loss that training minimises."""

from dataclasses import replace

import numpy as np

from jdend._messages import OneLineError, did_you_mean
from jdend.data import CLASSIFICATION, Split

__all__ = ["ClassWeightsError", "check_class_weights", "weighted"]

CLASS_WEIGHTS = ("balanced",)


class ClassWeightsError(OneLineError):
    """Class weights that are not known; the message says which are."""


def weighted(data: Split, class_weights: str | None) -> Split:
    """The data with class weights, by which each training example's loss is multiplied.

    Args:
      data: the data that networks are trained with.
      class_weights: `balanced` for weights inversely proportional to the classes' numbers of
        training examples, with a mean of 1 over these examples (King & Zeng 2001); None for none.

    Raises:
      ClassWeightsError: if it is neither, or the data have no classes.
    """
    check_class_weights(class_weights)
    if class_weights is None:
        return data
    if data.task != CLASSIFICATION:
        raise ClassWeightsError(f"class_weights are for classes, and this is {data.task}")
    counts = np.bincount(data.train_y, minlength=data.n_classes)
    weights = len(data.train_y) / (np.count_nonzero(counts) * np.maximum(counts, 1))
    return replace(data, class_weights=np.where(counts > 0, weights, 0.0).astype(np.float32))


def check_class_weights(class_weights: object) -> None:
    """Raises `ClassWeightsError` unless `weighted` takes them."""
    if class_weights is not None and class_weights not in CLASS_WEIGHTS:
        allowed = did_you_mean(class_weights, CLASS_WEIGHTS)
        raise ClassWeightsError(f"unknown class_weights {class_weights!r}{allowed}")
