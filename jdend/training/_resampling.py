# pyright: reportUnknownMemberType=false
"""Resampling in a population: in the trials that are due, every dendritic layer is resampled.

Shape letters: `S` seeds, `C` configurations, `N` neurons, `D` dendrites, `K` synapses a dendrite.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key

from jdend.models import DendriticLayer, dendrite_std
from jdend.plasticity import (
    NEW_MOMENTS,
    resample,
    resampling_at,
    resamplings_until,
    share_at,
    sharpness_at,
)
from jdend.training._bucket import Path
from jdend.training._dense_gradient import DenseGradients
from jdend.training._loss import Batch
from jdend.training._state import State, changed, leaf
from jdend.training._traced_hyperparameters import TracedHyperparameters

__all__ = ["is_due", "next_resampling", "resampler", "resamples"]

BLOCK_CONFIGURATIONS = 16  # that resample side by side on accelerators

Layers = tuple[tuple[Path, DendriticLayer], ...]
Keys = Key[Array, " S"]
Due = Bool[Array, " C"]
# The weights, the indices and the two moments of a layer's synapses.
Synapses = Sequence[Array]


def resamples(hyperparameters: TracedHyperparameters) -> bool:
    """Whether any of these configurations resamples within its training."""
    every = np.asarray(hyperparameters.steps_to_resample)  # on the host, nothing is compiled
    last = np.asarray(hyperparameters.resampling_end) * np.asarray(hyperparameters.n_steps)
    return bool(((every > 0) & (every <= last)).any())


def next_resampling(state: State) -> Int[Array, ""]:
    """The first step after this one at which a trial resamples; the largest int32 if none does."""
    hyperparameters = state.hyperparameters
    every = hyperparameters.steps_to_resample
    number = _n_resampled(hyperparameters, state.step) + 1
    following = resampling_at(number, every, hyperparameters.resampling_slowdown)
    goes_on = (every > 0) & (following <= _last_resampling(hyperparameters))
    goes_on &= _is_allowed(hyperparameters, number)
    return jnp.min(jnp.where(goes_on, following, jnp.iinfo(jnp.int32).max))


def is_due(state: State) -> Bool[Array, " C"]:
    """Which configurations resample after the step just done."""
    hyperparameters = state.hyperparameters
    every, number = hyperparameters.steps_to_resample, _n_resampled(hyperparameters, state.step)
    goes_on = state.step <= _last_resampling(hyperparameters)
    goes_on &= _is_allowed(hyperparameters, number) & (number > 0)
    now = resampling_at(number, every, hyperparameters.resampling_slowdown) == state.step
    return (every > 0) & now & goes_on


def _n_resampled(hyperparameters: TracedHyperparameters, step: Int[Array, ""]) -> Int[Array, "*W"]:
    """How many resamplings there were, with that of the step just done."""
    every = jnp.maximum(hyperparameters.steps_to_resample, 1)
    return resamplings_until(step, every, hyperparameters.resampling_slowdown)


def _is_allowed(
    hyperparameters: TracedHyperparameters, number: Int[Array, " C"]
) -> Bool[Array, " C"]:
    """Whether a configuration may resample so often."""
    most = hyperparameters.max_resamplings
    return (most == 0) | (number <= most)


def _last_resampling(hyperparameters: TracedHyperparameters) -> Float[Array, " C"]:
    """The last step at which a configuration may resample."""
    return hyperparameters.resampling_end * hyperparameters.n_steps


def resampler(
    layers: Layers, choices: Mapping[str, int], gradients: DenseGradients | None = None
) -> Callable[[State, Keys, Due, Batch | None], State]:
    """Makes a function `(state, keys [S], due [C], batch) → state` that resamples these layers.

    It computes only the configurations that are due. On CPUs it takes one at a time, so that only
    this configuration's own rule is computed. On accelerators, where a call costs more than its
    work, it takes blocks.

    Args:
      layers: the layers.
      choices: names that have the same value in all configurations, as positions.
      gradients: of a batch, by every possible weight, if new inputs are chosen by them.
    """

    def columns_resampled(
        state: State, keys: Keys, batch: Batch | None, columns: Int[Array, "*W"]
    ) -> State:
        each: Sequence[Array | None] = [None] * len(layers)
        if gradients is not None and batch is not None:
            each = gradients(state, batch, columns)
        return _resample_columns(layers, choices, state, keys, columns, each)

    def one_by_one(state: State, keys: Keys, due: Due, batch: Batch | None) -> State:
        due_first = jnp.argsort(~due, stable=True)

        def resample(i: Int[Array, ""], state: State) -> State:
            return columns_resampled(state, keys, batch, due_first[i])

        return cast(State, jax.lax.fori_loop(0, due.sum(), resample, state))

    def in_blocks(state: State, keys: Keys, due: Due, batch: Batch | None) -> State:
        due_first, n_due = jnp.argsort(~due, stable=True), due.sum()
        width = min(BLOCK_CONFIGURATIONS, due.size)

        def resample_block(i: Int[Array, ""], state: State) -> State:
            # Positions after the last one that is due repeat it: the same values are written twice.
            position = jnp.minimum(i * width + jnp.arange(width), n_due - 1)
            return columns_resampled(state, keys, batch, due_first[position])

        return cast(State, jax.lax.fori_loop(0, -(-n_due // width), resample_block, state))

    def resample_layers(state: State, keys: Keys, due: Due, batch: Batch | None) -> State:
        # Chosen while tracing: `jax.lax.platform_dependent` would trace both.
        on_cpu = jax.default_backend() == "cpu"
        return (one_by_one if on_cpu else in_blocks)(state, keys, due, batch)

    return resample_layers


def _resample_columns(
    layers: Layers,
    choices: Mapping[str, int],
    state: State,
    keys: Keys,
    columns: Int[Array, "*W"],
    gradients: Sequence[Float[Array, "S *W N D F"] | None],
) -> State:
    """The state after every layer of one configuration, or of several, was resampled."""
    columns = columns.astype(jnp.uint32)  # that they are not negative saves three operations each

    def taken(x: Int[Array, " C"] | Float[Array, " C"]) -> Array:
        return x[columns]

    hyperparameters = jax.tree.map(taken, state.hyperparameters)
    progress = state.step / hyperparameters.n_steps
    share = share_at(
        progress,
        hyperparameters.percentage_resample,
        hyperparameters.resampling_schedule,
        hyperparameters.resampling_end,
    )
    hyperparameters = replace(hyperparameters, percentage_resample=share)  # at this step
    n_resampled = _n_resampled(hyperparameters, state.step) - 1
    sharpness = sharpness_at(progress)
    trees: list[Any] = [state.params, state.other, state.adam.mu, state.adam.nu]
    average = state.average
    for position, ((path, layer), gradient) in enumerate(zip(layers, gradients, strict=True)):
        weight, indices = (*path, "weight"), (*path, "indices")
        paths = (weight, indices, weight, weight)
        sizes = None if layer.sizes is None else leaf(state.other, (*path, "sizes"))[:, columns]
        old = [leaf(tree, at)[:, columns] for tree, at in zip(trees, paths, strict=True)]
        one_seed = functools.partial(_resample_trial, layer, choices)
        if columns.ndim:
            one_seed = jax.vmap(one_seed, in_axes=(None, 0, 0, 0, 0, 0, 0))
        over_seeds = jax.vmap(one_seed, in_axes=(0, None, None, None, 0, 0, 0))
        layer_keys = jax.vmap(jax.random.fold_in, in_axes=(0, None))(keys, position)
        new = over_seeds(layer_keys, hyperparameters, n_resampled, sharpness, old, sizes, gradient)
        if average:  # that of a new synapse begins anew; it reads another input than before
            before = leaf(average, weight)
            kept = jnp.where(new[1] == old[1], before[:, columns], new[0])
            average = changed(average, weight, before.at[:, columns].set(kept))
        trees = [
            changed(tree, at, leaf(tree, at).at[:, columns].set(values))
            for tree, at, values in zip(trees, paths, new, strict=True)
        ]
    params, other, mu, nu = trees
    adam = state.adam._replace(mu=mu, nu=nu)
    return replace(state, params=params, other=other, adam=adam, average=average)


def _resample_trial(
    layer: DendriticLayer,
    choices: Mapping[str, int],
    key: Key[Array, ""],
    hyperparameters: TracedHyperparameters,
    n_resampled: Int[Array, ""],
    sharpness: Float[Array, ""],
    synapses: Synapses,
    sizes: Int[Array, "4"] | None,
    gradient: Float[Array, "N D F"] | None,
) -> Synapses:
    """Resamples one layer of one trial; the moments of a new synapse are zero, or kept."""
    weight, indices, mu, nu = synapses
    true = (*weight.shape, layer.in_features) if sizes is None else sizes
    weight, indices, replaced = resample(
        key,
        weight,
        indices,
        in_features=layer.in_features,
        percentage=hyperparameters.percentage_resample,
        rule=choices.get("resampling_rule", hyperparameters.resampling_rule),
        proposals=choices.get("resampling_inputs", hyperparameters.resampling_inputs),
        n_resampled=n_resampled,
        new_weights=hyperparameters.resampling_weights,
        weight_std=dendrite_std(hyperparameters.initialization, true[3], true[2]),
        field_std=hyperparameters.resampling_std,
        image_shape=layer.image_shape,
        sizes=None if sizes is None else sizes[:3],
        true_features=true[3],
        sharpness=sharpness,
        locality=hyperparameters.resampling_locality,
        gradient=gradient,
    )
    reset = replaced & (hyperparameters.resampling_moments == NEW_MOMENTS.index("zero"))
    return weight, indices, jnp.where(reset, 0.0, mu), jnp.where(reset, 0.0, nu)
