# pyright: reportUnknownMemberType=false
"""Estimates the memory of a population, and how many configurations fit at once."""

import math
from collections.abc import Callable
from typing import Any, cast

import jax

from jdend import kernels
from jdend._messages import OneLineError
from jdend.data import Split, available_memory
from jdend.models import bytes_of_variables
from jdend.training._block_shape import BlockShape
from jdend.training._bucket import Bucket
from jdend.training._device_data import EVALUATION_ROWS
from jdend.training._metrics import ACCURACY, Metric

__all__ = [
    "OutOfMemoryError",
    "check_memory",
    "configurations_that_fit",
    "estimate_bytes",
    "memory_ran_out",
    "state_bytes",
    "usable_bytes",
]

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
    there = int(usable_bytes())
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
    block: BlockShape | None = None,
) -> int:
    """Estimates the device memory that a population takes while it trains, in bytes.

    The size of the state (parameters, moments, indices) follows exactly from shapes. Gradients, the
    batch and the data set are added, and what the kernel needs for each dendrite: nothing for
    `native`, a row of weights with zeros for `dense`, the values of all inputs for `gather`; or, if
    that is more, what it takes to draw the dendrites' inputs in the beginning. The estimate is
    seldom below what the compiler says (`compiled_bytes`), and at most two thirds above.

    Args:
      bucket: that of the population.
      n_configurations, n_seeds: how many it has.
      data: the data; None to leave them out.
      metric: what networks are measured by.
      block: what trains in one program; None for all.
    """
    state = state_bytes(bucket)
    sizes = bucket.at_first.sizes
    units = sizes.get("n_neurons", 1) * sizes.get("n_dendrites", 1)
    # An evaluation has more rows, and no backward pass.
    rows = max(bucket.structure.batch_size, EVALUATION_ROWS // 2)
    patches, features = bucket.structure.patches
    batch = 2 * 4 * rows * bucket.structure.problem.in_features
    if patches > 1:  # a copy of each
        rows *= patches
        batch += 2 * 4 * rows * features
    activations = 2 * 4 * rows * (sum(sizes.values()) - sizes.get("n_dendrite_inputs", 0))
    kernel = kernels.resolve(bucket.kernel, precision=bucket.precision)
    if "n_dendrite_inputs" in sizes and kernel == "gather":
        activations += 2 * 4 * rows * units * sizes["n_dendrite_inputs"]
    elif "n_dendrite_inputs" in sizes and kernel != "native":
        activations += 2 * 4 * units * (features + rows)
    held = 0
    if data is not None and metric is not ACCURACY:  # it takes the logits of a whole part
        rows_measured = max(data.largest_validation, len(data.test_y))
        activations += 2 * 4 * rows_measured * data.n_classes
    if data is not None:
        arrays = (data.train_x, data.validation_x, data.test_x, data.teacher)
        held = sum(array.nbytes for array in arrays if array is not None)
    # In the beginning every dendrite draws its inputs from all features.
    drawn = 9 * units * features // 2 if "n_dendrite_inputs" in sizes else 0
    block = block or BlockShape(n_seeds, n_configurations)
    working = block.seeds * (batch + block.columns * max(state // 3 + activations, drawn))
    at_once = block.at_once(n_seeds, n_configurations)
    return held + n_seeds * n_configurations * state + at_once * working


def configurations_that_fit(
    n: int, usable: float, estimated: Callable[[int], int], compiled: Callable[[int], int]
) -> int:
    """How many of a device's `n` configurations to train at once: all, or an equal part of them.

    Nothing is compiled where by the estimate half of the memory is enough.

    Args:
      n: at least 1.
      usable: the bytes that a device has for a population.
      estimated, compiled: the bytes of so many configurations, estimated and by the compiler.
    """
    if n == 1 or estimated(n) <= usable / 2:
        return n
    rooms = [math.ceil(n / parts) for parts in range(1, n + 1)]

    def largest(fits: Callable[[int], bool]) -> int:
        return next((room for room in rooms if fits(room)), 1)

    # Bytes grow by as many with each configuration.
    tried = max(2, largest(lambda room: estimated(room) <= usable))
    one = compiled(1)
    more = (compiled(tried) - one) / (tried - 1)
    room = largest(lambda room: one + more * (room - 1) <= usable)
    while room > 1 and compiled(room) > usable:
        room = largest(lambda other, room=room: other < room)
    return room


def usable_bytes(device: Any = None) -> float:
    """The bytes that a population may take on a device, by default the first one of this process:
    of a CPU, its share of what is free."""
    there = cast(list[Any], jax.local_devices())
    said = _device_bytes(there[0] if device is None else device)
    return USABLE_SHARE * (said or available_memory() / len(there))


def memory_ran_out(error: BaseException) -> bool:
    """Whether an error says that there is no memory, as NumPy or XLA say it."""
    if isinstance(error, MemoryError):
        return True
    said = str(error).splitlines()[:1]  # XLA's is a RuntimeError
    return isinstance(error, RuntimeError) and bool(said) and "RESOURCE_EXHAUSTED" in said[0]


def _device_bytes(device: Any) -> int | None:
    """The memory of a device; None if it does not say."""
    stats = cast(dict[str, int] | None, device.memory_stats())
    if stats and "bytes_limit" in stats:
        return int(stats["bytes_limit"])
    return None


def state_bytes(bucket: Bucket) -> int:
    """The bytes of one trial's state: parameters, their two moments, and the other variables."""
    params, others = bytes_of_variables(bucket.at_first)
    return 3 * params + others + BYTES_OF_HYPERPARAMETERS
