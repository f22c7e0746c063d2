# pyright: reportUnknownMemberType=false
"""A step of AdamW of dendrites' weights, by the native library on CPUs."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from jdend.kernels._native import call, is_plain, where_possible

__all__ = ["AdamWRates", "Moved", "adamw"]


class Moved(NamedTuple):
    """The weights of a dendritic layer after a step, and their moments."""

    weight: Float[Array, "*S N D K"]
    mean: Float[Array, "*S N D K"]
    square: Float[Array, "*S N D K"]


class AdamWRates(NamedTuple):
    """What AdamW knows beside the gradient; a number for each trial, or one for all.

    Attributes:
      b1, b2, epsilon: as optax has them.
      rate: the learning rate.
      decay: what of a weight is taken from it, times the rate.
      step: the number of this step, from 1 on.
    """

    b1: float
    b2: float
    epsilon: float
    rate: Float[Array, "..."]
    decay: Float[Array, "..."]
    step: Int[Array, ""]


def adamw(
    gradient: Float[Array, "*S N D K"],
    before: Moved,
    otherwise: Moved,
    sizes: Int[Array, "*S 3"],
    rates: AdamWRates,
) -> Moved:
    """A step of AdamW (Loshchilov & Hutter 2019) of a layer's weights, inside the true sizes.

    What lies outside has no gradient, and is what it was or what AdamW makes of it without one. In
    a search's widest arrays it is most of them, and reading it takes as long as moving it. Where
    there is no padding, the weights and both moments are read once, not three times.

    Args:
      gradient: that of the weights.
      before: the weights and moments before the step.
      otherwise: those after it, by JAX: what is returned where there is no library, or the program
        is for another device or for several; elsewhere it is not computed.
      sizes: the true sizes of each trial.
      rates: the rest.
    """
    arrays = (gradient, *before, *otherwise, sizes)
    if not is_plain(*arrays):
        return otherwise
    leading = gradient.shape[:-3]
    shares = [(1 - decay**rates.step).astype(jnp.float32) for decay in (rates.b1, rates.b2)]
    corrections = [1 / share for share in shares]
    numbers = jnp.stack(
        [
            jnp.broadcast_to(x, leading).astype(jnp.float32)
            for x in (rates.rate, rates.decay, *corrections)
        ],
        -1,
    )
    of_gradient = 1 - rates.b1, 1 - rates.b2
    settings = tuple(map(np.float32, (rates.b1, rates.b2, rates.epsilon, *of_gradient)))
    return _ADAMW(gradient, before, otherwise, sizes, numbers, settings)


def _adamw(
    gradient: Array, before: Moved, _: Moved, sizes: Array, numbers: Array, settings: Any
) -> Moved:
    shapes = tuple(jax.ShapeDtypeStruct(x.shape, x.dtype) for x in before)
    names = ("b1", "b2", "epsilon", "of_mean", "of_square")
    return Moved(
        *call(
            "adamw",
            shapes,
            *(gradient, *before, sizes, numbers),
            input_output_aliases={1: 0, 2: 1, 3: 2},
            **dict(zip(names, settings, strict=True)),
        )
    )


def _adamw_elsewhere(_: Array, __: Moved, otherwise: Moved, *___: Any) -> Moved:
    return otherwise


_ADAMW = where_possible(_adamw, _adamw_elsewhere)
