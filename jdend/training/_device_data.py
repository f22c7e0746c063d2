# pyright: reportUnknownMemberType=false
"""Examples on the device, as bytes; each batch is normalised when it is used.

Shape letters: `n` examples, `F` features, `B` batch, `K` classes, `L` folds, `M` members: seeds, or
with folds seeds × folds.
"""

import weakref
from collections.abc import Mapping
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array, Bool, Float, Int

from jdend.data import Folds, Split
from jdend.training._streaming import Streamed

__all__ = [
    "EVALUATION_ROWS",
    "DeviceData",
    "Examples",
    "fold_of_members",
    "in_units",
    "labels_of_rows",
    "normalised",
    "on_device",
    "teacher_of",
]


EVALUATION_ROWS = 512
"""The examples that networks are measured on at once."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Examples:
    """A data set's examples, one part after the other: those for training come first.

    With folds, members of a population come as seeds × folds, those of a seed together, and each is
    normalised by its own fold's offset and scale.

    Attributes:
      x: uint8 or float32 `[n, F]`.
      y: int32 `[n]`; of multilabel int32 `[n, K]`, 1 where a label applies and 0 where not; of
        regression the standardised target, float32.
      offset, scale: float32 `[]` or `[F]`, with folds `[L, 1]` or `[L, F]`; the network's input is
        `(x - offset) * scale`.
      teacher: as of a `Split`, for the training examples alone; None without one.
      class_weights: as of a `Split`; None without.
      fill, missing: as of `jdend.data.Folds`; None without.
      target: of regression the mean and the deviation of the target; None for other tasks.
    """

    x: Array
    y: Int[Array, " n"] | Int[Array, "n K"] | Float[Array, " n"]
    offset: Float[Array, "..."]
    scale: Float[Array, "..."]
    teacher: Float[Array, "n_train V K"] | None = None
    class_weights: Float[Array, " K"] | None = None
    fill: Float[Array, "L F"] | None = None
    missing: Bool[Array, "n F"] | None = None
    target: Float[Array, "2"] | None = None

    @property
    def has_folds(self) -> bool:
        """Whether members have folds."""
        return self.offset.ndim == 2


@dataclass(frozen=True)
class DeviceData:
    """A split on the device.

    Attributes:
      examples: all of its parts in one, so that one program evaluates any of them; without those
        for training where these are streamed.
      rows: the first row and the end of each part; the parts are `train`, `validation`, `test`. If
        training examples are streamed, their rows are those of `streamed`.
      folds: as of the split; None without.
      streamed: the training examples, if they are not on the device.
    """

    examples: Examples
    rows: Mapping[str, tuple[int, int]]
    folds: Folds | None = None
    streamed: Streamed | None = None

    @property
    def n_train(self) -> int:
        """How many examples a network trains with."""
        return self.rows["train"][1] if self.folds is None else self.folds.train_rows.shape[1]

    @property
    def largest_part(self) -> int:
        """The most examples of a part for validation or test."""
        return max(self._rows(name).shape[-1] for name in ("validation", "test"))

    def part(self, name: str, width: int | None = None) -> Int[np.ndarray, "*L R"]:
        """The rows of a part, with folds those of each, and -1 up to `width`, by default
        `largest_part`."""
        own = self._rows(name)
        rows = np.full((*own.shape[:-1], width or self.largest_part), -1, np.int32)
        rows[..., : own.shape[-1]] = own
        return rows

    def _rows(self, name: str) -> Int[np.ndarray, "*L R"]:
        rows = np.arange(*self.rows[name], dtype=np.int32)
        if self.folds is None:
            return rows
        own = {"train": self.folds.train_rows, "validation": self.folds.validation_rows}
        return own.get(name, np.tile(rows, (len(self.folds), 1)))


_Placed = weakref.WeakKeyDictionary[Split, dict[tuple[Mesh | None, bool], DeviceData]]
_PLACED: _Placed = weakref.WeakKeyDictionary()


def on_device(split: Split, mesh: Mesh | None = None, *, streamed: bool = False) -> DeviceData:
    """The split on the default device, or on each device of a mesh; it is copied there once.

    Args:
      split: the data.
      mesh: the devices; None for the default device.
      streamed: whether the training examples stay in the machine's memory, but for as many as
        evaluations need to be those of the whole, to the last bit.
    """
    on_meshes = _PLACED.setdefault(split, {})
    if (mesh, streamed) not in on_meshes:
        where = None if mesh is None else NamedSharding(mesh, PartitionSpec())

        def put(array: np.ndarray) -> Array:
            return jax.device_put(array, where)

        y = np.concatenate([split.train_y, split.validation_y, split.test_y])
        n, n_train, window = len(y), len(split.train_y), min(len(y), EVALUATION_ROWS)
        first = min(n_train, n - window) if streamed else 0
        x = np.concatenate([split.train_x[first:], split.validation_x, split.test_x])
        target = None if split.target is None else np.array(split.target, np.float32)
        if split.target is not None:
            y = ((y.astype(np.float64) - split.target[0]) / split.target[1]).astype(np.float32)
        folds = split.folds

        def placed(array: np.ndarray | None) -> Array | None:
            return None if array is None else put(array)

        examples = Examples(
            put(x),
            put(y[first:]),
            put((folds or split).offset),
            put((folds or split).scale),
            placed(None if streamed else split.teacher),
            placed(split.class_weights),
            placed(None if folds is None else folds.fill),
            placed(None if folds is None else folds.missing),
            placed(target),
        )
        middle = n_train + len(split.validation_y)
        rows = {
            "train": (0, n_train),
            "validation": (n_train - first, middle - first),
            "test": (middle - first, n - first),
        }
        own_y = y[:n_train].astype(examples.y.dtype)
        host = Streamed(split.train_x, own_y, split.teacher, examples, window, n, put)
        on_meshes[mesh, streamed] = DeviceData(examples, rows, folds, host if streamed else None)
    return on_meshes[mesh, streamed]


def normalised(
    data: Examples, x: Array, rows: Int[Array, "*B"] | None = None
) -> Float[Array, "*B F"]:
    """The network's input for rows `x` of `data`.

    Args:
      data: the examples.
      x: `[*B, F]`; with folds `[M, B, F]`, an axis of members first.
      rows: with folds, the numbers of these rows, `[M, B]`.
    """
    x = x.astype(jnp.float32)
    if not data.has_folds:
        return (x - data.offset) * data.scale
    fold = fold_of_members(x.shape[0], data)
    if data.missing is not None and data.fill is not None:
        x = jnp.where(data.missing[rows], data.fill[fold][:, None], x)
    return (x - data.offset[fold][:, None]) * data.scale[fold][:, None]


def labels_of_rows(
    data: Examples, rows: Int[Array, "*B"], counted: Bool[Array, "*B"]
) -> Int[Array, "..."] | Float[Array, "..."]:
    """The labels of these rows; 0 where `counted` is false."""
    y = data.y[rows]
    return jnp.where(counted.reshape(counted.shape + (1,) * (y.ndim - counted.ndim)), y, 0)


def in_units(data: Examples, values: Array) -> Array:
    """Standardised targets in their own units; labels and logits of classes as they are."""
    return values if data.target is None else values * data.target[1] + data.target[0]


def fold_of_members(n_members: int, data: Examples) -> Int[Array, " M"]:
    """The number of each member's fold: those of a seed stand together."""
    return jnp.arange(n_members) % data.offset.shape[0]


def teacher_of(
    data: Examples, rows: Int[Array, "*B"], mirrored: Bool[Array, "*B"] | None
) -> Float[Array, "*B K"]:
    """A teacher's logits for some training examples, as it sees them mirrored or not."""
    if data.teacher is None:
        raise ValueError("distillation_weight above 0 needs a teacher, and the data have none")
    logits = data.teacher[rows]
    if mirrored is None:
        return logits[..., 0, :]
    return jnp.where(mirrored[..., None], logits[..., -1, :], logits[..., 0, :])
