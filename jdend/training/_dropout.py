# pyright: reportUnknownMemberType=false
"""Leaves synapses out at random, in every training step (DropConnect, Wan et al. 2013).

Shape letters: `N` neurons, `D` dendrites, `K` synapses a dendrite.

A synapse is left out for all examples of a batch, and in all configurations of a seed by the same
draws.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from jdend.connectivity import dendrite_keys
from jdend.models import DendriticLayer
from jdend.training._bucket import Path
from jdend.training._state import Tree, changed, leaf

__all__ = ["dropout_draws", "thinned"]

Layers = tuple[tuple[Path, DendriticLayer], ...]


def dropout_draws(layers: Layers, key: Key[Array, ""]) -> tuple[Array, ...]:
    """Uniform draws for the synapses of each layer, which padding does not change."""

    def of_layer(position: int, layer: DendriticLayer) -> Array:
        n_neurons, n_dendrites, n_inputs = layer.weight.shape
        keys = dendrite_keys(jax.random.fold_in(key, position), n_neurons, n_dendrites)

        def draw(key: Key[Array, ""]) -> Float[Array, " K"]:
            return jax.random.uniform(key, (n_inputs,))

        return jax.vmap(draw)(keys.reshape(-1)).reshape(layer.weight.shape)

    return tuple(of_layer(position, layer) for position, (_, layer) in enumerate(layers))


def thinned(params: Tree, layers: Layers, draws: tuple[Array, ...], rate: Float[Array, ""]) -> Tree:
    """The parameters with the share `rate` of synapses at zero, and the others larger, so that a
    dendrite's mean sum stays."""
    for (path, _), uniform in zip(layers, draws, strict=True):
        at = (*path, "weight")
        weight = leaf(params, at)
        params = changed(params, at, jnp.where(uniform < rate, 0.0, weight / (1.0 - rate)))
    return params
