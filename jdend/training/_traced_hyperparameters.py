# pyright: reportUnknownMemberType=false
"""Hyperparameters as traced arrays with one entry for each configuration: changing them does not
recompile."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from jdend.fields import HYPERPARAMETERS, SCHEDULES, Field, HyperparameterFields
from jdend.models import Configuration

__all__ = [
    "RESAMPLING_CHOICES",
    "WIRING_CHOICES",
    "Choices",
    "TracedHyperparameters",
    "among",
    "common_choices",
    "learning_rate",
    "trace_hyperparameters",
]

# Names of fields, each with the position of a value among those that the field allows.
Choices = frozenset[tuple[str, int]]
# Those of which a program has every branch, unless all members agree: where networks are drawn, and
# where they are resampled.
WIRING_CHOICES = ("connectivity",)
RESAMPLING_CHOICES = ("resampling_rule", "resampling_inputs")


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class TracedHyperparameters(
    HyperparameterFields[Float[Array, " C"], Int[Array, " C"], Int[Array, " C"]]
):
    """The hyperparameters of the `C` configurations of a population; `jdend.fields` lists them. A
    name is represented by its position among those that its field allows.

    Attributes:
      n_steps: the steps of the whole training, which a cosine schedule needs.
      sizes: the true sizes by field name where networks need them, in a padded bucket or where
        synapses are removed; otherwise None.
    """

    n_steps: Int[Array, " C"]
    sizes: dict[str, Int[Array, " C"]] | None


def trace_hyperparameters(
    configurations: Sequence[Configuration], steps_per_epoch: int, *, padded: bool = False
) -> TracedHyperparameters:
    """The hyperparameters of configurations that share a bucket, on the device."""
    hyper = [configuration.hyperparameters for configuration in configurations]
    structures = [configuration.structure for configuration in configurations]
    sizes = {
        name: _on_device([structure.sizes[name] for structure in structures], np.int32)
        for name in structures[0].sizes
    }
    is_pruned = structures[0].extra("initial_density") is not None
    return TracedHyperparameters(
        **{
            name: _column(field, [getattr(h, name) for h in hyper])
            for name, field in HYPERPARAMETERS.items()
        },
        n_steps=_on_device([h.n_epochs * steps_per_epoch for h in hyper], np.int32),
        sizes=sizes if padded or is_pruned else None,
    )


def common_choices(hyperparameters: TracedHyperparameters, names: Sequence[str]) -> Choices:
    """Those of the named choices in which all configurations agree, each with its position."""
    return frozenset(
        (name, int(positions[0]))
        for name in names
        for positions in [np.asarray(getattr(hyperparameters, name))]
        if (positions == positions[0]).all()
    )


def among(names: Sequence[str], choices: Choices) -> dict[str, int]:
    """Those of the choices that have these names, in the order of their names."""
    return {name: position for name, position in sorted(choices) if name in names}


def _column(field: Field, values: Sequence[float | str]) -> Array:
    """The values of a field as an array: float32, or int32 for whole numbers and names."""
    if field.kind == "choice":
        allowed = field.allowed()
        return _on_device([allowed.index(str(value)) for value in values], np.int32)
    return _on_device(values, np.float32 if field.kind == "real" else np.int32)


def _on_device(values: Sequence[float | str], dtype: type[np.number[Any]]) -> Array:
    return jax.device_put(np.array(values, dtype))  # nothing is compiled for that


def learning_rate(
    hyperparameters: TracedHyperparameters, step: Int[Array, ""]
) -> Float[Array, " C"]:
    """The learning rate of each configuration at a step; the first step is 0.

    During the first `warmup_steps` it rises linearly. The schedule `cosine` is half a period of a
    cosine from `lr` to zero at `n_steps` (Loshchilov & Hutter 2017, without restarts).
    """
    warm = jnp.minimum((step + 1) / jnp.maximum(hyperparameters.warmup_steps, 1), 1.0)
    progress = jnp.clip(step / hyperparameters.n_steps, 0.0, 1.0)
    cosine = 0.5 * (1.0 + jnp.cos(jnp.pi * progress))
    falling = jnp.where(hyperparameters.schedule == SCHEDULES.index("cosine"), cosine, 1.0)
    return hyperparameters.lr * falling * warm
