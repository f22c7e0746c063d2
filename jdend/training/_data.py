"""Examples on the device: as bytes, normalised on the fly."""

import weakref
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from jdend.data import Split

__all__ = ["DeviceData", "Examples", "normalised", "on_device"]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Examples:
    """One part of a data set.

    Attributes:
      x: uint8 or float32 `[n, F]`.
      y: int32 `[n]`.
      offset, scale: float32 `[]` or `[F]`; the network's input is `(x - offset) * scale`.
    """

    x: Array
    y: Int[Array, " n"]
    offset: Float[Array, "..."]
    scale: Float[Array, "..."]


@dataclass(frozen=True)
class DeviceData:
    """A split's parts on the device; `validation` is None if the split holds none out."""

    train: Examples
    validation: Examples | None
    test: Examples


_PLACED: weakref.WeakKeyDictionary[Split, DeviceData] = weakref.WeakKeyDictionary()


def on_device(split: Split) -> DeviceData:
    """Puts a split on the default device, once."""
    if split not in _PLACED:
        offset, scale = jnp.asarray(split.offset), jnp.asarray(split.scale)

        def part(x: np.ndarray, y: np.ndarray) -> Examples:
            return Examples(jnp.asarray(x), jnp.asarray(y), offset, scale)

        held_out = len(split.validation_x) > 0
        _PLACED[split] = DeviceData(
            part(split.train_x, split.train_y),
            part(split.validation_x, split.validation_y) if held_out else None,
            part(split.test_x, split.test_y),
        )
    return _PLACED[split]


def normalised(data: Examples, x: Array) -> Float[Array, "*B F"]:
    """The network's input for some of the rows of `data`."""
    return (x.astype(jnp.float32) - data.offset) * data.scale
