"""Hyperparameters as arrays: one entry a configuration, traced, so that none of them recompiles."""

from collections.abc import Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jdend.connectivity import CONNECTIVITIES
from jdend.models import INITIALIZATIONS, SCHEDULES, Configuration
from jdend.plasticity import PROPOSALS, RULES

__all__ = ["TracedHyperparameters", "learning_rate", "trace_hyperparameters"]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class TracedHyperparameters:
    """What tells the `C` configurations of a population apart. Names are positions in the tuples
    that list them.

    Attributes:
      n_steps: steps in the whole of its training, which a cosine schedule needs.
      resample_every: steps between resamplings; 0 for none.
      sizes: true sizes by field name in a padded bucket, else None.
    """

    n_steps: Int[Array, " C"]
    lr: Float[Array, " C"]
    weight_decay: Float[Array, " C"]
    schedule: Int[Array, " C"]
    connectivity: Int[Array, " C"]
    field_std: Float[Array, " C"]
    initialization: Int[Array, " C"]
    resample_every: Int[Array, " C"]
    resample_fraction: Float[Array, " C"]
    resampling_rule: Int[Array, " C"]
    resampling_inputs: Int[Array, " C"]
    sizes: dict[str, Int[Array, " C"]] | None


def trace_hyperparameters(
    configurations: Sequence[Configuration], steps_per_epoch: int, *, padded: bool = False
) -> TracedHyperparameters:
    """The hyperparameters of configurations that share a bucket, on the device."""
    hyper = [configuration.hyperparameters for configuration in configurations]

    def real(name: str):
        return jnp.array([getattr(h, name) for h in hyper], jnp.float32)

    def position(name: str, names: Sequence[str]):
        return jnp.array([names.index(getattr(h, name)) for h in hyper], jnp.int32)

    structures = [configuration.structure for configuration in configurations]
    sizes = {
        name: jnp.array([structure.sizes[name] for structure in structures], jnp.int32)
        for name in structures[0].sizes
    }
    return TracedHyperparameters(
        n_steps=jnp.array([h.n_epochs * steps_per_epoch for h in hyper], jnp.int32),
        lr=real("lr"),
        weight_decay=real("weight_decay"),
        schedule=position("schedule", SCHEDULES),
        connectivity=position("connectivity", tuple(CONNECTIVITIES)),
        field_std=real("field_std"),
        initialization=position("initialization", INITIALIZATIONS),
        resample_every=jnp.array([h.steps_to_resample for h in hyper], jnp.int32),
        resample_fraction=real("percentage_resample"),
        resampling_rule=position("resampling_rule", RULES),
        resampling_inputs=position("resampling_inputs", PROPOSALS),
        sizes=sizes if padded else None,
    )


def learning_rate(
    hyperparameters: TracedHyperparameters, step: Int[Array, ""]
) -> Float[Array, " C"]:
    """The rate of each configuration at a step that counts from 0.

    `cosine` is half a cosine from `lr` to zero at `n_steps` (Loshchilov & Hutter 2017, without
    restarts).
    """
    progress = jnp.clip(step / hyperparameters.n_steps, 0.0, 1.0)
    cosine = 0.5 * (1.0 + jnp.cos(jnp.pi * progress))
    return hyperparameters.lr * jnp.where(
        hyperparameters.schedule == SCHEDULES.index("cosine"), cosine, 1.0
    )
