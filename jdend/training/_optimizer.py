# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
"""What optimizers do beyond the usual, in populations of those that use it.

Shape letters: `S` seeds, `C` configurations.
"""

from typing import Any, cast

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float

from jdend.training._state import State, Tree

__all__ = ["ADAM", "adam_of_configurations", "clipped"]

EPSILON = 1e-8
ADAM = optax.scale_by_adam(b1=0.9, b2=0.999, eps=EPSILON)


def clipped(grads: Tree, norm: Float[Array, " C"]) -> Tree:
    """Gradients, scaled down where those of a trial together have a larger norm than allowed."""
    leaves: list[Array] = jax.tree.leaves(grads)
    squares = [jnp.square(leaf).sum(tuple(range(2, leaf.ndim))) for leaf in leaves]
    length = jnp.sqrt(jnp.sum(jnp.stack(squares), 0))
    factor = jnp.minimum(1.0, norm / jnp.maximum(length, 1e-30))

    def scaled(leaf: Float[Array, "S C ..."]) -> Array:
        return leaf * factor[(..., *[None] * (leaf.ndim - 2))]

    return jax.tree.map(scaled, grads)


def adam_of_configurations(grads: Tree, state: State) -> tuple[Tree, optax.ScaleByAdamState]:
    """Adam's updates, with moments that decay as each configuration says."""
    before = state.adam

    def of_one(b1: Any, b2: Any, grads: Any, mu: Any, nu: Any) -> tuple[Any, Any, Any]:
        one = optax.ScaleByAdamState(before.count, mu, nu)
        updates, after = optax.scale_by_adam(b1=b1, b2=b2, eps=EPSILON).update(grads, one)
        moments = cast(optax.ScaleByAdamState, after)
        return updates, moments.mu, moments.nu

    hyperparameters = state.hyperparameters
    of_each = jax.vmap(of_one, in_axes=(0, 0, 1, 1, 1), out_axes=1)
    updates, mu, nu = of_each(
        hyperparameters.adam_b1, hyperparameters.adam_b2, grads, before.mu, before.nu
    )
    return updates, optax.ScaleByAdamState(optax.safe_increment(before.count), mu, nu)
