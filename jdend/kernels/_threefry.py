# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false
# pyright: reportUnknownVariableType=false
"""Threefry-2x32 with 20 rounds, by the native library on CPUs, and JAX's keys that draw by it.

Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3". JAX's own threefry is a loop in
programs for CPUs, one for each draw and each folding of a key; here it is a call of the library, or
without that, one fusion (docs/performance.md, "Compiling").
"""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.core import Tracer
from jax.extend.random import define_prng_impl
from jaxtyping import Array, Key, UInt, UInt32

from jdend.kernels._native import call, is_plain, where_possible

__all__ = ["STANDARD_KEYS", "THREEFRY", "less_to_compile", "threefry", "threefry_here"]

STANDARD_KEYS = "threefry2x32"

RawKey = UInt32[Array, "2"]
Word = UInt32[Array, " n"]

# By how many bits words are rotated, in two groups of four rounds that take turns.
ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
PARITY = 0x1BD11BDA


def threefry(
    key: RawKey, n: int, *, first: Any = 0, mixed: bool = False
) -> UInt32[Array, "n 2"] | Word:
    """The words of `n` counts.

    Args:
      key: its two words.
      n: how many counts.
      first: the first of them, below 2^32; it may be traced.
      mixed: whether to give the bits in which a count's two words differ, in place of both.
    """
    first = jnp.asarray(first, jnp.uint32)
    return (_AT_ONCE if is_plain(key, first) else _written_out)(key, first, (n, mixed))


def _written_out(key: Array, first: Array, settings: tuple[int, bool]) -> Array:
    n, mixed = settings
    keys = (key[0], key[1], key[0] ^ key[1] ^ np.uint32(PARITY))
    keys = [jnp.broadcast_to(word, (n,)) for word in keys]
    x, y = keys[0], lax.add(jnp.arange(n, dtype=jnp.uint32) + first, keys[1])
    # Functions of `lax` are traced in half the time of operators.
    for group in range(5):
        for bits in ROTATIONS[group % 2]:
            x = lax.add(x, y)
            left = lax.shift_left(y, np.uint32(bits))
            right = lax.shift_right_logical(y, np.uint32(32 - bits))
            y = lax.bitwise_xor(x, lax.bitwise_or(left, right))
        x = lax.add(x, keys[(group + 1) % 3])
        y = lax.add(lax.add(y, keys[(group + 2) % 3]), np.uint32(group + 1))
    return x ^ y if mixed else jnp.stack((x, y), axis=-1)


def _native(key: Array, first: Array, settings: tuple[int, bool]) -> Array:
    n, mixed = settings
    words = jax.ShapeDtypeStruct((n,) if mixed else (n, 2), jnp.uint32)
    return call("threefry", words, key, first, mixed=mixed)


_AT_ONCE = where_possible(_native, _written_out, jnp.uint32)


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


def threefry_here() -> Any:
    """The argument `impl` of `jax.random.key` for this process: on accelerators JAX's own, which is
    no loop there."""
    return THREEFRY if jax.default_backend() == "cpu" else STANDARD_KEYS


def less_to_compile(key: Key[Array, ""]) -> Key[Array, ""]:
    """A key with the same draws, in a program for this process: of `THREEFRY`, where it can be. One
    that is traced, in a program that may be for others, stays."""
    config: Any = jax.config  # type checkers do not see its options
    if isinstance(key, Tracer) or not config.jax_threefry_partitionable:
        return key
    if str(jax.random.key_impl(key)) != STANDARD_KEYS or threefry_here() is not THREEFRY:
        return key
    return jax.random.wrap_key_data(jax.random.key_data(key), impl=THREEFRY)
