# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
"""Keys whose draws are those of JAX's threefry, in programs for CPUs that are less to compile.

There JAX's own threefry is a loop, one for each draw and each folding of a key; here it is a call
of jdend's native library, or without that, one fusion (docs/performance.md, "Compiling").
"""

import math
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
from jax.extend.random import define_prng_impl
from jaxtyping import Array, UInt, UInt32

from jdend.kernels import threefry

__all__ = ["STANDARD", "THREEFRY", "threefry_here", "with_standard_keys"]

STANDARD = "threefry2x32"

Tree = TypeVar("Tree")
RawKey = UInt32[Array, "2"]


def threefry_here() -> Any:
    """The argument `impl` of `jax.random.key` for this process: on accelerators JAX's own, which is
    no loop there."""
    return THREEFRY if jax.default_backend() == "cpu" else STANDARD


def with_standard_keys(tree: Tree) -> Tree:
    """The pytree with JAX's own keys in place of those of `THREEFRY`, which have no name by which
    they could be stored."""

    def standard(leaf: Any) -> Any:
        if not jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            return leaf
        return jax.random.wrap_key_data(jax.random.key_data(leaf), impl=STANDARD)

    return jax.tree.map(standard, tree)


def _seed(seed: Array) -> RawKey:
    """The key of a seed of at most 32 bits."""
    return jnp.stack([jnp.uint32(0), seed.astype(jnp.uint32)])


def _split(key: RawKey, shape: tuple[int, ...]) -> UInt32[Array, "*shape 2"]:
    return threefry(key, math.prod(shape)).reshape(*shape, 2)


def _fold_in(key: RawKey, data: Any) -> RawKey:
    return threefry(key, 1, first=data)[0]


def _random_bits(key: RawKey, width: int, shape: tuple[int, ...]) -> UInt[Array, "*shape"]:
    dtype, n = jnp.dtype(f"uint{width}"), math.prod(shape)
    if width < 64:
        return threefry(key, n, mixed=True).reshape(shape).astype(dtype)
    words = threefry(key, n).astype(dtype)
    return ((words[:, 0] << 32) | words[:, 1]).reshape(shape)


THREEFRY = define_prng_impl(
    key_shape=(2,),
    seed=_seed,
    split=_split,
    random_bits=_random_bits,
    fold_in=_fold_in,
    name="jdend_threefry2x32",
    tag="jdf",
)
"""Draws and folded keys are those of `threefry2x32`,
as JAX makes them where `jax_threefry_partitionable` is on, as it is by default."""
