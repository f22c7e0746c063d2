"""The shapes for which a population's programs are compiled."""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jdend.training._compilation import shapes_of
from jdend.training._device_data import DeviceData, Examples
from jdend.training._traced_hyperparameters import TracedHyperparameters

__all__ = ["ProgramShapes", "bytes_of_shapes", "longest_part", "program_shapes"]


class ProgramShapes(NamedTuple):
    """Of hyperparameters, seeds, a whole number, an epoch's order, all examples, and those that a
    call of training steps gets."""

    hyperparameters: TracedHyperparameters
    seeds: jax.ShapeDtypeStruct
    number: jax.ShapeDtypeStruct
    order: jax.ShapeDtypeStruct
    examples: Examples
    trained: Examples


def program_shapes(
    hyperparameters: TracedHyperparameters, n_seeds: int, data: DeviceData, batch_size: int
) -> ProgramShapes:
    """The shapes of a population's arguments; with folds, `n_seeds` counts seeds × folds."""
    examples = trained = shapes_of(data.examples)
    if data.streamed is not None:
        n_steps = data.streamed.steps(n_seeds, batch_size)
        trained = data.streamed.shapes(n_seeds * n_steps * batch_size)
    return ProgramShapes(
        shapes_of(hyperparameters),
        jax.ShapeDtypeStruct((n_seeds,), jnp.uint32),
        jax.ShapeDtypeStruct((), jnp.int32),
        jax.ShapeDtypeStruct((n_seeds, data.n_train), jnp.int32),
        examples,
        trained,
    )


def bytes_of_shapes(examples: Examples) -> int:
    """The bytes of examples of these shapes."""
    return sum(math.prod(a.shape) * a.dtype.itemsize for a in jax.tree.leaves(examples))


def longest_part(data: DeviceData) -> int:
    """The most examples of any part of a network."""
    return max(data.n_train, data.largest_part)
