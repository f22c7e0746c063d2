"""A population's trials in blocks of a few, which train side by side.

On CPUs a block has one seed and a few configurations: the native kernel trains three about as fast
a trial as thirty, and a program that has a processor to itself is done sooner than one that shares
each of its steps with others. Its program trains any number of trials and seeds; as trials end,
others move together into fewer blocks, and nothing is compiled for that. Elsewhere, and with folds,
a population is one block.
"""

import math
import os
from collections.abc import Sequence
from typing import NamedTuple, TypeVar

import jax
from jax.sharding import Mesh

from jdend import kernels
from jdend.training._bucket import Bucket
from jdend.training._sharding import width_on

__all__ = ["BlockShape", "block_shape", "filled", "in_blocks", "trains_in_blocks"]

T = TypeVar("T")

FEWEST_COLUMNS = 3
# Of a block in an epoch: a call takes a millisecond or two beyond its work.
FEWEST_TRIAL_STEPS = 500


class BlockShape(NamedTuple):
    """How many seeds, with folds seeds × folds, and how many columns a block has."""

    seeds: int
    columns: int

    def at_once(self, n_seeds: int, n_columns: int) -> int:
        """How many blocks of a population train at the same time."""
        n_blocks = math.ceil(n_seeds / self.seeds) * math.ceil(n_columns / self.columns)
        return min(n_blocks, os.cpu_count() or 1)


def trains_in_blocks(bucket: Bucket) -> bool:
    """Whether a bucket's populations train in blocks on one device."""
    on_cpu: bool = jax.default_backend() == "cpu"  # elsewhere the native kernel is `dense`
    return on_cpu and kernels.resolve(bucket.kernel, precision=bucket.precision) == "native"


def block_shape(
    bucket: Bucket,
    n_columns: int,
    n_seeds: int,
    steps_per_epoch: int,
    mesh: Mesh | None = None,
    *,
    n_folds: int = 1,
    streamed: bool = False,
) -> BlockShape:
    """How much of a population trains in one program.

    Args:
      bucket: that of the population.
      n_columns: its configurations, at least 1.
      n_seeds: its seeds.
      steps_per_epoch: its training steps in an epoch.
      mesh: the devices that it is divided among; on several it is one block.
      n_folds: how many folds each seed has; a block with several has all of all seeds.
      streamed: whether training examples stay in the machine's memory; then it is one block.
    """
    if mesh is not None or streamed or not trains_in_blocks(bucket):
        return BlockShape(n_seeds * n_folds, width_on(mesh, n_columns))
    seeds = 1 if n_folds == 1 else n_seeds * n_folds
    width = max(FEWEST_COLUMNS, math.ceil(FEWEST_TRIAL_STEPS / (seeds * steps_per_epoch)))
    return BlockShape(seeds, math.ceil(n_columns / math.ceil(n_columns / width)))


def filled(items: Sequence[T], width: int) -> list[T]:
    """The items, then the first one again, in whole blocks."""
    missing = -len(items) % width
    return [*items, *[items[0]] * missing]


def in_blocks(items: Sequence[T], width: int) -> list[Sequence[T]]:
    """The items of each block; the last one's are filled up with the first of all."""
    columns = filled(items, width)
    return [columns[begin : begin + width] for begin in range(0, len(columns), width)]
