"""Into which blocks a population's trials are cut, which train side by side.

On CPUs a block has a seed and a few configurations: the native kernel trains three nearly as fast a
trial as thirty, and blocks with a processor each are done sooner than one whose every step is
divided among all. A block's program trains any number of trials and seeds; as trials end, others
move together into fewer blocks, and nothing is compiled for that. Where all end together, blocks
are wider, if every processor still has one, and more trials share what a step does once. With
folds a block has all seeds; elsewhere a population is one block.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple, TypeVar

import jax
from jax.sharding import Mesh

from jdend import kernels
from jdend._processors import n_processors
from jdend.data import Split
from jdend.models import Configuration
from jdend.training._bucket import Bucket
from jdend.training._sharding import width_on

__all__ = [
    "BlockShape",
    "block_shape",
    "filled",
    "have_one_end",
    "in_blocks",
    "trains_in_blocks",
]

T = TypeVar("T")

FEWEST_COLUMNS = 3
COLUMNS_OF_ONE_END = 8
# Of these columns, at most so many may be filled up with trials that are there already.
LARGEST_SHARE_FILLED = 0.1
# Of a block in an epoch: a call takes a millisecond or two beyond its work.
FEWEST_TRIAL_STEPS = 500


class BlockShape(NamedTuple):
    """How large a population's blocks are.

    Attributes:
      seeds: the seeds of a block, with folds seeds × folds; they divide the population's.
      columns: its configurations.
    """

    seeds: int
    columns: int

    def at_once(self, n_seeds: int, n_columns: int) -> int:
        """How many blocks of a population with so many seeds and columns train at the same time."""
        n_blocks = n_seeds // self.seeds * math.ceil(n_columns / self.columns)
        return min(n_blocks, n_processors())


def trains_in_blocks(bucket: Bucket) -> bool:
    """Whether a bucket's populations train in blocks on one device."""
    on_cpu: bool = jax.default_backend() == "cpu"  # elsewhere the native kernel is `dense`
    return on_cpu and kernels.resolve(bucket.kernel, precision=bucket.precision) == "native"


def block_shape(
    bucket: Bucket,
    n_columns: int,
    n_seeds: int,
    data: Split,
    mesh: Mesh | None = None,
    *,
    streamed: bool = False,
    one_end: bool = False,
) -> BlockShape:
    """How much of a population trains in one program.

    Args:
      bucket: that of the population.
      n_columns: its configurations, at least 1.
      n_seeds: its seeds.
      data: what it is trained on; only sizes are read.
      mesh: the devices that it is divided among; on several it is one block.
      streamed: whether training examples stay in the machine's memory; then it is one block.
      one_end: whether all configurations train to the same epoch, and none is left out before.
    """
    if mesh is not None or streamed or not trains_in_blocks(bucket):
        return BlockShape(n_seeds * data.n_folds, width_on(mesh, n_columns))
    seeds = 1 if data.n_folds == 1 else n_seeds * data.n_folds
    steps = max(1, data.n_train // bucket.structure.batch_size)
    width = max(FEWEST_COLUMNS, math.ceil(FEWEST_TRIAL_STEPS / (seeds * steps)))
    if one_end and width < COLUMNS_OF_ONE_END:
        n_wide = math.ceil(n_columns / COLUMNS_OF_ONE_END)
        filled_up = n_wide * COLUMNS_OF_ONE_END - n_columns
        n_rows = n_seeds * data.n_folds // seeds
        if filled_up <= LARGEST_SHARE_FILLED * n_columns and n_rows * n_wide >= n_processors():
            width = COLUMNS_OF_ONE_END
    return BlockShape(seeds, math.ceil(n_columns / math.ceil(n_columns / width)))


def have_one_end(configurations: Sequence[Configuration], narrow: object) -> bool:
    """Whether configurations train to the same epoch, and nothing may leave out any before."""
    return narrow is None and len({c.hyperparameters.n_epochs for c in configurations}) == 1


def filled(items: Sequence[T], width: int) -> list[T]:
    """The items, then the first one again, in whole blocks."""
    missing = -len(items) % width
    return [*items, *[items[0]] * missing]


def in_blocks(items: Sequence[T], width: int) -> list[Sequence[T]]:
    """The items of each block; the last one's are filled up with the first of all."""
    columns = filled(items, width)
    return [columns[begin : begin + width] for begin in range(0, len(columns), width)]
