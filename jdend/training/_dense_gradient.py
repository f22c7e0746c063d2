# pyright: reportUnknownMemberType=false
"""The gradient by every weight that a dendrite could have, of those that resample by it.

Shape letters: `S` seeds, `W` configurations, `N` neurons, `D` dendrites, `F` features.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jdend.training._bucket import Bucket, network
from jdend.training._loss import Batch
from jdend.training._state import State, Tree, changed, leaf
from jdend.training._traced_hyperparameters import TracedHyperparameters

__all__ = ["DenseGradients", "dense_gradients"]

DenseGradients = Callable[[State, Batch, Int[Array, "*W"]], list[Float[Array, "S *W N D F"]]]
Loss = Callable[[Any, Tree, Tree, TracedHyperparameters, Batch], tuple[Float[Array, ""], Any]]


def dense_gradients(bucket: Bucket, loss: Loss) -> DenseGradients:
    """Makes a function `(state, batch, columns) → gradients`, one array for each dendritic layer.

    Each layer is computed as if its dendrites read every input, those that they do not read with a
    weight of zero: the gradient by the weights is then that by all possible ones (Evci et al. 2020,
    "Rigging the lottery").

    Args:
      bucket: the bucket whose networks it is for.
      loss: `(training, params, other, hyperparameters, batch) → (loss, …)` of one trial.
    """
    net = network(replace(bucket, kernel="dense"))

    def of_trial(
        params: Tree, other: Tree, hyperparameters: TracedHyperparameters, batch: Batch
    ) -> list[Array]:
        for path, layer in net.layers:
            weight, indices = leaf(params, (*path, "weight")), leaf(other, (*path, "indices"))
            features = jnp.arange(layer.in_features, dtype=indices.dtype)
            sizes = None if layer.sizes is None else leaf(other, (*path, "sizes"))
            real = jnp.arange(weight.shape[-1]) < (weight.shape[-1] if sizes is None else sizes[2])
            spread = _spread(weight, jnp.where(real, indices, layer.in_features), len(features))
            everything = jnp.broadcast_to(features, spread.shape)
            params = changed(params, (*path, "weight"), spread)
            other = changed(other, (*path, "indices"), everything)
            if sizes is not None:
                other = changed(other, (*path, "sizes"), sizes.at[2].set(sizes[3]))

        def of_params(params: Tree) -> Float[Array, ""]:
            return loss(net.training, params, other, hyperparameters, batch)[0]

        gradient = cast(Tree, jax.grad(of_params)(params))
        return [leaf(gradient, (*path, "weight")) for path, _ in net.layers]

    def of_columns(state: State, batch: Batch, columns: Int[Array, "*W"]) -> list[Array]:
        def of_configurations(x: Any) -> Any:
            return x[columns]

        def of_trials(x: Any) -> Any:
            return x[:, columns]

        hyperparameters = jax.tree.map(of_configurations, state.hyperparameters)
        params, other = jax.tree.map(of_trials, (state.params, state.other))
        one_seed = jax.vmap(of_trial, in_axes=(0, 0, 0, None)) if columns.ndim else of_trial
        return jax.vmap(one_seed, in_axes=(0, 0, None, 0))(
            params, other, hyperparameters, batch._replace(draws=None)
        )

    return of_columns


def _spread(
    weight: Float[Array, "N D K"], indices: Int[Array, "N D K"], n_features: int
) -> Float[Array, "N D F"]:
    """The weights in the places of their inputs; those of no input are left out."""
    n_neurons, n_dendrites, _ = weight.shape
    neuron, dendrite = jnp.ogrid[:n_neurons, :n_dendrites]
    zeros = jnp.zeros((n_neurons, n_dendrites, n_features), weight.dtype)
    return zeros.at[neuron[..., None], dendrite[..., None], indices].add(weight, mode="drop")
