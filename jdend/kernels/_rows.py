# pyright: reportUnknownMemberType=false
"""A batch of rows of a data set, laid out for the native kernel as it is gathered."""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Int, Shaped

from jdend.kernels._native import pack_rows
from jdend.kernels._operands import Tiles

__all__ = ["Packed", "packed_rows"]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Packed:
    """A layer's inputs twice over; `packed_rows` makes it, and a program computes what is read.

    Its derivatives are those of `x`: nothing is derived by way of `tiles`.

    Attributes:
      x: the inputs `[B, F]`.
      tiles: the same as the native kernel reads them; None where no kernel reads them.
    """

    x: Float[Array, "B F"]
    tiles: Tiles | None


def packed_rows(
    examples: Shaped[Array | np.ndarray, "n F"],
    rows: Int[Array | np.ndarray, " B"],
    offset: Float[Array | np.ndarray, "..."],
    scale: Float[Array | np.ndarray, "..."],
) -> Packed:
    """The rows `(examples[rows] - offset) * scale`, for :func:`jdend.kernels.dendritic_layer`.

    Where the native kernel computes the layer, it gathers, normalises and transposes the rows of
    uint8 or float32 examples in one pass; all others read `x`. The result is that of `x`, to the
    last bit, except on processors with AVX-512 and VNNI: there bytes with one `offset` and `scale`
    stay bytes, in a quarter of the memory, and sums over them are of whole numbers, which rounds
    otherwise. It works under ``vmap`` over any of the arrays: seeds with batches of their
    own share the examples.

    `n` denotes examples, `B` the batch, `F` features.

    Args:
      examples: [n, F] of any real dtype, not empty.
      rows: [B] int32. As everywhere in JAX a negative one counts from the end, and one that
        is outside nevertheless is the nearest inside.
      offset, scale: [] or [F] numbers for all features or for each.

    Raises:
      ValueError: if shapes disagree, or there are no examples.
      TypeError: if rows are not int32.
    """
    examples, rows = jnp.asarray(examples), jnp.asarray(rows)
    offset, scale = jnp.asarray(offset), jnp.asarray(scale)
    _check(examples, rows, offset, scale)
    x = (examples[rows].astype(jnp.float32) - offset) * scale
    # Derivatives go by way of x.
    constants: list[Any] = [lax.stop_gradient(a) for a in (x, examples, rows, offset, scale)]
    return Packed(x, pack_rows(*constants))


def _check(examples: Array, rows: Array, offset: Array, scale: Array) -> None:
    if examples.ndim != 2 or 0 in examples.shape or rows.ndim != 1:
        raise ValueError(
            f"examples are [n, F], at least one of each, and rows [B]; got {examples.shape} and "
            f"{rows.shape}"
        )
    if rows.dtype != jnp.int32:
        raise TypeError(f"rows are int32; got {rows.dtype}")
    for name, array in (("offset", offset), ("scale", scale)):
        if array.shape not in ((), examples.shape[1:]):
            raise ValueError(
                f"{name} is one number or one for each of {examples.shape[1]} features; got shape "
                f"{array.shape}"
            )
