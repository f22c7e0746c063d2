# pyright: reportUnknownMemberType=false
"""Mirrors and moves training images at random, in every step, on the device.

Shape letters: `B` batch, `F` features, `H, W, C` an image's height, width and channels.

Each seed has one batch, which all configurations of a population read. So all of them have the same
augmentation; trials with another one train in another population.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Int, Key, Shaped

from jdend.models import Structure

__all__ = ["AUGMENTATIONS", "Augment", "augmenter"]

AUGMENTATIONS = ("none", "flips", "shifts", "flips_and_shifts")

Augment = Callable[[Key[Array, ""], Array], tuple[Array, Array]]
"""`(key, x [B, F]) → (x [B, F], mirrored [B])`."""


def augmenter(structure: Structure) -> Augment | None:
    """The augmentation of a bucket's batches; None if it has none."""
    kind, image_shape = structure.extra("augmentation"), structure.problem.image_shape
    if kind is None:
        return None
    assert image_shape is not None  # see `needs_images`
    shift = int(structure.extra("shift_pixels") or 0)
    flips = kind in ("flips", "flips_and_shifts")

    def augment(
        key: Key[Array, ""], x: Shaped[Array, "B F"]
    ) -> tuple[Shaped[Array, "B F"], Bool[Array, " B"]]:
        draws = jax.random.uniform(key, (3, len(x)))
        mirrored = (draws[0] < 0.5) & flips
        images = x.reshape(-1, *image_shape)
        if flips:
            images = jnp.where(mirrored[:, None, None, None], images[:, :, ::-1], images)
        if shift:
            rows, columns = jnp.floor(draws[1:] * (2 * shift + 1)).astype(jnp.int32) - shift
            images = jax.vmap(_moved)(images, rows, columns)
        return images.reshape(x.shape), mirrored

    return augment


def _moved(
    image: Shaped[Array, "H W C"], down: Int[Array, ""], right: Int[Array, ""]
) -> Shaped[Array, "H W C"]:
    """An image moved by whole pixels; the pixels that move in repeat its border."""
    height, width, _ = image.shape
    rows = jnp.clip(jnp.arange(height) - down, 0, height - 1)
    columns = jnp.clip(jnp.arange(width) - right, 0, width - 1)
    return image[rows][:, columns]
