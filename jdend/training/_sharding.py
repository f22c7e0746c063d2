# pyright: reportUnknownMemberType=false, reportMissingTypeStubs=false
"""Divides a population among the devices of a process.

Seeds and configurations, the leading axes `[S, C]` of a population's state, are divided; the data
are on every device. No operation mixes trials, so each device trains its own, and nothing is sent
from one to another: `jax.shard_map` makes of each device's part a program of its own.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import jax
import numpy as np
import optax
from jax.sharding import AbstractMesh, Mesh, NamedSharding, PartitionSpec

from jdend._messages import OneLineError
from jdend.training._state import State, take

__all__ = [
    "BY_CONFIGURATION",
    "BY_SEED",
    "BY_STATE",
    "BY_TRIAL",
    "EVERYWHERE",
    "EVERY_DEVICE",
    "SEEDS",
    "UNDIVIDED",
    "DevicesError",
    "Placement",
    "Sharding",
    "columns_of",
    "find_devices",
    "mesh_for",
    "parts_of",
    "placed",
    "width_on",
]

T = TypeVar("T")

SEEDS, CONFIGURATIONS = "seeds", "configurations"
# How an array is divided; these stand in place of arrays, or of whole dicts of arrays.
EVERYWHERE: Any = PartitionSpec()
BY_SEED: Any = PartitionSpec(SEEDS)
BY_CONFIGURATION: Any = PartitionSpec(CONFIGURATIONS)
BY_TRIAL: Any = PartitionSpec(SEEDS, CONFIGURATIONS)
BY_STATE = State(
    step=EVERYWHERE,
    seeds=BY_SEED,
    hyperparameters=BY_CONFIGURATION,
    params=BY_TRIAL,
    other=BY_TRIAL,
    adam=optax.ScaleByAdamState(EVERYWHERE, BY_TRIAL, BY_TRIAL),
    average=BY_TRIAL,
    loss_sum=BY_TRIAL,
    n_correct=BY_TRIAL,
    failed_step=BY_TRIAL,
)


class DevicesError(OneLineError):
    """There are no such devices; the message says which there are."""


@dataclass(frozen=True)
class Placement:
    """Where populations are trained, and how much of one at once.

    Attributes:
      devices: as for `find_devices`.
      population: the most configurations that train in one program; None for as many as memory
        takes.
      stream: whether training examples stay in the machine's memory, of which devices get what the
        next steps need; else this is so where they take more than half of a device's memory.
    """

    devices: int | tuple[int, ...] | None = None
    population: int | None = None
    stream: bool = False


EVERY_DEVICE = Placement()


def find_devices(devices: int | Sequence[int] | None = None) -> tuple[Any, ...]:
    """The devices of this process that are asked for.

    Args:
      devices: how many of them, the first ones; or their positions in `jax.local_devices()`; None
        for all of them.

    Raises:
      DevicesError: if there are not so many, or none at such a position.
    """
    there: tuple[Any, ...] = tuple(cast(list[Any], jax.local_devices()))
    if devices is None:
        return there
    positions = list(range(devices)) if isinstance(devices, int) else list(devices)
    known = all(type(p) is int and 0 <= p < len(there) for p in positions)
    if not positions or not known or len(set(positions)) < len(positions):
        raise DevicesError(
            f"devices={devices!r}, but of {there[0].platform} devices there are {len(there)} here: "
            f"give how many, from 1 to {len(there)}, or the positions of some, from 0 to "
            f"{len(there) - 1}"
        )
    return tuple(there[position] for position in positions)


def mesh_for(devices: Sequence[Any], n_seeds: int, n_configurations: int) -> Mesh | None:
    """The mesh on which such a population is trained; None for JAX's default device alone.

    Its axes are `seeds`, which divides the number of seeds, and `configurations`. Of the meshes
    that the devices allow, it is the one whose largest part has the fewest trials, and among those
    the one with the most parts by seeds, since each seed has its own batches to load. It may leave
    some devices without work.
    """
    best = min(
        (n_seeds // by_seed * math.ceil(n_configurations / by_configuration), -by_seed)
        for by_seed in range(1, min(n_seeds, len(devices)) + 1)
        if n_seeds % by_seed == 0
        for by_configuration in [min(len(devices) // by_seed, n_configurations)]
    )
    by_seed = -best[1]
    a_device = best[0] // (n_seeds // by_seed)
    by_configuration = math.ceil(n_configurations / a_device)
    used = devices[: by_seed * by_configuration]
    if len(used) == 1 and used[0] == find_devices()[0]:
        return None
    return Mesh(np.array(used).reshape(by_seed, by_configuration), (SEEDS, CONFIGURATIONS))


def parts_of(mesh: Mesh | None, axis: str = CONFIGURATIONS) -> int:
    """Into how many parts a mesh divides configurations, or seeds."""
    return 1 if mesh is None else mesh.shape[axis]


def width_on(mesh: Mesh | None, n: int) -> int:
    """The columns of `n` configurations on a mesh: as many on each of its devices."""
    parts = parts_of(mesh)
    return math.ceil(n / parts) * parts


def columns_of(mesh: Mesh | None, items: Sequence[T]) -> list[T]:
    """What the columns on a mesh hold: these items, then the first one again where there are more
    columns."""
    return [*items, *[items[0]] * (width_on(mesh, len(items)) - len(items))]


def placed(state: State, mesh: Mesh | None) -> State:
    """A state from the host on its devices, with more columns if it is too narrow for them."""
    if mesh is None:
        return jax.device_put(state)
    width = state.failed_step.shape[1]
    if width_on(mesh, width) > width:
        state = take(jax.device_get(state), columns_of(mesh, list(range(width))))
    return jax.device_put(state, _on(mesh, BY_STATE))


@dataclass(frozen=True)
class Sharding:
    """How the arguments and the result of a program are divided on a mesh.

    Attributes:
      mesh: the devices; an abstract one for a program that is lowered, and not run, here; None for
        a program of one device, which is divided in no way.
      arguments, result: of each argument, and of the result, how it is divided.
    """

    mesh: Mesh | AbstractMesh | None
    arguments: tuple[Any, ...]
    result: Any

    def jit(self, function: Callable[..., Any], donate: tuple[int, ...]) -> Any:
        """The function, jitted."""
        if self.mesh is None:
            return jax.jit(function, donate_argnums=donate)
        # The check would need to know of calls of libraries over which axes they vary.
        of_each = jax.shard_map(
            function,
            mesh=self.mesh,
            in_specs=self.arguments,
            out_specs=self.result,
            check_vma=False,
        )
        return jax.jit(of_each, in_shardings=_on(self.mesh, self.arguments), donate_argnums=donate)


UNDIVIDED = Sharding(None, (), None)


def _on(mesh: Mesh | AbstractMesh, specs: Any) -> Any:
    def on(spec: PartitionSpec) -> NamedSharding:
        return NamedSharding(mesh, spec)

    return jax.tree.map(on, specs)
