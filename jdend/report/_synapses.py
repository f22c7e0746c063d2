"""Where synapses are, and how resampling moved them.

Shape letters: `N` neurons, `D` dendrites, `K` synapses, `E` epochs, `H, W` an image.
"""

import itertools
from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Int

from jdend.report._best_network import Dendrites

__all__ = ["coverage", "positions", "replaced", "smooth", "spread", "unmoved"]


def unmoved(history: Sequence[Dendrites]) -> Bool[np.ndarray, "E N D K"]:
    """Whether each synapse reads after each epoch the input that it read before training."""
    first = history[0].indices
    return np.stack([dendrites.indices == first for dendrites in history])


def replaced(history: Sequence[Dendrites]) -> Float[np.ndarray, " E"]:
    """The share of synapses that each epoch moved to another input."""
    pairs = itertools.pairwise(history)
    return np.array([np.mean(before.indices != after.indices) for before, after in pairs])


def spread(dendrites: Dendrites, image_shape: tuple[int, int, int]) -> float:
    """Root mean square distance of synapses from the centre of their dendrite, in pixels."""
    rows, columns = positions(dendrites.indices, image_shape)
    squares = sum(np.square(a - a.mean(axis=-1, keepdims=True)) for a in (rows, columns))
    return float(np.sqrt(np.mean(squares)))


def positions(
    indices: Int[np.ndarray, "..."], image_shape: tuple[int, int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Row and column of the pixels that synapses read."""
    _, width, channels = image_shape
    pixels = indices // channels
    return pixels // width, pixels % width


def coverage(
    dendrites: Dendrites, image_shape: tuple[int, int, int], *, weighted: bool = True
) -> Float[np.ndarray, "H W"]:
    """How strongly each pixel is read: the sum of |weight|, or the number, of its synapses."""
    height, width, _ = image_shape
    rows, columns = positions(dendrites.indices, image_shape)
    weights = np.abs(dendrites.weight).ravel() if weighted else None
    flat = np.bincount((rows * width + columns).ravel(), weights, minlength=height * width)
    return flat.reshape(height, width).astype(np.float64)


def smooth(image: Float[np.ndarray, "H W"]) -> Float[np.ndarray, "H W"]:
    """An image blurred by a Gaussian of one pixel; edges are padded with their own values."""
    kernel = np.exp(-0.5 * np.square(np.arange(-3, 4)))
    kernel /= kernel.sum()
    for axis in (0, 1):
        width = [(3, 3) if a == axis else (0, 0) for a in (0, 1)]
        padded = np.pad(image, width, mode="edge")
        image = np.apply_along_axis(np.convolve, axis, padded, kernel, mode="valid")
    return image
