"""The receptive fields of dendrites before and after training, to be drawn over images."""

from typing import NamedTuple

import numpy as np

from jdend.report._best_network import Dendrites, Portrait
from jdend.report._images import pixels, png
from jdend.report._synapses import positions

__all__ = ["Dot", "DrawnField", "drawn_fields"]


class Dot(NamedTuple):
    """A synapse: its place and size in pixels, whether it excites, and whether it moved."""

    x: float
    y: float
    radius: float
    excites: bool
    moved: bool


class DrawnField(NamedTuple):
    """The synapses of one dendrite, and the image under them, as a data URL."""

    caption: str
    image: str
    before: list[Dot]
    after: list[Dot]


def drawn_fields(portrait: Portrait, shape: tuple[int, int, int]) -> list[DrawnField]:
    """The fields of the strongest dendrites, each over the image that excites it most.

    Args:
      portrait: of an image network.
      shape: of its images, `(H, W, C)`.
    """
    first, last = portrait.history[0], portrait.history[-1]
    fields = []
    for place, row in zip(portrait.fields, portrait.favourites, strict=True):
        moved = last.indices[place] != first.indices[place]
        neuron, dendrite = place
        owner = f"Neuron {neuron + 1}, dendrite" if len(last.weight) > 1 else "Dendrite"
        caption = f"{owner} {dendrite + 1}"
        if moved.any():
            caption += f": {moved.sum()} of {moved.size} moved"
        fields.append(
            DrawnField(
                caption,
                png(pixels(portrait.images[row], shape)),
                _dots(first, place, np.zeros_like(moved), shape),
                _dots(last, place, moved, shape),
            )
        )
    return fields


def _dots(
    dendrites: Dendrites,
    place: tuple[int, int],
    moved: np.ndarray,
    shape: tuple[int, int, int],
) -> list[Dot]:
    height, width, _ = shape
    weight = dendrites.weight[place]
    rows, columns = positions(dendrites.indices[place], shape)
    largest = max(float(np.abs(weight).max()), 1e-30)
    radius = min(height, width) / 28 * (0.25 + 0.8 * np.sqrt(np.abs(weight) / largest))
    columns_of_dots = (columns + 0.5, rows + 0.5, radius, weight > 0, moved)
    order = np.argsort(-np.abs(weight))  # small ones last, on top
    return [Dot(*dot) for dot in zip(*(c[order].tolist() for c in columns_of_dots), strict=True)]
