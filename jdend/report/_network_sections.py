"""The sections of a report about the best network.

Each section is a template, and a function here that computes the values to fill in.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from jdend.report._best_network import Portrait
from jdend.report._fields import drawn_fields
from jdend.report._format import percent
from jdend.report._images import diverging, pixels, png, sequential
from jdend.report._synapses import coverage, smooth, spread, unmoved
from jdend.report._templates import Markup, render

__all__ = ["confusion_section", "fields_section", "resampling_section"]

# With more classes than `MAX_CLASSES` the confusion matrix is too wide to read.
MAX_CLASSES, MAX_PAIRS = 50, 8
# The colours of right and of wrong predictions: red, green, blue.
RIGHT, WRONG = "0,114,178", "213,94,0"


def confusion_section(portrait: Portrait) -> Markup:
    """Confusion matrix and most confused images."""
    names = portrait.model.class_names
    few = len(names) <= MAX_CLASSES
    test, before = portrait.model.figures.get("test_accuracy"), portrait.measured_before
    searched = before.get("test_accuracy")
    differs = test is not None and searched is not None and abs(test - searched) > 5e-4
    return render(
        "confusion",
        seed=portrait.seed,
        n_seeds=len(portrait.result.seeds),
        has_folds=portrait.result.n_networks > len(portrait.result.seeds),
        trained_again=portrait.trained_again,
        test_accuracy=percent(test),
        accuracy_before=percent(searched) if differs else None,
        class_names=names,
        matrix=_matrix(portrait.confusion) if few else None,
        pairs=_pairs(portrait.confusion, names),
        confused=_confused(portrait),
    )


def fields_section(portrait: Portrait) -> Markup:
    """Receptive fields before and after training; empty if the network has none."""
    shape = portrait.image_shape
    if shape is None or not portrait.history:
        return Markup()
    first, last = portrait.history[0], portrait.history[-1]
    n_neurons, n_dendrites, n_inputs = last.indices.shape
    change = coverage(last, shape, weighted=False) - coverage(first, shape, weighted=False)
    maps = [
        ("Before training", sequential(smooth(coverage(first, shape)))),
        ("After training", sequential(smooth(coverage(last, shape)))),
    ]
    if change.any():
        maps.append(("Where synapses came (orange) and went (blue)", diverging(smooth(change))))
    height, width, _ = shape
    return render(
        "fields",
        n_neurons=n_neurons,
        n_dendrites=n_dendrites,
        n_inputs=n_inputs,
        maps=[{"caption": caption, "image": png(image)} for caption, image in maps],
        any_moved=change.any(),
        fields=drawn_fields(portrait, shape),
        height=height,
        width=width,
    )


def resampling_section(portrait: Portrait) -> Markup:
    """How resampling moved synapses; empty if the network has no dendrites."""
    if not portrait.history:
        return Markup()
    hyperparameters = portrait.model.configuration.hyperparameters
    first, last = portrait.history[0], portrait.history[-1]
    stayed, weights, shape = (
        unmoved(portrait.history)[-1],
        np.abs(last.weight),
        portrait.image_shape,
    )
    ratio = None
    if stayed.any() and not stayed.all():
        ratio = weights[~stayed].mean() / max(weights[stayed].mean(), 1e-30)
    return render(
        "resampling",
        steps=hyperparameters.steps_to_resample,
        share=percent(hyperparameters.percentage_resample, digits=0),
        moved=None if stayed.all() else percent(1 - stayed.mean(), digits=1),
        n_synapses=stayed.size,
        ratio=ratio,
        spread=None if shape is None else (spread(first, shape), spread(last, shape)),
    )


class Cell(NamedTuple):
    """A cell of the confusion matrix: a number, and the colour and opacity behind it."""

    n: int
    rgb: str
    opacity: float


def _matrix(confusion: np.ndarray) -> list[list[Cell]]:
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)

    def cell(i: int, j: int) -> Cell:
        n, share = int(confusion[i, j]), float(shares[i, j])
        if i == j:
            return Cell(n, RIGHT, 0.5 * share)
        return Cell(n, WRONG, min(0.75, 2.5 * share))

    n_classes = len(confusion)
    return [[cell(i, j) for j in range(n_classes)] for i in range(n_classes)]


def _pairs(confusion: np.ndarray, names: Sequence[str]) -> list[list[str]]:
    """The most frequent confusions: true class, predicted class, how many, which share."""
    wrong = confusion * (1 - np.eye(len(names), dtype=np.int64))
    order = np.argsort(-wrong, axis=None, kind="stable")[:MAX_PAIRS]
    rows = []
    for i, j in (divmod(int(flat), len(names)) for flat in order if wrong.flat[flat] > 0):
        n, total = int(wrong[i, j]), int(confusion[i].sum())
        rows.append([names[i], names[j], f"{n:,} of {total:,}", percent(n / total, digits=1)])
    return rows


def _confused(portrait: Portrait) -> list[dict[str, object]]:
    """The test images with the most confident wrong predictions; none if data are not images."""
    shape, names = portrait.image_shape, portrait.model.class_names
    if shape is None:
        return []
    return [
        {
            "image": png(pixels(portrait.images[row], shape)),
            "row": row,
            "true": names[true],
            "predicted": names[predicted],
            "percent": 100 * probability,
        }
        for row, true, predicted, probability in portrait.confused
    ]
