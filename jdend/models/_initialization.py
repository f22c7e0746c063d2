# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false
"""Initialisers whose draws do not change when a layer is padded.

Every row is drawn as a vector from a key of its own, which is folded by the row's position. With
threefry keys, a longer vector then begins with the values of a shorter one; for matrices that does
not hold.
"""

from collections.abc import Callable, Sequence
from typing import Any, cast

import jax
import jax.numpy as jnp
from flax import nnx
from jax.core import Tracer
from jax.typing import DTypeLike
from jaxtyping import Array, Float, Int, PRNGKeyArray

from jdend.connectivity import dendrite_keys
from jdend.kernels import DotGeneral, less_to_compile

__all__ = ["INITIALIZATIONS", "Linear", "dendrite_normal", "dendrite_std"]

Size = int | Int[Array, ""]
Initializer = Callable[..., Float[Array, "rows columns"]]

# The variance of a dendrite's weights: for `reference` 2 / F with F features, as in the older
# toolkit; for `fan_in` 2 / K with K synapses, which is He et al. 2015 with the true fan-in.
INITIALIZATIONS = ("reference", "fan_in")


def dendrite_std(
    initialization: str | Int[Array, ""], in_features: Size, n_inputs: Size
) -> Float[Array, ""]:
    """The standard deviation of dendrite weights; `initialization` is a name, or its traced
    position in `INITIALIZATIONS`."""
    fans = (in_features, n_inputs)
    if isinstance(initialization, str):
        if initialization not in INITIALIZATIONS:
            raise ValueError(
                f"unknown initialization {initialization!r}; "
                f"allowed are {', '.join(INITIALIZATIONS)}"
            )
        return _he(fans[INITIALIZATIONS.index(initialization)])
    return _he(jnp.stack([jnp.asarray(fan, jnp.float32) for fan in fans])[initialization])


def dendrite_normal(
    key: PRNGKeyArray, shape: tuple[int, int, int], dtype: DTypeLike = jnp.float32
) -> Float[Array, "N D K"]:
    """Standard normal draws `[N, D, K]`, which padding does not change; at least float32."""
    dtype = jnp.promote_types(dtype, jnp.float32)
    draw = _dendrite_normal if isinstance(key, Tracer) else _dendrite_normal_in_one_program
    return draw(less_to_compile(key), shape, dtype)


def _dendrite_normal(
    key: PRNGKeyArray, shape: tuple[int, int, int], dtype: DTypeLike
) -> Float[Array, "N D K"]:
    n_neurons, n_dendrites, n_inputs = shape
    keys = dendrite_keys(key, n_neurons, n_dendrites).reshape(-1)

    def draw(key: PRNGKeyArray) -> Float[Array, " K"]:
        return jax.random.normal(key, (n_inputs,), dtype)

    return jax.vmap(draw)(keys).reshape(shape)


_dendrite_normal_in_one_program = cast(
    Callable[..., Array], jax.jit(_dendrite_normal, static_argnames=("shape", "dtype"))
)


class Linear(nnx.Linear):
    """`flax.nnx.Linear` with He initialisation N(0, 2 / fan_in), which padding does not change.

    Args:
      in_features, out_features: the layer's capacity.
      true_in, true_out: the true sizes of a padded layer, possibly traced. Rows and columns beyond
        them are zero, and stay zero, since their inputs and gradients are.
      use_bias: whether it adds a bias.
      kernel: what computes products, as of `jdend.kernels.dendritic_layer`: `native`, or XLA.
      rngs: a key is taken from its stream `params`.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        true_in: Size | None = None,
        true_out: Size | None = None,
        use_bias: bool = True,
        kernel: str = "auto",
        rngs: nnx.Rngs,
    ):
        init = _row_normal(in_features if true_in is None else true_in)
        if true_in is not None or true_out is not None:
            init = _masked(init, true_in, true_out)
        super().__init__(
            in_features,
            out_features,
            kernel_init=init,
            use_bias=use_bias,
            dot_general=DotGeneral(kernel),
            rngs=rngs,
        )


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
