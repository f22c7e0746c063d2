# pyright: reportUnknownMemberType=false
"""Training examples that stay in the machine's memory, of which a device has a block at a time.

A block holds the examples of some steps of an epoch, in the order in which they are seen, so what
trains, and its figures, are those of examples that are all on the device. While one trains, the
next one is copied.

Shape letters: `n` training examples, `F` features, `B` batch, `M` members: seeds, or with folds
seeds × folds; `R` rows of a block.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Shaped, UInt32

from jdend._messages import OneLineError
from jdend.data import Split
from jdend.training._order import epoch_order, in_folds, whole

if TYPE_CHECKING:
    from jdend.training._device_data import DeviceData, Examples
    from jdend.training._state import State

__all__ = [
    "BLOCK_BYTES",
    "Advance",
    "Feed",
    "Streamed",
    "StreamingError",
    "bytes_to_train_on",
    "is_streamed",
]

BLOCK_BYTES = 64 << 20
"""The size of a block on a device, which has two of them; one of a single step may be larger."""
MOST_OF_MEMORY = 0.5
"""Training examples that take a larger share of what a device can use are streamed."""


class StreamingError(OneLineError):
    """The examples cannot be streamed; the message says why."""


def is_streamed(data: Split, wanted: bool, usable: float) -> bool:
    """Whether a split's training examples are streamed.

    Args:
      data: the split.
      wanted: whether they shall be, whatever their size.
      usable: the bytes that a device has for training.

    Raises:
      StreamingError: if they shall be, and have folds.
    """
    if data.folds is not None:
        if wanted:
            raise StreamingError("examples with folds are not streamed: leave out stream, or folds")
        return False
    return wanted or bytes_to_train_on(data) > MOST_OF_MEMORY * usable


def bytes_to_train_on(data: Split) -> int:
    """The bytes of a split's training examples, a teacher's logits included."""
    return sum(a.nbytes for a in (data.train_x, data.teacher) if a is not None)


@dataclass(frozen=True, eq=False)
class Streamed:
    """Training examples in the machine's memory, which may be mapped from a file.

    Attributes:
      x: uint8 or float32 `[n, F]`.
      y, teacher: as of `Examples`, of the training examples alone.
      common: what of `Examples` is the same for all blocks; its arrays of examples are not read.
      window: how many examples are evaluated at once, and `ends_before` which no window passes: as
        with examples that are all on the device.
      put: copies an array to the devices.
    """

    x: Shaped[np.ndarray, "n F"]
    y: Shaped[np.ndarray, "n ..."]
    teacher: Float[np.ndarray, "n V K"] | None
    common: "Examples"
    window: int
    ends_before: int
    put: Callable[[np.ndarray], Array]

    def steps(self, n_members: int, batch_size: int) -> int:
        """How many steps of a population a block has the examples of."""
        arrays = (self.x, self.y, self.teacher)
        of_one = sum(a.nbytes // len(a) for a in arrays if a is not None)
        most = BLOCK_BYTES // (n_members * batch_size * of_one)
        return int(min(max(1, most), max(1, len(self.x) // batch_size)))

    def shapes(self, n_rows: int) -> "Examples":
        """The shapes of a block of so many rows."""

        def of(array: np.ndarray | None) -> jax.ShapeDtypeStruct | None:
            if array is None:
                return None
            return jax.ShapeDtypeStruct((n_rows, *array.shape[1:]), array.dtype)

        def same(array: Array) -> jax.ShapeDtypeStruct:
            return jax.ShapeDtypeStruct(array.shape, array.dtype)

        common: Any = jax.tree.map(same, self.common)
        return replace(common, x=of(self.x), y=of(self.y), teacher=of(self.teacher))

    def block(self, rows: Int[np.ndarray, " R"]) -> "Examples":
        """The examples of these rows, on their way to the devices."""
        teacher = None if self.teacher is None else self.put(self.teacher[rows])
        return replace(
            self.common, x=self.put(self.x[rows]), y=self.put(self.y[rows]), teacher=teacher
        )

    @property
    def rows_to_evaluate(self) -> int:
        """How many rows a block has where networks are evaluated: whole windows."""
        of_one = self.x.nbytes // len(self.x) + self.y.nbytes // len(self.y)
        windows = BLOCK_BYTES // (of_one * self.window)
        return self.window * int(min(max(1, windows), -(-len(self.x) // self.window)))

    def blocks(self) -> Iterator[tuple["Examples", Bool[Array, " R"]]]:
        """All training examples, block by block, each with which of its rows count.

        Windows lie where those of an evaluation of examples on the device do: one that would end
        after the data is moved back.
        """
        n, window, windows = len(self.x), self.window, self.rows_to_evaluate // self.window
        for begin in range(0, n, window * windows):
            firsts = begin + window * np.arange(windows)[:, None]
            rows = np.minimum(firsts, self.ends_before - window) + np.arange(window)
            counted = (rows >= firsts) & (rows < n)
            yield self.block(np.minimum(rows, n - 1).ravel()), self.put(counted.ravel())


Advance = Callable[["State", "Examples", Int[Array, "M n"], Int[Array, ""]], "State"]
"""`advance` of a population."""


class Feed:
    """An epoch's examples, in the order of each seed, as the calls of a program take them.

    Args:
      data: the data.
      seeds: of the members, `[M]`.
      epoch: the number of the epoch.
      batch_size: of a step.
    """

    def __init__(self, data: "DeviceData", seeds: UInt32[Array, " M"], epoch: int, batch_size: int):
        self._data, self._streamed, self._batch = data, data.streamed, batch_size
        order = epoch_order(seeds, epoch, data.n_train)
        if data.folds is not None:
            order = in_folds(order, jnp.asarray(data.folds.train_rows))
        self._order, self._n_steps = order, data.n_train // batch_size
        self._blocks: dict[int, Examples] = {}
        if self._streamed is not None:
            self._rows: Int[np.ndarray, "M n"] = np.asarray(order)
            self._steps = self._streamed.steps(len(self._rows), batch_size)
            self._order = jnp.asarray(self._places())

    def advance(
        self,
        program: Advance,
        state: "State",
        step: int,
        stop: int,
    ) -> tuple["State", int]:
        """Trains a state from `step` to `stop`, or to the end of a block; returns the new state,
        which may not be computed yet, and its step. Meanwhile the next block is copied.

        Args:
          program: `advance` of a population.
          state: it cannot be used any more.
          step: that of the state, in this epoch.
          stop: at most the end of the epoch.
        """
        examples, order, stop = self._until(step, stop)
        state = program(state, examples, order, whole(stop))
        with suppress(MemoryError, RuntimeError):  # it may be there when the present block is not
            self._copy_next()
        return state, stop

    def _until(self, step: int, stop: int) -> tuple["Examples", Int[Array, "M n"], int]:
        """The examples from a step on, the order that says where they are, and up to which step
        these are."""
        if self._streamed is None:
            return self._data.examples, self._order, stop
        number = step % self._n_steps // self._steps
        self._blocks = {number: self._blocks.get(number) or self._block(number)}
        end = step - step % self._n_steps + (number + 1) * self._steps
        return self._blocks[number], self._order, min(stop, end)

    def _copy_next(self) -> None:
        """Begins to copy the next block, unless it is there or there is none."""
        number = max(self._blocks, default=0) + 1
        if self._streamed and len(self._blocks) == 1 and number * self._steps < self._n_steps:
            self._blocks[number] = self._block(number)

    def _block(self, number: int) -> "Examples":
        assert self._streamed is not None
        width = self._steps * self._batch
        rows = self._rows[:, number * width : (number + 1) * width]
        missing = width - rows.shape[1]  # of the last block, which is as large as the others
        return self._streamed.block(np.pad(rows, ((0, 0), (0, missing)), mode="edge").ravel())

    def _places(self) -> Int[np.ndarray, "M n"]:
        """Where in its block an example is, by its place in the epoch."""
        (n_members, n), width = self._rows.shape, self._steps * self._batch
        firsts = np.arange(n_members, dtype=np.int32)[:, None] * width
        return firsts + np.arange(n, dtype=np.int32) % width
