# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false
"""Threefry-2x32 with 20 rounds, by the native library on CPUs.

Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3".
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, UInt32

from jdend.kernels._native import call, is_plain, where_possible

__all__ = ["threefry"]

RawKey = UInt32[Array, "2"]
Word = UInt32[Array, " n"]

# By how many bits words are rotated, in two groups of four rounds that take turns.
ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
PARITY = 0x1BD11BDA


def threefry(
    key: RawKey, n: int, *, first: Any = 0, mixed: bool = False
) -> UInt32[Array, "n 2"] | Word:
    """The words of `n` counts.

    A call of the native library, where it is there: what XLA makes of the rounds takes as long to
    compile as all else that draws a network (docs/performance.md, "Compiling").

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
