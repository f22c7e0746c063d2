# pyright: reportUnknownMemberType=false
"""A network whose dendrites look at every part of an image with the same synapses.

Shape letters: `B` examples, `H, W, C` an image's height, width and channels, `P` the side of a
patch, `Y, X` rows and columns of patches, `N` neurons, `G` the side of the grid of regions.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
from flax import nnx
from jax import export
from jax.core import min_dim
from jaxtyping import Array, Float, Int

from jdend.connectivity import ImageShape
from jdend.models._activations import NEGATIVE_SLOPE
from jdend.models._initialization import Linear
from jdend.models._layer import DendriticLayer, check_size, of_images

if TYPE_CHECKING:
    from jdend.models._configuration import Problem

__all__ = ["DendriticConvolutional", "patches_of"]

Sizes = Mapping[str, Int[Array, ""]]


class DendriticConvolutional(nnx.Module):
    """Dendritic layer on every patch of an image → each neuron's largest soma in each region →
    linear to the classes.

    One `DendriticLayer` reads all patches of `patch_size` by `patch_size` pixels with their
    channels, `stride` pixels apart, within the image. So a neuron is a channel of a convolution,
    whose kernel has dendrites, and whose synapses are a few pixels of the patch, the same for every
    patch. What they share is what Fukushima 1980 ("Neocognitron") and LeCun et al. 1989
    ("Backpropagation applied to handwritten zip code recognition") share; the largest of
    neighbouring somata is the complex cell of Riesenhuber & Poggio 1999 ("Hierarchical models of
    object recognition in cortex").

    Args:
      in_features: `F = H * W * C`.
      n_classes: the number of logits.
      image_shape: `(H, W, C)` or `(H, W)`.
      n_neurons: `N`, the channels.
      n_dendrites: the dendrites of each neuron.
      n_dendrite_inputs: the synapses of each dendrite, distinct inputs of a patch; all of these if
        there are fewer.
      patch_size: `P`, at most the smaller side of the image.
      stride: pixels from one patch to the next.
      pooled_size: `G`, the rows and columns of regions, which divide the patches as adaptive
        pooling does: region `g` of a side has the patches from `floor(g Y / G)` up to
        `ceil((g + 1) Y / G)`.
      connectivity, field_std, initialization, dendrite_slope, kernel: see `DendriticLayer`, whose
        image is the patch.
      sizes: the true sizes by field name, if the other arguments are a capacity; `patch_size`,
        `stride` and `pooled_size` are true ones always.
      rngs: keys are taken from its streams `params` and `connectivity`.

    Raises:
      ValueError: if there is no `image_shape` of `F` features, a size is not a positive integer, or
        a patch is larger than the image.
    """

    def __init__(
        self,
        in_features: int,
        n_classes: int,
        *,
        image_shape: tuple[int, ...] | None,
        n_neurons: int = 24,
        n_dendrites: int = 3,
        n_dendrite_inputs: int = 9,
        patch_size: int = 5,
        stride: int = 2,
        pooled_size: int = 4,
        connectivity: str | Int[Array, ""] = "random",
        field_std: float | Float[Array, ""] | None = None,
        initialization: str | Int[Array, ""] = "reference",
        dendrite_slope: float = NEGATIVE_SLOPE,
        kernel: str = "auto",
        sizes: Sizes | None = None,
        rngs: nnx.Rngs,
    ):
        for name, size in (
            ("patch_size", patch_size), ("stride", stride), ("pooled_size", pooled_size)
        ):  # fmt: skip
            check_size(name, size)
        self.image_shape = _checked(image_shape, in_features, patch_size)
        self.patch_size, self.stride, self.pooled_size = patch_size, stride, pooled_size
        channels = self.image_shape[2]
        of_patch = patch_size * patch_size * channels
        self.dendritic = DendriticLayer(
            of_patch,
            n_neurons,
            n_dendrites,
            min_dim(n_dendrite_inputs, of_patch),
            connectivity=connectivity,
            field_std=field_std,
            image_shape=(patch_size, patch_size, channels),
            initialization=initialization,
            dendrite_slope=dendrite_slope,
            kernel=kernel,
            sizes=_layer_sizes(sizes, of_patch),
            rngs=rngs,
        )
        n_regions = pooled_size * pooled_size
        self.classifier = Linear(
            n_neurons * n_regions,
            n_classes,
            true_in=None if sizes is None else sizes["n_neurons"] * n_regions,
            kernel=kernel,
            rngs=rngs,
        )

    def __call__(self, x: Float[Array, "*B F"]) -> Float[Array, "*B classes"]:
        images = x.reshape(-1, *self.image_shape)
        somata = self.dendritic(_patches(images, self.patch_size, self.stride))
        of_rows = _largest(somata, self.pooled_size, axis=1)
        of_regions = _largest(of_rows, self.pooled_size, axis=2)
        # Neurons come first, so that those of padding come last.
        features = jnp.moveaxis(of_regions, -1, 1)
        return self.classifier(features.reshape(*x.shape[:-1], self.classifier.in_features))

    def regions(self, length: int) -> list[tuple[int, int]]:
        """The first of so many patches, and the one after the last, of each region of a side."""
        return _regions(length, self.pooled_size)


def patches_of(values: Mapping[str, Any], problem: "Problem") -> tuple[int, int]:
    """How many patches an image has, and how many inputs each: `Y * X` and `P * P * C`."""
    assert problem.image_shape is not None  # see `needs_images`
    height, width, channels = problem.image_shape
    size, stride = values["patch_size"], values["stride"]
    rows, columns = ((side - size) // stride + 1 for side in (height, width))
    return rows * columns, size * size * channels


def _regions(length: int, n: int) -> list[tuple[int, int]]:
    return [(i * length // n, -(-(i + 1) * length // n)) for i in range(n)]


def _patches(images: Float[Array, "B H W C"], size: int, stride: int) -> Float[Array, "B Y X PPC"]:
    """Every patch, its inputs in the order of an image's."""
    _, height, width, _ = images.shape
    below, beside = height - size + 1, width - size + 1
    shifted = [
        images[:, row : row + below : stride, column : column + beside : stride]
        for row in range(size)
        for column in range(size)
    ]
    return jnp.concatenate(shifted, axis=-1)


def _largest(x: Float[Array, "*shape"], n: int, axis: int) -> Float[Array, "*pooled"]:
    """The largest of each of `n` regions of an axis."""
    length = x.shape[axis]
    if length % n == 0:  # a fifth of the time, with the gradient
        regular = x.reshape(*x.shape[:axis], n, length // n, *x.shape[axis + 1 :])
        return regular.max(axis=axis + 1)
    cut = [jax.lax.slice_in_dim(x, *bounds, axis=axis) for bounds in _regions(length, n)]
    return jnp.stack([part.max(axis=axis) for part in cut], axis=axis)


def _checked(image_shape: tuple[int, ...] | None, in_features: int, patch_size: int) -> ImageShape:
    shape = of_images(image_shape)
    if shape is None:
        raise ValueError("a convolution needs images: give image_shape=(height, width, channels)")
    height, width, channels = shape
    if height * width * channels != in_features:
        raise ValueError(
            f"image_shape={shape} has {height * width * channels} features, and the inputs have "
            f"{in_features}"
        )
    if not export.is_symbolic_dim(patch_size) and patch_size > min(height, width):
        raise ValueError(
            f"patch_size={patch_size} is more than a side of {height} x {width} pixels"
        )
    return shape


def _layer_sizes(sizes: Sizes | None, of_patch: int) -> Int[Array, "3"] | None:
    if sizes is None:
        return None
    n_inputs = jnp.minimum(sizes["n_dendrite_inputs"], of_patch)
    return jnp.stack([sizes["n_neurons"], sizes["n_dendrites"], n_inputs])
