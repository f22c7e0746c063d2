# pyright: reportUnknownMemberType=false
"""What a run has come to, as bytes: so that another process goes on as if nothing had been.

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

from jdend.training._state import State

__all__ = ["Snapshot"]

Leaves = Sequence[tuple[Sequence[Any], Any]]
"""Paths and what is there."""


@dataclass(frozen=True, eq=False)
class Snapshot:
    """All that a `Run` holds, on the host.

    Attributes:
      ends: after how many epochs each configuration ends.
      epoch: epochs done and measured.
      columns: whose the state's first columns are.
      history: by name of figure.
      seconds: of training, and of these of compiling.
      state: where training stands, perhaps in the middle of an epoch; None after its end.
      ended: configurations that ended before others, by position, as they were then.
      figures: of the trained networks, by name; None before the end.
      failed_step: the first with a loss that was not finite, or -1; None before the end.
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

    def to_bytes(self) -> bytes:
        """In the format of safetensors."""
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
        # What is not contiguous safetensors would write as it lies in memory.
        return save_tensors({name: np.asarray(x, order="C") for name, x in tensors.items()})

    @classmethod
    def from_bytes(cls, content: bytes, outline: State) -> "Snapshot":
        """What `to_bytes` gave.

        Args:
          content: the bytes.
          outline: a state of such a population, of arrays or `jax.ShapeDtypeStruct`s.

        Raises:
          ValueError: if these are no bytes of such a population.
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
    """Random keys have no form in a file but that of their data."""
    return jax.random.key_data(leaf) if _is_key(leaf) else leaf


def _restored(value: np.ndarray, outline: Any) -> Any:
    if _is_key(outline):
        return cast(
            Any, jax.random.wrap_key_data(jnp.asarray(value), impl=outline.dtype._impl.name)
        )
    # Seeds and columns come first, and of columns there may be fewer by now.
    if value.dtype != outline.dtype or value.shape[2:] != outline.shape[2:]:
        raise ValueError(f"{value.dtype}{list(value.shape)} in place of {outline}")
    return value


def _is_key(leaf: Any) -> bool:
    return jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
