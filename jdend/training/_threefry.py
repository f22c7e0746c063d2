# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false
"""Threefry's draws, in programs for CPUs that are less to compile.

There JAX's own threefry is a loop, one for each draw and each folding of a key; written out it is
one fusion, which compiles and runs in less time (docs/performance.md, "Compiling"). The bits are
the same (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3").
"""

import math
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.extend.random import define_prng_impl
from jaxtyping import Array, UInt, UInt32

__all__ = ["STANDARD", "THREEFRY", "threefry_here", "with_standard_keys"]

STANDARD = "threefry2x32"

Tree = TypeVar("Tree")
Word = UInt32[Array, "*shape"]
RawKey = UInt32[Array, "2"]

# By how many bits words are rotated, in two groups of four rounds that take turns.
ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
PARITY = 0x1BD11BDA


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


def _hashed(key: RawKey, count: Word) -> tuple[Word, Word]:
    """The two words of Threefry-2x32 with 20 rounds, of a count below 2^32."""
    keys = (key[0], key[1], key[0] ^ key[1] ^ np.uint32(PARITY))
    keys = [jnp.broadcast_to(word, count.shape) for word in keys]
    first, second = keys[0], lax.add(count, keys[1])
    # Functions of `lax` are traced in half the time of operators.
    for group in range(5):
        for bits in ROTATIONS[group % 2]:
            first = lax.add(first, second)
            left = lax.shift_left(second, np.uint32(bits))
            right = lax.shift_right_logical(second, np.uint32(32 - bits))
            second = lax.bitwise_xor(first, lax.bitwise_or(left, right))
        first = lax.add(first, keys[(group + 1) % 3])
        second = lax.add(lax.add(second, keys[(group + 2) % 3]), np.uint32(group + 1))
    return first, second


def _counts(shape: tuple[int, ...]) -> Word:
    return jnp.arange(math.prod(shape), dtype=jnp.uint32).reshape(shape)


def _seed(seed: Array) -> RawKey:
    """The key of a seed of at most 32 bits."""
    return jnp.stack([jnp.uint32(0), seed.astype(jnp.uint32)])


def _split(key: RawKey, shape: tuple[int, ...]) -> UInt32[Array, "*shape 2"]:
    return jnp.stack(_hashed(key, _counts(shape)), axis=-1)


def _fold_in(key: RawKey, data: Any) -> RawKey:
    return jnp.stack(_hashed(key, jnp.asarray(data, jnp.uint32)))


def _random_bits(key: RawKey, width: int, shape: tuple[int, ...]) -> UInt[Array, "*shape"]:
    first, second = _hashed(key, _counts(shape))
    dtype = jnp.dtype(f"uint{width}")
    if width == 64:
        return (first.astype(dtype) << 32) | second.astype(dtype)
    return (first ^ second).astype(dtype)


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
