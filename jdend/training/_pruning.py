# pyright: reportUnknownMemberType=false
"""Pruning in a population: dendrites of the trials that are due lose their weakest synapses.

Shape letters: `S` seeds, `C` configurations, `N` neurons, `D` dendrites, `K` synapses a dendrite.

A layer's arrays have room for the synapses that it begins with. Its true sizes say how many there
are; what was removed is zero, and neither computed nor trained, like padding.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import cast

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Int

from jdend.models import DendriticLayer
from jdend.pruning import initial_inputs, inputs_left, strongest_first
from jdend.training._bucket import Bucket, Network, Path, network
from jdend.training._state import State, Tree, changed, leaf
from jdend.training._traced_hyperparameters import TracedHyperparameters

__all__ = ["compacted", "initial_sizes", "next_pruning", "pruner"]

Layers = tuple[tuple[Path, DendriticLayer], ...]
INPUTS, FEATURES = 2, 3  # positions in a layer's true sizes


def initial_sizes(
    bucket: Bucket, hyperparameters: TracedHyperparameters
) -> dict[str, Int[Array, ""]] | None:
    """The true sizes of one trial's network as its training begins; None if it needs none."""
    sizes = hyperparameters.sizes
    if sizes is None or bucket.structure.extra("initial_density") is None:
        return sizes
    n_features = jnp.int32(bucket.structure.problem.in_features)
    begun = initial_inputs(sizes["n_dendrite_inputs"], hyperparameters.initial_density, n_features)
    return {**sizes, "n_dendrite_inputs": begun}


def next_pruning(state: State) -> Int[Array, ""]:
    """The first step after this one at which a trial prunes; the largest int32 if none does."""
    every, last = state.hyperparameters.steps_to_prune, _last_pruning(state.hyperparameters)
    following = jnp.minimum((state.step // jnp.maximum(every, 1) + 1) * every, last)
    goes_on = (every > 0) & (state.step < last)
    return jnp.min(jnp.where(goes_on, following, jnp.iinfo(jnp.int32).max))


def pruner(layers: Layers) -> Callable[[State], State]:
    """Makes a function `state → state` that prunes these layers where that is due."""

    def unchanged(state: State, due: Bool[Array, " C"]) -> State:
        return state

    def prune_layers(state: State, due: Bool[Array, " C"]) -> State:
        for path, _ in layers:
            state = _prune_layer(path, state, due)
        return state

    def prune(state: State) -> State:
        due = _is_due(state)
        return cast(State, jax.lax.cond(due.any(), prune_layers, unchanged, state, due))

    return prune


def compacted(
    bucket: Bucket, params: Tree, other: Tree, trace: Callable[[Bucket], Network] = network
) -> tuple[Bucket, Tree, Tree]:
    """One trial's arrays without room for what is not there, and a bucket that has this shape.

    Args:
      bucket: an exact bucket; without pruning nothing changes.
      params, other: the arrays of a trial of it.
      trace: makes a bucket's network.
    """
    if bucket.structure.extra("initial_density") is None:
        return bucket, params, other
    net = trace(bucket)
    left = [int(leaf(other, (*path, "sizes"))[INPUTS]) for path, _ in net.pruned]
    sizes = bucket.structure.sizes
    structure = bucket.structure.with_sizes(
        {**sizes, "n_dendrite_inputs": max([*left, sizes["n_dendrite_inputs"]])}
    )
    extras = tuple(extra for extra in structure.extras if extra[0] != "initial_density")
    compact = replace(bucket, structure=replace(structure, extras=extras))
    for (path, _), (_, layer) in zip(net.layers, trace(compact).layers, strict=True):
        n_inputs = layer.weight.shape[-1]
        weight = leaf(params, (*path, "weight"))[..., :n_inputs]
        variables = {k: v for k, v in leaf(other, path).items() if k != "sizes"}
        variables["indices"] = variables["indices"][..., :n_inputs]
        params = changed(params, (*path, "weight"), weight)
        other = changed(other, path, variables)
    return compact, params, other


def _is_due(state: State) -> Bool[Array, " C"]:
    """Which configurations prune after the step just done."""
    every, last = state.hyperparameters.steps_to_prune, _last_pruning(state.hyperparameters)
    periodic = (state.step % jnp.maximum(every, 1) == 0) & (state.step < last)
    return (every > 0) & (periodic | (state.step == last))


def _last_pruning(hyperparameters: TracedHyperparameters) -> Int[Array, " C"]:
    """The step after which a configuration has as many synapses as it keeps."""
    last = jnp.floor(hyperparameters.pruning_end * hyperparameters.n_steps).astype(jnp.int32)
    return jnp.maximum(last, 1)


def _prune_layer(path: Path, state: State, due: Bool[Array, " C"]) -> State:
    """The state after one layer of the configurations that are due was pruned."""
    weight, indices, sizes = ((*path, name) for name in ("weight", "indices", "sizes"))
    hyperparameters, true = state.hyperparameters, leaf(state.other, sizes)
    assert hyperparameters.sizes is not None  # see `trace_hyperparameters`
    n_features, before = true[..., FEATURES], true[..., INPUTS]
    final = jnp.minimum(hyperparameters.sizes["n_dendrite_inputs"], n_features)
    after = inputs_left(
        state.step / _last_pruning(hyperparameters),
        initial_inputs(final, hyperparameters.initial_density, n_features),
        final,
        jnp.float32(1.0),
    )
    after = jnp.where(due, jnp.minimum(after, before), before)
    old = [
        leaf(state.params, weight),
        leaf(state.other, indices),
        leaf(state.adam.mu, weight),
        leaf(state.adam.nu, weight),
    ]
    if state.average:
        old.append(leaf(state.average, weight))
    over_configurations = jax.vmap(jax.vmap(strongest_first))
    first, others = over_configurations(old[0], old[1:], before, after)

    def where_due(new: Array, old: Array) -> Array:
        return jnp.where(due[:, None, None, None], new, old)

    new = [where_due(*pair) for pair in zip([first, *others], old, strict=True)]
    moments = state.adam._replace(
        mu=changed(state.adam.mu, weight, new[2]), nu=changed(state.adam.nu, weight, new[3])
    )
    other = changed(state.other, indices, new[1])
    average = changed(state.average, weight, new[4]) if state.average else {}
    return replace(
        state,
        params=changed(state.params, weight, new[0]),
        other=changed(other, sizes, true.at[..., INPUTS].set(after)),
        adam=moments,
        average=average,
    )
