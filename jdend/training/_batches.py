# pyright: reportUnknownMemberType=false
"""The batches of training steps: the examples that come next, as networks read them.

Shape letters: `S` seeds, `n` examples, `B` batch, `F` features.
"""

import functools
from collections.abc import Callable

import jax
from jaxtyping import Array, Float, Int, Key, UInt32

from jdend import kernels
from jdend.training._augmentation import augmenter
from jdend.training._bucket import Bucket, Network
from jdend.training._device_data import Examples, normalised, teacher_of
from jdend.training._dropout import dropout_draws
from jdend.training._loss import Batch
from jdend.training._order import AUGMENT, DROPOUT, NOISE, step_key
from jdend.training._state import State

__all__ = ["batches", "keys_of", "packs", "rows_of"]

Orders = Int[Array, "S n"]


def batches(
    bucket: Bucket, net: Network, *, plain: bool = False
) -> Callable[[State, Examples, Orders], Batch]:
    """Makes a function `(state, data, order) → batch`, that of the step `state.step` for all seeds.

    Args:
      bucket, net: what the batches are for.
      plain: whether inputs are an array, also where the network would take them packed.
    """
    batch_size = bucket.structure.batch_size
    augment = augmenter(bucket.structure)
    is_noisy = bucket.structure.extra("input_noise") is not None
    drops = bucket.structure.extra("synapse_dropout") is not None and bool(net.layers)
    is_taught = bucket.structure.extra("distillation_weight") is not None
    inputs = rows_of(bucket, net)
    as_they_are = augment is None and not is_noisy and not plain

    def next_batch(state: State, data: Examples, order: Orders) -> Batch:
        start = (state.step % (order.shape[1] // batch_size)) * batch_size
        rows = jax.lax.dynamic_slice_in_dim(order, start, batch_size, axis=1)
        mirrored, noise, draws = None, None, None
        if as_they_are and packs(bucket, net, data):
            x = jax.vmap(functools.partial(inputs, data))(rows)
        else:
            x = data.x[rows]
            if augment is not None:
                x, mirrored = jax.vmap(augment)(keys_of(state, AUGMENT), x)
            x = normalised(data, x, rows)
            if is_noisy:
                draw = functools.partial(jax.random.normal, shape=x.shape[1:])
                noise = jax.vmap(draw)(keys_of(state, NOISE))
        if drops:
            draws = jax.vmap(functools.partial(dropout_draws, net.layers))(keys_of(state, DROPOUT))
        teacher = teacher_of(data, rows, mirrored) if is_taught else None
        y = data.y[rows]
        weights = None if data.class_weights is None else data.class_weights[y]
        return Batch(x, y, teacher, noise, draws, weights)

    return next_batch


def rows_of(
    bucket: Bucket, net: Network
) -> Callable[[Examples, Int[Array, " B"]], Float[Array, "B F"] | kernels.Packed]:
    """Makes a function `(data, rows) → inputs`, of rows inside of data without folds, as the
    bucket's networks read them fastest."""

    def inputs(data: Examples, rows: Int[Array, " B"]) -> Float[Array, "B F"] | kernels.Packed:
        if packs(bucket, net, data):
            return kernels.packed_rows(data.x, rows, data.offset, data.scale)
        return normalised(data, data.x[rows])

    return inputs


def packs(bucket: Bucket, net: Network, data: Examples) -> bool:
    """Whether its networks take inputs in the native kernel's layout, and that kernel reads them.

    Members with folds are normalised each by its own numbers, after what is missing is filled.
    """
    is_native = kernels.resolve(bucket.kernel) == "native" and bucket.precision == "float32"
    return net.takes_packed and is_native and not data.has_folds


def keys_of(state: State, purpose: int) -> Key[Array, " S"]:
    """The keys of this step, one for each seed."""

    def of_seed(seed: UInt32[Array, ""]) -> Key[Array, ""]:
        return step_key(seed, purpose, state.step)

    return jax.vmap(of_seed)(state.seeds)
