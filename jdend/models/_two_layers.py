# pyright: reportUnknownMemberType=false
"""A network of two dendritic layers, both of them sparse."""

from collections.abc import Mapping

import jax.numpy as jnp
from flax import nnx
from jax.core import min_dim
from jaxtyping import Array, Float, Int

from jdend.connectivity import ImageShape
from jdend.models._activations import NEGATIVE_SLOPE
from jdend.models._initialization import Linear
from jdend.models._layer import DendriticLayer, check_size

__all__ = ["DendriticTwoLayers"]

Sizes = Mapping[str, Int[Array, ""]]


class DendriticTwoLayers(nnx.Module):
    """Dendritic layer → dendritic layer, whose dendrites read a few of the first one's neurons →
    linear to the classes.

    Both layers have somata, and synapses that are resampled. Those of the second layer are drawn at
    random: neurons have no places as pixels have.

    Args:
      in_features: `F`.
      n_classes: the number of logits.
      n_neurons, n_dendrites, n_dendrite_inputs: `N`, `D` and `K` of the first layer.
      second_n_neurons, second_n_dendrites, second_n_dendrite_inputs: those of the second layer; its
        dendrites read all of the first one's neurons if there are fewer.
      connectivity, field_std, image_shape: of the first layer, see `DendriticLayer`.
      initialization, dendrite_slope, kernel: of both layers, see `DendriticLayer`.
      sizes: the true sizes by field name, if the other arguments are a capacity.
      rngs: keys are taken from its streams `params` and `connectivity`.
    """

    def __init__(
        self,
        in_features: int,
        n_classes: int,
        *,
        n_neurons: int = 60,
        n_dendrites: int = 2,
        n_dendrite_inputs: int = 24,
        second_n_neurons: int = 20,
        second_n_dendrites: int = 2,
        second_n_dendrite_inputs: int = 12,
        connectivity: str | Int[Array, ""] = "random",
        field_std: float | Float[Array, ""] | None = None,
        image_shape: ImageShape | None = None,
        initialization: str | Int[Array, ""] = "reference",
        dendrite_slope: float = NEGATIVE_SLOPE,
        kernel: str = "auto",
        sizes: Sizes | None = None,
        rngs: nnx.Rngs,
    ):
        check_size("second_n_dendrite_inputs", second_n_dendrite_inputs)
        self.dendritic = DendriticLayer(
            in_features,
            n_neurons,
            n_dendrites,
            n_dendrite_inputs,
            connectivity=connectivity,
            field_std=field_std,
            image_shape=image_shape,
            initialization=initialization,
            dendrite_slope=dendrite_slope,
            kernel=kernel,
            sizes=None if sizes is None else _first_sizes(sizes),
            rngs=rngs,
        )
        self.second = DendriticLayer(
            n_neurons,
            second_n_neurons,
            second_n_dendrites,
            min_dim(second_n_dendrite_inputs, n_neurons),
            initialization=initialization,
            dendrite_slope=dendrite_slope,
            kernel=kernel,
            sizes=None if sizes is None else _second_sizes(sizes),
            rngs=rngs,
        )
        self.classifier = Linear(
            second_n_neurons,
            n_classes,
            true_in=None if sizes is None else sizes["second_n_neurons"],
            kernel=kernel,
            rngs=rngs,
        )

    def __call__(self, x: Float[Array, "*B F"]) -> Float[Array, "*B classes"]:
        return self.classifier(self.second(self.dendritic(x)))


def _first_sizes(sizes: Sizes) -> Int[Array, "3"]:
    return jnp.stack([sizes["n_neurons"], sizes["n_dendrites"], sizes["n_dendrite_inputs"]])


def _second_sizes(sizes: Sizes) -> Int[Array, "4"]:
    """The true `(N, D, K, F)` of the second layer, whose features are the first one's neurons."""
    n_features = jnp.asarray(sizes["n_neurons"], jnp.int32)
    n_inputs = jnp.minimum(sizes["second_n_dendrite_inputs"], n_features)
    n_neurons, n_dendrites = sizes["second_n_neurons"], sizes["second_n_dendrites"]
    return jnp.stack([n_neurons, n_dendrites, n_inputs, n_features])
