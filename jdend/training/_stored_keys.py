# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
"""Keys that are stored."""

from typing import Any, TypeVar

import jax
import jax.numpy as jnp

from jdend.kernels import STANDARD_KEYS

__all__ = ["with_standard_keys"]

Tree = TypeVar("Tree")


def with_standard_keys(tree: Tree) -> Tree:
    """The pytree with JAX's own keys in place of those of `THREEFRY`, which have no name by which
    they could be stored."""

    def standard(leaf: Any) -> Any:
        if not jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            return leaf
        return jax.random.wrap_key_data(jax.random.key_data(leaf), impl=STANDARD_KEYS)

    return jax.tree.map(standard, tree)
