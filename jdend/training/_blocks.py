# pyright: reportUnknownMemberType=false
"""A population's columns in blocks of a few, which train one after another.

On CPUs the native kernel trains three columns about as fast a column as thirty, so a program has
few, and any number of trials trains by it: as trials end, others move together into fewer blocks,
and nothing is compiled for that. Elsewhere a population is one block.

Shape letters: `S` seeds, `C` configurations.
"""

import math
import os
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh
from jaxtyping import Float

from jdend import kernels
from jdend._phases import phase
from jdend.training._bucket import Bucket
from jdend.training._device_data import DeviceData
from jdend.training._metrics import Metric
from jdend.training._population import Population
from jdend.training._sharding import placed, width_on
from jdend.training._state import State, concat, take

__all__ = [
    "Narrow",
    "States",
    "block_width",
    "cut",
    "cut_again",
    "figures_of",
    "filled",
    "in_blocks",
    "joined",
    "on_devices",
    "running_figures",
    "trains_in_blocks",
]

T = TypeVar("T")

States = tuple[State, ...]
"""The states of all blocks, as wide as each other and at the same step; none before the first."""

Narrow = Callable[[int, int, int], int]
"""`(width, live, steps) → width`: the new width of a population with `width` columns in one block,
`live` of which train on, for at most `steps` steps; it is at least `live`. Each width needs a
program."""

FEWEST_COLUMNS = 3
# Of a block in an epoch: a call takes a millisecond or two beyond its work.
FEWEST_TRIAL_STEPS = 500
# So many trials keep a processor busy.
TRIALS_A_PROCESSOR = 1.5


def trains_in_blocks(bucket: Bucket) -> bool:
    """Whether a bucket's populations train in blocks on one device."""
    on_cpu: bool = jax.default_backend() == "cpu"  # elsewhere the native kernel is `dense`
    return on_cpu and kernels.resolve(bucket.kernel, precision=bucket.precision) == "native"


def block_width(
    bucket: Bucket,
    n_columns: int,
    n_members: int,
    steps_per_epoch: int,
    mesh: Mesh | None = None,
    *,
    streamed: bool = False,
) -> int:
    """How many columns of a population train in one program.

    Args:
      bucket: that of the population.
      n_columns: its configurations, at least 1.
      n_members: its seeds, or with folds seeds × folds.
      steps_per_epoch: its training steps in an epoch.
      mesh: the devices that it is divided among; on several it is one block.
      streamed: whether training examples stay in the machine's memory; then, too.
    """
    if mesh is not None or streamed or not trains_in_blocks(bucket):
        return width_on(mesh, n_columns)
    width = max(
        FEWEST_COLUMNS,
        math.ceil(FEWEST_TRIAL_STEPS / (n_members * steps_per_epoch)),
        math.ceil(TRIALS_A_PROCESSOR * (os.cpu_count() or 1) / n_members),
    )
    return math.ceil(n_columns / math.ceil(n_columns / width))


def filled(items: Sequence[T], width: int) -> list[T]:
    """The items, then the first one again, in whole blocks."""
    missing = -len(items) % width
    return [*items, *[items[0]] * missing]


def in_blocks(items: Sequence[T], width: int) -> list[Sequence[T]]:
    """The items of each block; the last one's are filled up with the first of all."""
    columns = filled(items, width)
    return [columns[begin : begin + width] for begin in range(0, len(columns), width)]


def cut(state: State, width: int) -> States:
    """A state from the host in blocks, there."""
    columns = in_blocks(range(state.failed_step.shape[1]), width)
    if len(columns) == 1 and len(columns[0]) == state.failed_step.shape[1]:
        return (state,)
    return tuple(take(state, block) for block in columns)


def cut_again(state: State | None, width: int, n_columns: int) -> States:
    """The blocks of a state from a snapshot, as wide as they were then.

    Args:
      state: it; None after the end of training.
      width: that of the population's blocks; a single one may have become narrower.
      n_columns: how many of its columns have a configuration; the others fill the last block.
    """
    if state is None:
        return ()
    its_own = state.failed_step.shape[1]
    if its_own > width:
        state = take(state, range(n_columns))
    return cut(state, min(width, its_own))


def on_devices(states: States, mesh: Mesh | None) -> States:
    """Blocks from the host on the devices."""
    return tuple(placed(state, mesh) for state in states)


def joined(states: States) -> State:
    """All columns, on the host.

    Raises:
      RuntimeError: if one of the states is lost, or is at another step, since an exception came in
        the middle of a step.
    """
    on_host: States = jax.device_get(states)
    if len(on_host) == 1:
        return on_host[0]
    if len({int(state.step) for state in on_host}) > 1:
        raise RuntimeError("the blocks of a population are not at the same step")
    return concat(on_host)


def running_figures(
    states: States, steps_per_epoch: int, batch_size: int, *, has_classes: bool
) -> dict[str, Float[np.ndarray, "S C"]]:
    """The means over the epoch just done of all columns' training figures, by name; without classes
    the accuracy is NaN."""
    of_blocks = jax.device_get([(state.loss_sum, state.n_correct) for state in states])
    loss_sum, n_correct = (np.concatenate(x, axis=1) for x in zip(*of_blocks, strict=True))
    # Computed here, nothing is compiled for it; XLA divides by constants in the same way.
    loss = loss_sum * np.float32(1 / steps_per_epoch)
    accuracy = n_correct.astype(np.float32) * np.float32(1 / (steps_per_epoch * batch_size))
    return {
        "train_loss": loss,
        "train_accuracy": accuracy if has_classes else np.full_like(loss, np.nan),
    }


@phase("evaluation")
def figures_of(
    states: States, population: Population, metric: Metric, data: DeviceData, part: str
) -> dict[str, Float[np.ndarray, "S C"]]:
    """The figures of all columns on one part of the data, by name, on the host."""
    of_blocks: list[dict[str, Any]] = []
    for state in states:
        loss, accuracy = population.loss_and_accuracy(state, data, part)
        figures: dict[str, Any] = {f"{part}_loss": loss, f"{part}_accuracy": accuracy}
        if population.measure is not None and part != "train":
            rows = jnp.asarray(data.part(part))
            figures[f"{part}_{metric.name}"] = population.measure(state, data.examples, rows)
        of_blocks.append(figures)
    on_host: list[dict[str, np.ndarray]] = jax.device_get(of_blocks)
    return {name: np.concatenate([f[name] for f in on_host], axis=1) for name in on_host[0]}
