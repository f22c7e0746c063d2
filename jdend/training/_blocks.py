# pyright: reportUnknownMemberType=false
"""The states of a population's blocks, which train side by side; see `_block_shape`.

Shape letters: `S` seeds, `C` configurations.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar, cast

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh
from jaxtyping import Array, Float, UInt32

from jdend._phases import phase
from jdend._processors import n_processors
from jdend.training._block_shape import BlockShape, in_blocks
from jdend.training._device_data import DeviceData
from jdend.training._metrics import Metric
from jdend.training._population import Population
from jdend.training._sharding import placed
from jdend.training._state import State, concat, concat_seeds, take, take_seeds
from jdend.training._streaming import Advance, Feed
from jdend.training._traced_hyperparameters import TracedHyperparameters

__all__ = [
    "Narrow",
    "States",
    "advanced",
    "cut",
    "cut_again",
    "drawn",
    "figures_of",
    "joined",
    "on_devices",
    "running_figures",
    "side_by_side",
]

T = TypeVar("T")
R = TypeVar("R")

States = tuple[tuple[State, ...], ...]
"""The states of all blocks, a row for each block of seeds; all are of one shape and at the same
step. Empty before the first step."""

Narrow = Callable[[int, int, int], int]
"""`(width, live, steps) → width`: the new width of a population with `width` columns in one block,
`live` of which train on, for at most `steps` steps; it is at least `live`. Each width needs a
program."""


def side_by_side(function: Callable[[T], R], items: Sequence[T]) -> list[R]:
    """The function of each item, in order, of as many at a time as there are processors.

    They run in threads of their own, since on CPUs XLA runs the programs that one thread calls one
    after another. Of exceptions that of the first item is raised, when no thread works any more.
    """
    if len(items) == 1:
        return [function(items[0])]
    with ThreadPoolExecutor(min(len(items), n_processors()), "jdend-block") as threads:
        return list(threads.map(function, items))


def drawn(
    init: Callable[[TracedHyperparameters, UInt32[Array, " S"]], State],
    columns: Sequence[TracedHyperparameters],
    rows: Sequence[UInt32[Array, " S"]],
) -> States:
    """All blocks before the first step.

    Args:
      init: that of the population.
      columns: the hyperparameters of each column of blocks.
      rows: the seeds of each row of blocks.
    """

    def of_block(block: tuple[TracedHyperparameters, UInt32[Array, " S"]]) -> State:
        return _computed(init(*block))

    blocks = [(hyperparameters, seeds) for seeds in rows for hyperparameters in columns]
    return _in_rows(side_by_side(of_block, blocks), len(columns))


def advanced(
    states: States, feeds: Sequence[Feed], program: Advance, step: int, stop: int
) -> tuple[States, int]:
    """Trains all blocks side by side, and waits for them; returns the new states and their step.

    Args:
      states: they cannot be used any more.
      feeds: that of each row, which all its blocks read.
      program, step, stop: as of `Feed.advance`.
    """

    def of_block(block: tuple[Feed, State]) -> tuple[State, int]:
        feed, state = block
        state, reached = feed.advance(program, state, step, stop)
        return _computed(state), reached

    rows = zip(feeds, states, strict=True)
    found = side_by_side(of_block, [(feed, state) for feed, row in rows for state in row])
    return _in_rows([state for state, _ in found], len(states[0])), found[0][1]


def _in_rows(blocks: Sequence[T], n_columns: int) -> tuple[tuple[T, ...], ...]:
    begins = range(0, len(blocks), n_columns)
    return tuple(tuple(blocks[begin : begin + n_columns]) for begin in begins)


def _computed(state: State) -> State:
    return cast(State, jax.block_until_ready(state))


def cut(state: State, shape: BlockShape) -> States:
    """A state from the host in blocks, there."""
    n_seeds, n_columns = state.failed_step.shape
    if shape == (n_seeds, n_columns):
        return ((state,),)
    columns = in_blocks(range(n_columns), shape.columns)
    rows = [take_seeds(state, begin, shape.seeds) for begin in range(0, n_seeds, shape.seeds)]
    return tuple(tuple(take(row, block) for block in columns) for row in rows)


def cut_again(state: State | None, shape: BlockShape, n_columns: int) -> States:
    """The blocks of a state from a snapshot, as wide as they were then.

    Args:
      state: it; None after the end of training.
      shape: that of the population's blocks; where one is as wide as all that train on, it may
        have become narrower.
      n_columns: how many of its columns have a configuration; the others fill the last block.
    """
    if state is None:
        return ()
    its_own = state.failed_step.shape[1]
    if its_own > shape.columns:
        state = take(state, range(n_columns))
    return cut(state, shape._replace(columns=min(shape.columns, its_own)))


def on_devices(states: States, mesh: Mesh | None) -> States:
    """Blocks from the host on the devices."""
    return tuple(tuple(placed(state, mesh) for state in row) for row in states)


def joined(states: States) -> State:
    """All trials, on the host.

    Raises:
      RuntimeError: if one of the states is lost, or is at another step, since an exception came in
        the middle of a step.
    """
    on_host: States = jax.device_get(states)
    if len({int(state.step) for row in on_host for state in row}) > 1:
        raise RuntimeError("the blocks of a population are not at the same step")
    return concat_seeds([concat(row) for row in on_host])


def running_figures(
    states: States, steps_per_epoch: int, batch_size: int, *, has_classes: bool
) -> dict[str, Float[np.ndarray, "S C"]]:
    """The means over the epoch just done of all trials' training figures, by name; without classes
    the accuracy is NaN."""
    loss_sum, n_correct = (
        np.block(jax.device_get([[getattr(state, name) for state in row] for row in states]))
        for name in ("loss_sum", "n_correct")
    )
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
    """The figures of all trials on one part of the data, by name, on the host."""

    def of_block(state: State) -> dict[str, Any]:
        loss, accuracy = population.loss_and_accuracy(state, data, part)
        figures: dict[str, Any] = {f"{part}_loss": loss, f"{part}_accuracy": accuracy}
        if population.measure is not None and part != "train":
            rows = jnp.asarray(data.part(part))
            figures[f"{part}_{metric.name}"] = population.measure(state, data.examples, rows)
        return cast(dict[str, Any], jax.device_get(figures))

    of_blocks = side_by_side(of_block, [state for row in states for state in row])
    rows = _in_rows(of_blocks, len(states[0]))
    return {name: np.block([[f[name] for f in row] for row in rows]) for name in of_blocks[0]}
