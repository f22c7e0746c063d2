# pyright: reportUnknownMemberType=false
"""Examples on the device, as bytes; each batch is normalised when it is used."""

import weakref
from collections.abc import Mapping
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from jdend.data import Split

__all__ = ["DeviceData", "Examples", "normalised", "on_device", "teacher_of"]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Examples:
    """A data set's examples, one part after the other: those for training come first.

    Attributes:
      x: uint8 or float32 `[n, F]`.
      y: int32 `[n]`.
      offset, scale: float32 `[]` or `[F]`; the network's input is `(x - offset) * scale`.
      teacher: as of a `Split`, for the training examples alone; None without one.
      class_weights: as of a `Split`; None without.
    """

    x: Array
    y: Int[Array, " n"]
    offset: Float[Array, "..."]
    scale: Float[Array, "..."]
    teacher: Float[Array, "n_train V K"] | None = None
    class_weights: Float[Array, " K"] | None = None


@dataclass(frozen=True)
class DeviceData:
    """A split on the device.

    Attributes:
      examples: all of its parts in one, so that one program evaluates any of them.
      rows: the first row and the end of each part; the parts are `train`, `validation`, `test`.
    """

    examples: Examples
    rows: Mapping[str, tuple[int, int]]

    @property
    def n_train(self) -> int:
        return self.rows["train"][1]

    @property
    def largest_part(self) -> int:
        """The examples of the larger of the parts for validation and test."""
        return max(end - begin for begin, end in (self.rows["validation"], self.rows["test"]))

    def part(self, name: str) -> Int[np.ndarray, " R"]:
        """The rows of one of these two parts, and -1 up to `largest_part`."""
        begin, end = self.rows[name]
        rows = np.full(self.largest_part, -1, np.int32)
        rows[: end - begin] = np.arange(begin, end)
        return rows


_PLACED: weakref.WeakKeyDictionary[Split, DeviceData] = weakref.WeakKeyDictionary()


def on_device(split: Split) -> DeviceData:
    """The split on the default device; it is copied there once."""
    if split not in _PLACED:
        x = np.concatenate([split.train_x, split.validation_x, split.test_x])
        y = np.concatenate([split.train_y, split.validation_y, split.test_y])
        examples = Examples(
            jnp.asarray(x),
            jnp.asarray(y),
            jnp.asarray(split.offset),
            jnp.asarray(split.scale),
            None if split.teacher is None else jnp.asarray(split.teacher),
            None if split.class_weights is None else jnp.asarray(split.class_weights),
        )
        first, second = len(split.train_y), len(split.train_y) + len(split.validation_y)
        rows = {"train": (0, first), "validation": (first, second), "test": (second, len(y))}
        _PLACED[split] = DeviceData(examples, rows)
    return _PLACED[split]


def normalised(data: Examples, x: Array) -> Float[Array, "*B F"]:
    """The network's input for rows `x` of `data`."""
    return (x.astype(jnp.float32) - data.offset) * data.scale


def teacher_of(
    data: Examples, rows: Int[Array, "*B"], mirrored: Bool[Array, "*B"] | None
) -> Float[Array, "*B K"]:
    """A teacher's logits for some training examples, as it sees them mirrored or not."""
    if data.teacher is None:
        raise ValueError("distillation_weight above 0 needs a teacher, and the data have none")
    logits = data.teacher[rows]
    if mirrored is None:
        return logits[..., 0, :]
    return jnp.where(mirrored[..., None], logits[..., -1, :], logits[..., 0, :])
