# pyright: reportUnknownMemberType=false
"""A trained network with what it takes to predict: normalisation and class names, with figures.

Shape letters: `B` examples, `F` features.
"""

import functools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import jax
import numpy as np
from flax import nnx
from jaxtyping import Array, Float, Int
from numpy.typing import ArrayLike

from jdend.data import MULTILABEL, REGRESSION, Frame, Preprocessing, Table, table_of
from jdend.kernels import resolve
from jdend.models._configuration import Configuration

__all__ = ["INPUTS", "TrainedModel"]

INPUTS = ("uint8", "float32")
MAX_EXAMPLES = 512  # are classified at a time


@dataclass(frozen=True, eq=False)
class TrainedModel:
    """A trained network that reads raw examples: bytes of pixels, or numbers in the data's units.

    Attributes:
      module: maps normalised features `[B, F]` to logits `[B, n_classes]`, of multilabel one a
        label; of regression to the standardised target `[B, 1]`.
      configuration: the configuration that it was built from and trained with.
      offset, scale: float32 `[]` or `[F]`; the module reads `(x - offset) * scale`.
      class_names: the name of each class; of regression that of the target, of multilabel those of
        the labels.
      inputs: the values of an example: `uint8` for pixels or `float32` for numbers.
      figures: its accuracies in [0, 1] and its losses, by name.
      origin: where it comes from, in plain JSON values: data set, seed, …
      table: how the columns of a table become its features; None of a network that was not trained
        on a table.
      target: of regression the mean and the deviation of the target, by which it is standardised;
        None for other tasks.
    """

    module: nnx.Module
    configuration: Configuration
    offset: Float[np.ndarray, "..."]
    scale: Float[np.ndarray, "..."]
    class_names: tuple[str, ...]
    inputs: str = "uint8"
    figures: Mapping[str, float] = field(default_factory=dict[str, float])
    origin: Mapping[str, object] = field(default_factory=dict[str, object])
    table: Preprocessing | None = None
    target: tuple[float, float] | None = None

    def __post_init__(self):
        problem = self.configuration.structure.problem
        if self.inputs not in INPUTS:
            raise ValueError(f"inputs must be one of {', '.join(INPUTS)}, got {self.inputs!r}")
        if (self.target is None) != problem.has_classes:
            raise ValueError(f"target={self.target!r} does not go with {problem.task}")
        if len(self.class_names) != problem.n_classes:
            raise ValueError(
                f"{problem.n_classes} class names are needed, one a class; "
                f"got {len(self.class_names)}"
            )
        if self.table is not None and len(self.table.features) != problem.in_features:
            raise ValueError(
                f"table has {len(self.table.features)} features, and the network reads "
                f"{problem.in_features}"
            )
        for name in ("offset", "scale"):
            value = np.asarray(getattr(self, name), np.float32)
            if value.shape not in ((), (problem.in_features,)):
                raise ValueError(
                    f"{name} must be one number or {problem.in_features}, got {list(value.shape)}"
                )
            object.__setattr__(self, name, value)

    @property
    def task(self) -> str:
        """What it has learnt: `classification`, `regression` or `multilabel`."""
        return self.configuration.structure.problem.task

    def __getstate__(self) -> dict[str, object]:
        """For pickle and copies: all but the compiled program."""
        return {name: value for name, value in self.__dict__.items() if name != "_forward"}

    def logits(self, x: ArrayLike | Table | Frame) -> Float[np.ndarray, "B classes"]:
        """The network's outputs for examples `[B, F]`, images `[B, H, W(, C)]`, or a table or
        DataFrame with the columns of the one that it was trained on; of regression the target
        `[B, 1]` in its own units.

        Raises:
          ValueError: if the shape is another one, values are not numbers, a network for pixels
            gets values that are not whole numbers from 0 to 255, or a table lacks a column.
        """
        x = self.examples(x)
        logits = np.empty((len(x), len(self.class_names)), np.float32)
        for start in range(0, len(x), MAX_EXAMPLES):
            rows = x[start : start + MAX_EXAMPLES]
            # Padded to a power of two, since each number of rows takes a program of its own.
            n_rows = 1 << (len(rows) - 1).bit_length()
            padded = np.concatenate([rows, np.zeros((n_rows - len(rows), x.shape[1]), x.dtype)])
            logits[start : start + MAX_EXAMPLES] = np.asarray(self._forward(padded))[: len(rows)]
        if self.target is not None:
            mean, deviation = self.target
            logits = logits * np.float32(deviation) + np.float32(mean)
        return logits

    def probabilities(self, x: ArrayLike | Table | Frame) -> Float[np.ndarray, "B classes"]:
        """The softmax of the logits; of multilabel the sigmoid of each, the probability that the
        label applies. Args, Raises: as `logits`; `ValueError` also for regression, which has no
        classes."""
        if self.task == REGRESSION:
            raise ValueError("this network predicts a number, and no probabilities: use predict")
        logits = self.logits(x).astype(np.float64)
        if self.task == MULTILABEL:
            return (0.5 * (1.0 + np.tanh(0.5 * logits))).astype(np.float32)  # without overflow
        shares = np.exp(logits - logits.max(axis=1, keepdims=True))
        return (shares / shares.sum(axis=1, keepdims=True)).astype(np.float32)

    def predict(
        self, x: ArrayLike | Table | Frame
    ) -> Int[np.ndarray, " B"] | Float[np.ndarray, " B"] | Int[np.ndarray, "B labels"]:
        """The most probable class of each example, as its position in `class_names`; of regression
        the target, float32; of multilabel `[B, labels]`, 1 where a label is more probable than not
        and 0 elsewhere."""
        if self.task == REGRESSION:
            return self.logits(x)[:, 0]
        if self.task == MULTILABEL:
            return (self.logits(x) > 0).astype(np.int32)
        return self.logits(x).argmax(axis=1).astype(np.int32)

    def examples(self, x: ArrayLike | Table | Frame) -> np.ndarray:
        """The examples as the network reads them: checked, `[B, F]`, with dtype `inputs`; of a
        network of a table, also with dtype float32.

        Raises:
          ValueError: as `logits`.
        """
        if self.table is not None and isinstance(x, Table | Frame):
            x = self.table.encode_table(table_of(x))
        if isinstance(x, Table):
            raise ValueError("this network was trained on arrays and reads no table")
        array = np.asarray(x)
        problem = self.configuration.structure.problem
        features = problem.in_features
        if array.ndim < 2 or math.prod(array.shape[1:]) != features or not self._fits(array.shape):
            wanted = f"[n, {features}]"
            if problem.image_shape is not None:
                height, width, channels = problem.image_shape
                wanted += f", [n, {height}, {width}, {channels}]"
                wanted += f" or [n, {height}, {width}]" if channels == 1 else ""
            raise ValueError(f"examples must be {wanted}; got {list(array.shape)}")
        if array.dtype.kind not in "buif":
            raise ValueError(f"examples must be numbers, got {array.dtype}")
        flat = array.reshape(len(array), features)
        if self.inputs == "float32" or flat.dtype == np.uint8:
            return flat.astype(self.inputs, copy=False)
        if self.table is not None:
            return flat.astype(np.float32)
        whole = flat.astype(np.uint8) if flat.size == 0 or _are_bytes(flat) else None
        if whole is None:
            raise ValueError(
                "this network reads pixels, whole numbers from 0 to 255; got others "
                f"({flat.min():g} to {flat.max():g})"
            )
        return whole

    def _fits(self, shape: tuple[int, ...]) -> bool:
        image = self.configuration.structure.problem.image_shape
        if len(shape) == 2:
            return True
        return image is not None and (*shape[1:], 1)[:3] == image and len(shape) <= 4

    @functools.cached_property
    def _forward(self) -> Callable[[np.ndarray], Array]:
        """Maps examples `[B, F]` to logits; each number of rows has a compiled program."""
        self.module.eval()
        graphdef, state = cast(tuple[Any, Any], nnx.split(self.module))
        try:
            compiled = _logits_of(graphdef, resolve())
        except TypeError:  # a user's module, of which a part cannot be hashed
            compiled = _logits_of.__wrapped__(graphdef, resolve())
        shape = (self.configuration.structure.problem.in_features,)
        offset, scale = np.broadcast_to(self.offset, shape), np.broadcast_to(self.scale, shape)
        return lambda x: compiled(state, offset, scale, x.astype(np.float32, copy=False))


@functools.lru_cache(maxsize=16)
def _logits_of(graphdef: Any, kernel: str) -> Callable[..., Array]:
    """The jitted function of all networks of one make: folds and seeds share their programs. The
    kernel that `auto` stands for is there for the cache: a variable may change it."""

    def logits(state: Any, offset: Array, scale: Array, x: Array) -> Array:
        module: Any = nnx.merge(graphdef, state)
        return module((x - offset) * scale)

    return jax.jit(logits)


def _are_bytes(x: np.ndarray) -> bool:
    with np.errstate(invalid="ignore"):
        return bool(np.all((x >= 0) & (x <= 255) & (x == np.floor(x))))
