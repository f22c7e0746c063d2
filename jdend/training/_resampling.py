"""Resampling in a population: every dendritic layer of its networks, of the trials that are due.

Shape letters: `S` seeds, `C` configurations, `N` neurons, `D` dendrites, `K` synapses a dendrite.
"""

import functools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Int

from jdend.models import DendriticLayer, dendrite_std
from jdend.plasticity import resample
from jdend.training._network import Path
from jdend.training._state import State
from jdend.training._traits import Traits

__all__ = ["is_due", "next_resampling", "resampler"]


def next_resampling(state: State) -> Int[Array, ""]:
    """The first step after this one at which some trial resamples; the largest int32 for never."""
    every = state.traits.resample_every
    following = (state.step // jnp.maximum(every, 1) + 1) * every
    return jnp.min(jnp.where(every > 0, following, jnp.iinfo(jnp.int32).max))


def is_due(state: State) -> Bool[Array, " C"]:
    """Which configurations resample after the step just done."""
    every = state.traits.resample_every
    return (every > 0) & (state.step % jnp.maximum(every, 1) == 0)


def resampler(layers: tuple[tuple[Path, DendriticLayer], ...]) -> Callable[..., State]:
    """Makes `(state, keys [S], due [C]) → state`, which resamples the given layers."""

    def resample_layers(state: State, keys, due: Bool[Array, " C"]) -> State:
        n_resampled = state.step // jnp.maximum(state.traits.resample_every, 1) - 1
        params, other, mu, nu = state.params, state.other, state.adam.mu, state.adam.nu
        for position, (path, layer) in enumerate(layers):
            weight, indices = (*path, "weight"), (*path, "indices")
            sizes = None if layer.sizes is None else _get(other, (*path, "sizes"))
            one_trial = functools.partial(_resample_trial, layer)
            over_configurations = jax.vmap(one_trial, in_axes=(None, 0, 0, 0, 0, 0))
            over_seeds = jax.vmap(over_configurations, in_axes=(0, None, None, None, 0, 0))
            synapses = (
                _get(params, weight),
                _get(other, indices),
                _get(mu, weight),
                _get(nu, weight),
            )
            layer_keys = jax.vmap(jax.random.fold_in, in_axes=(0, None))(keys, position)
            new = over_seeds(layer_keys, state.traits, due, n_resampled, synapses, sizes)
            params, other = _set(params, weight, new[0]), _set(other, indices, new[1])
            mu, nu = _set(mu, weight, new[2]), _set(nu, weight, new[3])
        adam = state.adam._replace(mu=mu, nu=nu)
        return replace(state, params=params, other=other, adam=adam)

    return resample_layers


def _resample_trial(layer: DendriticLayer, key, traits: Traits, due, n_resampled, synapses, sizes):
    """One trial's layer; a replaced synapse starts with the optimizer's moments at zero."""
    weight, indices, mu, nu = synapses
    n_inputs = weight.shape[-1] if sizes is None else sizes[2]
    new_weight, new_indices, replaced = resample(
        key,
        weight,
        indices,
        in_features=layer.in_features,
        percentage=traits.resample_fraction,
        rule=traits.resampling_rule,
        proposals=traits.resampling_inputs,
        n_resampled=n_resampled,
        weight_std=dendrite_std(traits.initialization, layer.in_features, n_inputs),
        field_std=traits.field_std,
        image_shape=layer.image_shape,
        sizes=sizes,
    )
    replaced &= due
    return (
        jnp.where(replaced, new_weight, weight),
        jnp.where(replaced, new_indices, indices),
        jnp.where(replaced, 0.0, mu),
        jnp.where(replaced, 0.0, nu),
    )


def _get(tree: Any, path: Path):
    for name in path:
        tree = tree[name]
    return tree


def _set(tree: Any, path: Path, value) -> dict:
    """A copy of nested dicts with one leaf replaced."""
    head, *rest = path
    return {**tree, head: _set(tree[head], tuple(rest), value) if rest else value}
