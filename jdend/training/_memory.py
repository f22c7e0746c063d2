# pyright: reportUnknownMemberType=false
"""Estimates the memory of a population, and how many configurations fit at once."""

import math
from typing import cast

import jax

from jdend import kernels
from jdend._messages import OneLineError
from jdend.data import Split, available_memory
from jdend.models import bytes_of_variables
from jdend.training._bucket import Bucket
from jdend.training._evaluation import EVALUATION_ROWS
from jdend.training._metrics import ACCURACY, Metric

__all__ = ["OutOfMemoryError", "check_memory", "configurations_that_fit", "estimate_bytes"]

# The share of the device's memory that a population may take; the allocator needs the rest.
USABLE_SHARE = 0.8
# Bytes of the hyperparameters and running figures of a trial.
BYTES_OF_HYPERPARAMETERS = 64


class OutOfMemoryError(OneLineError):
    """A trial needs more memory than there is; the message says why."""


def check_memory(bucket: Bucket, n_seeds: int) -> None:
    """Raises `OutOfMemoryError` if the synapses that a dendrite has at first pass the memory."""
    if bucket.structure.extra("initial_density") is None:
        return
    needed = estimate_bytes(bucket, 1, n_seeds)
    there = int(USABLE_SHARE * (_device_bytes() or available_memory()))
    if needed > there:
        n_inputs = bucket.at_first.sizes["n_dendrite_inputs"]
        raise OutOfMemoryError(
            f"initial_density gives a dendrite room for {n_inputs:,} inputs; a trial then needs "
            f"{needed / 1e6:,.0f} MB; {there / 1e6:,.0f} MB can be used: take a smaller one"
        )


def estimate_bytes(
    bucket: Bucket,
    n_configurations: int,
    n_seeds: int,
    data: Split | None = None,
    metric: Metric = ACCURACY,
) -> int:
    """Estimates the device memory that a population takes while it trains, in bytes.

    The size of the state (parameters, moments, indices) follows exactly from shapes. Gradients, the
    batch and the data set are added, and what the kernel needs for each dendrite: nothing for
    `native`, a row of weights with zeros for `dense`, the values of all inputs for `gather`. The
    estimate is seldom below what the compiler says (`compiled_bytes`), and at most two thirds
    above.
    """
    state = _state_bytes(bucket)
    sizes = bucket.at_first.sizes
    units = sizes.get("n_neurons", 1) * sizes.get("n_dendrites", 1)
    # An evaluation has more rows, and no backward pass.
    rows = max(bucket.structure.batch_size, EVALUATION_ROWS // 2)
    features = bucket.structure.problem.in_features
    activations = 2 * 4 * rows * (sum(sizes.values()) - sizes.get("n_dendrite_inputs", 0))
    kernel = kernels.resolve(bucket.kernel)
    if "n_dendrite_inputs" in sizes and kernel == "gather":
        activations += 2 * 4 * rows * units * sizes["n_dendrite_inputs"]
    elif "n_dendrite_inputs" in sizes and kernel != "native":
        activations += 2 * 4 * units * (features + rows)
    batch = 2 * 4 * rows * features
    held = 0
    if data is not None and metric is not ACCURACY:  # it takes the logits of a whole part
        rows_measured = max(data.largest_validation, len(data.test_y))
        activations += 2 * 4 * rows_measured * data.n_classes
    if data is not None:
        arrays = (data.train_x, data.validation_x, data.test_x, data.teacher)
        held = sum(array.nbytes for array in arrays if array is not None)
    per_trial = state + state // 3 + activations
    return held + n_seeds * (batch + n_configurations * per_trial)


def configurations_that_fit(
    bucket: Bucket, n_configurations: int, n_seeds: int, data: Split, metric: Metric = ACCURACY
) -> int:
    """How many configurations to train at once: all, or an equal part of them that fits."""
    available = _device_bytes()
    if available is None:
        return n_configurations
    for parts in range(1, n_configurations):
        room = math.ceil(n_configurations / parts)
        if estimate_bytes(bucket, room, n_seeds, data, metric) <= USABLE_SHARE * available:
            return room
    return 1


def _device_bytes() -> int | None:
    """The memory of the default device; None if it does not say."""
    stats = cast(dict[str, int] | None, jax.local_devices()[0].memory_stats())
    if stats and "bytes_limit" in stats:
        return int(stats["bytes_limit"])
    return None


def _state_bytes(bucket: Bucket) -> int:
    """The bytes of one trial's state: parameters, their two moments, and the other variables."""
    params, others = bytes_of_variables(bucket.at_first)
    return 3 * params + others + BYTES_OF_HYPERPARAMETERS
