# pyright: reportUnknownMemberType=false
"""When synapses are replaced, and how many at a time."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

__all__ = ["SHARES", "resampling_at", "resamplings_until", "share_at", "sharpness_at"]

SHARES = ("constant", "cosine")
F = TypeVar("F", bound=Callable[..., Any])


def _traced_once(function: F) -> F:
    """The function, which a program that calls it several times has once for each shape."""
    return cast(F, jax.jit(function))


def share_at(
    progress: Float[Array, "*shape"],
    share: float | Float[Array, "*shape"],
    schedule: int | Int[Array, "*shape"],
    end: float | Float[Array, "*shape"],
) -> Float[Array, "*shape"]:
    """The fraction of synapses to propose anew at a moment of training.

    `cosine` is half a cosine from `share` to nothing at `end` (Evci et al. 2020, "Rigging the
    lottery"); nothing moves after it.

    Args:
      progress: the part of training that is done, in [0, 1].
      share: at the beginning, in [0, 1].
      schedule: a traced position in `SHARES`.
      end: the part of training after which nothing moves, in (0, 1].
    """
    cosine = 0.5 * (1.0 + jnp.cos(jnp.pi * jnp.minimum(progress / end, 1.0)))
    falling = jnp.where(schedule == SHARES.index("cosine"), cosine, 1.0)
    return jnp.where(progress <= end, share * falling, 0.0)


def sharpness_at(progress: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """The sharpness of the rule `soft` at a moment of training, which is its part that is done.

    `delta / (1 - delta)`, with a `delta` that rises from 0.5 to 0.9 in a straight line: from 1 to 9
    (Zhang et al. 2025, Cannistraci-Hebb training with the soft rule).
    """
    delta = 0.5 + 0.4 * jnp.clip(progress, 0.0, 1.0)
    return delta / (1.0 - delta)


@_traced_once
def resampling_at(
    number: Int[Array, "*shape"],
    every: Int[Array, "*shape"],
    slowdown: Float[Array, "*shape"],
) -> Int[Array, "*shape"]:
    """The step after which a resampling takes place; the first one has number 1.

    The first comes after `every` steps, and each further one takes `slowdown * every` steps more
    than the one before.
    """
    more = jnp.floor(slowdown * every * (number * (number - 1.0) / 2.0)).astype(jnp.int32)
    return every * number + more


@_traced_once
def resamplings_until(
    step: Int[Array, ""], every: Int[Array, "*shape"], slowdown: Float[Array, "*shape"]
) -> Int[Array, "*shape"]:
    """How many resamplings there are until a step, with it."""
    at_most = step // every
    # The root of `resampling_at(number) = step`, which rounding can leave one too high or low.
    half = 1.0 - slowdown / 2.0
    root = jnp.sqrt(half**2 + 2.0 * slowdown * step / every) - half
    number = jnp.floor(root / jnp.maximum(slowdown, 1e-6)).astype(jnp.int32)
    number = jnp.clip(number, 0, at_most)
    number = jnp.where(resampling_at(number, every, slowdown) > step, number - 1, number)
    following = resampling_at(number + 1, every, slowdown)
    number = jnp.where(following <= step, number + 1, number)
    return jnp.where(slowdown > 0.0, number, at_most)
