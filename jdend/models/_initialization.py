# pyright: reportUnknownMemberType=false
"""Initialisers whose draws do not change when a layer is padded.

Every row is drawn from a key of its own, folded by its position, and one-dimensionally: for
threefry keys such draws are prefix-stable, two-dimensional ones are not.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, Int, PRNGKeyArray

from jdend.connectivity import dendrite_keys

__all__ = ["INITIALIZATIONS", "Linear", "dendrite_normal", "dendrite_std"]

Size = int | Int[Array, ""]
Initializer = Callable[..., Float[Array, "rows columns"]]

# Variance of a dendrite's weights. `reference`: 2 / F, the older toolkit's, F the features.
# `fan_in`: 2 / K, He et al. 2015 with a dendrite's true fan-in.
INITIALIZATIONS = ("reference", "fan_in")


def dendrite_std(
    initialization: str | Int[Array, ""], in_features: Size, n_inputs: Size
) -> Float[Array, ""]:
    """Standard deviation of dendrite weights under a named or traced initialisation."""
    fans = (in_features, n_inputs)
    if isinstance(initialization, str):
        if initialization not in INITIALIZATIONS:
            raise ValueError(
                f"unknown initialization {initialization!r}; "
                f"allowed are {', '.join(INITIALIZATIONS)}"
            )
        return _he(fans[INITIALIZATIONS.index(initialization)])
    return _he(jnp.stack([jnp.asarray(fan, jnp.float32) for fan in fans])[initialization])


def dendrite_normal(key: PRNGKeyArray, shape: tuple[int, int, int]) -> Float[Array, "N D K"]:
    """Standard normal draws `[N, D, K]`, stable under padding."""
    n_neurons, n_dendrites, n_inputs = shape
    keys = dendrite_keys(key, n_neurons, n_dendrites).reshape(-1)

    def draw(key: PRNGKeyArray) -> Float[Array, " K"]:
        return jax.random.normal(key, (n_inputs,))

    return jax.vmap(draw)(keys).reshape(shape)


class Linear(nnx.Linear):
    """`flax.nnx.Linear` with He initialisation N(0, 2 / fan_in) that padding leaves as it is.

    Args:
      in_features, out_features: the layer's capacity.
      true_in, true_out: the true sizes where the layer is padded, possibly traced. Rows and columns
        beyond them are zero, and stay so: their inputs are zero, and so are their gradients.
      rngs: a key is taken from its stream `params`.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        true_in: Size | None = None,
        true_out: Size | None = None,
        rngs: nnx.Rngs,
    ):
        init = _row_normal(in_features if true_in is None else true_in)
        if true_in is not None or true_out is not None:
            init = _masked(init, true_in, true_out)
        super().__init__(in_features, out_features, kernel_init=init, rngs=rngs)


def _row_normal(fan_in: Size) -> Initializer:
    def init(
        key: PRNGKeyArray, shape: Sequence[int], dtype: Any = jnp.float32, out_sharding: Any = None
    ) -> Float[Array, "rows columns"]:
        rows, columns = shape

        def draw(key: PRNGKeyArray) -> Float[Array, " columns"]:
            return jax.random.normal(key, (columns,), dtype)

        keys = jax.vmap(jax.random.fold_in, in_axes=(None, 0))(key, jnp.arange(rows))
        return (_he(fan_in) * jax.vmap(draw)(keys)).astype(dtype)

    return init


def _masked(init: Initializer, true_in: Size | None, true_out: Size | None) -> Initializer:
    def masked(
        key: PRNGKeyArray, shape: Sequence[int], dtype: Any = jnp.float32, out_sharding: Any = None
    ) -> Float[Array, "rows columns"]:
        rows, columns = shape
        keep_row = jnp.arange(rows) < (rows if true_in is None else true_in)
        keep_column = jnp.arange(columns) < (columns if true_out is None else true_out)
        return jnp.where(keep_row[:, None] & keep_column, init(key, shape, dtype), 0)

    return masked


def _he(fan_in: Size | Float[Array, "..."]) -> Float[Array, "..."]:
    return jnp.sqrt(2.0 / jnp.asarray(fan_in, jnp.float32))
