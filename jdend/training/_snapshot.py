# pyright: reportUnknownMemberType=false
"""The state of a run as bytes, from which another process goes on as if nothing had happened.

Shape letters: `S` seeds, `C` configurations, `E` epochs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from jdend.training._state import State, take

__all__ = ["Snapshot"]

Leaves = Sequence[tuple[Sequence[Any], Any]]
"""Paths, each with its leaf."""


@dataclass(frozen=True, eq=False)
class Snapshot:
    """All that a `Run` has trained, on the host.

    Attributes:
      ends: after how many epochs each configuration ends.
      epoch: how many epochs are done and measured.
      columns: the configurations of the state's first columns.
      history: the figures of all epochs, by name.
      seconds: the time of training, and the part of it that was compiling.
      state: the state of the population, perhaps in the middle of an epoch; None after its end.
      ended: the positions of configurations that ended before others, with their state.
      figures: the figures of the trained networks, by name; None before the end.
      failed_step: the first step with a loss that was not finite, or -1; None before the end.
    """

    ends: Sequence[int]
    epoch: int
    columns: Sequence[int]
    history: Mapping[str, Float[np.ndarray, "S C E"]]
    seconds: tuple[float, float]
    state: State | None = None
    ended: Sequence[tuple[list[int], State]] = ()
    figures: Mapping[str, Float[np.ndarray, "S C"]] | None = None
    failed_step: Int[np.ndarray, "S C"] | None = None

    def part(self, begin: int, end: int, last_epoch: int) -> "Snapshot":
        """The snapshot of the configurations from `begin` to `end`, the longest of which has
        `last_epoch` epochs; from before the end, on the host."""

        def of(columns: Sequence[int], state: State) -> tuple[list[int], State]:
            places = [i for i, c in enumerate(columns) if begin <= c < end]
            return [columns[i] - begin for i in places], take(state, places)

        assert self.state is not None
        columns, state = of(self.columns, self.state)
        share = (end - begin) / len(self.ends)
        return Snapshot(
            ends=self.ends[begin:end],
            epoch=self.epoch,
            columns=columns,
            history={name: h[:, begin:end, :last_epoch] for name, h in self.history.items()},
            seconds=(self.seconds[0] * share, self.seconds[1] * share),
            state=state,
            ended=[part for part in (of(*ended) for ended in self.ended) if part[0]],
        )

    def to_bytes(self) -> bytes:
        """The snapshot in the format of safetensors."""
        tensors = {
            "ends": np.asarray(self.ends, np.int64),
            "epoch": np.asarray(self.epoch, np.int64),
            "columns": np.asarray(self.columns, np.int64),
            "seconds": np.asarray(self.seconds, np.float64),
            **{f"history.{name}": values for name, values in self.history.items()},
            **{f"figures.{name}": values for name, values in (self.figures or {}).items()},
        }
        if self.failed_step is not None:
            tensors["failed_step"] = self.failed_step
        if self.state is not None:
            tensors |= _tensors("state", self.state)
        for i, (columns, state) in enumerate(self.ended):
            tensors[f"ended.{i}.columns"] = np.asarray(columns, np.int64)
            tensors |= _tensors(f"ended.{i}", state)
        # Safetensors would write arrays that are not contiguous in the order of their memory.
        return save_tensors({name: np.asarray(x, order="C") for name, x in tensors.items()})

    @classmethod
    def from_bytes(cls, content: bytes, outline: State) -> "Snapshot":
        """The snapshot that `to_bytes` converted.

        Args:
          content: the bytes.
          outline: a state of the same population, with arrays or `jax.ShapeDtypeStruct`s.

        Raises:
          ValueError: if these bytes are not a snapshot of that population.
        """
        try:
            tensors = load_tensors(content)
            n_ended = sum(
                name.startswith("ended.") and name.endswith(".columns") for name in tensors
            )
            training, compiling = tensors["seconds"].tolist()
            return cls(
                ends=tensors["ends"].tolist(),
                epoch=int(tensors["epoch"]),
                columns=tensors["columns"].tolist(),
                history=_under("history.", tensors),
                seconds=(training, compiling),
                state=_state("state", tensors, outline) if _has_state(tensors) else None,
                ended=[
                    (
                        tensors[f"ended.{i}.columns"].tolist(),
                        _state(f"ended.{i}", tensors, outline),
                    )
                    for i in range(n_ended)
                ],
                figures=_under("figures.", tensors) or None,
                failed_step=tensors.get("failed_step"),
            )
        except (SafetensorError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"not the snapshot of such a population: {error}") from error


def _under(prefix: str, tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {n.removeprefix(prefix): x for n, x in tensors.items() if n.startswith(prefix)}


def _has_state(tensors: Mapping[str, np.ndarray]) -> bool:
    return any(name.startswith("state.") for name in tensors)


def _tensors(prefix: str, state: State) -> dict[str, np.ndarray]:
    leaves = cast(Leaves, jax.tree.leaves_with_path(state))
    return {_name(prefix, path): np.asarray(_plain(leaf)) for path, leaf in leaves}


def _state(prefix: str, tensors: Mapping[str, np.ndarray], outline: State) -> State:
    leaves = cast(Leaves, jax.tree.leaves_with_path(outline))
    restored = [_restored(tensors[_name(prefix, path)], leaf) for path, leaf in leaves]
    return jax.tree.unflatten(cast(Any, jax.tree.structure(outline)), restored)


def _name(prefix: str, path: Sequence[Any]) -> str:
    return f"{prefix}{jax.tree_util.keystr(tuple(path))}"


def _plain(leaf: Any) -> Any:
    """The array; of random keys their data, since a file cannot hold keys."""
    return jax.random.key_data(leaf) if _is_key(leaf) else leaf


def _restored(value: np.ndarray, outline: Any) -> Any:
    if _is_key(outline):
        return cast(
            Any, jax.random.wrap_key_data(jnp.asarray(value), impl=outline.dtype._impl.name)
        )
    # The first two axes are seeds and columns; the number of columns may differ.
    if value.dtype != outline.dtype or value.shape[2:] != outline.shape[2:]:
        raise ValueError(f"{value.dtype}{list(value.shape)} in place of {outline}")
    return value


def _is_key(leaf: Any) -> bool:
    return jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
