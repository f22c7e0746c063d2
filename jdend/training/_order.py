# pyright: reportUnknownMemberType=false
"""Keys of a seed's draws, and the order in which it sees the examples.

Shape letters: `S` seeds, `n` examples, `L` folds.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, Key, UInt32

from jdend.kernels import threefry_here
from jdend.training._compilation import Program

__all__ = [
    "AUGMENT",
    "DROPOUT",
    "INIT",
    "NOISE",
    "ORDER",
    "RESAMPLE",
    "epoch_order",
    "in_folds",
    "key_of",
    "shuffle",
    "step_key",
    "whole",
]

# The purposes that a seed's key is folded with.
INIT, ORDER, RESAMPLE, AUGMENT, NOISE, DROPOUT = range(6)

Scalar = Int[Array, ""]
Seeds = UInt32[Array, " S"]
Orders = Int[Array, "S n"]


def whole(number: int) -> Scalar:
    """A whole number as a program's argument; nothing is compiled for that."""
    return jax.device_put(np.array(number, np.int32))


def epoch_order(seeds: Seeds | UInt32[np.ndarray, " S"], epoch: int, n: int) -> Orders:
    """The order of the `n` examples in an epoch, which is shuffled anew, for each seed."""
    return shuffle(n)(jax.device_put(seeds), whole(epoch))


@functools.lru_cache(maxsize=16)
def shuffle(n: int) -> Program[Orders, Seeds, Scalar]:
    def of_seed(seed: UInt32[Array, ""], epoch: Scalar) -> Int[Array, " n"]:
        bits = jax.random.bits(step_key(seed, ORDER, epoch), (n,))
        of_index = (n - 1).bit_length()
        if of_index > 17:
            return jnp.argsort(bits).astype(jnp.int32)
        # Sorting words that end in the index is five times as fast as sorting pairs. The other 15
        # or more bits are random; two examples whose bits are equal keep their order.
        index = jnp.arange(n, dtype=jnp.uint32)
        words = jnp.sort((bits >> of_index << of_index) | index)
        return (words & ((1 << of_index) - 1)).astype(jnp.int32)

    return Program(jax.vmap(of_seed, in_axes=(0, None)), quickly=True, identity=("shuffle", n))


def _in_folds(order: Orders, rows: Int[Array, "L n"]) -> Orders:
    return jnp.take_along_axis(rows[jnp.arange(order.shape[0]) % rows.shape[0]], order, axis=1)


in_folds: Program[Orders, Orders, Int[Array, "L n"]] = Program(_in_folds, quickly=True)
"""`(order [S, n], rows [L, n]) → rows [S, n]`: the rows of each member's fold in its order, where
`S` are seeds × folds."""


def key_of(seed: UInt32[Array, ""], purpose: int) -> Key[Array, ""]:
    """A threefry key, since padding does not change the draws from it."""
    return jax.random.fold_in(jax.random.key(seed, impl=threefry_here()), purpose)


def step_key(seed: UInt32[Array, ""], purpose: int, step: Scalar) -> Key[Array, ""]:
    return jax.random.fold_in(key_of(seed, purpose), step)
