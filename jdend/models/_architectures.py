# pyright: reportUnknownMemberType=false
"""Networks made of dendritic layers.

Every network maps `[B, F]` features to `[B, n_classes]` logits. In a padded network the other
arguments are the capacity, and `sizes` has the true sizes by field name; see `DendriticLayer`.
"""

from collections.abc import Mapping

import jax.numpy as jnp
from flax import nnx
from jax.core import min_dim
from jaxtyping import Array, Float, Int

from jdend.connectivity import ImageShape
from jdend.models._activations import NEGATIVE_SLOPE
from jdend.models._initialization import Linear
from jdend.models._layer import DendriticLayer, check_size

__all__ = [
    "ClassSomata",
    "DendriticSimple",
    "DendriticWithHidden",
    "SomaDisabled",
    "SparseSomata",
]

Sizes = Mapping[str, Int[Array, ""]]


class DendriticSimple(nnx.Module):
    """Dendritic layer → linear to the classes.

    Args:
      in_features: `F`.
      n_classes: the number of logits.
      n_neurons, n_dendrites, n_dendrite_inputs: `N`, `D` and `K` of the dendritic layer.
      soma_enabled: whether there are somata. Without them the linear layer reads the `D` dendrites,
        and `n_neurons` is ignored.
      connectivity, field_std, image_shape, initialization, dendrite_slope, kernel: see
        `DendriticLayer`.
      sizes: the true sizes by field name, if the other arguments are a capacity.
      rngs: keys are taken from its streams `params` and `connectivity`.
    """

    def __init__(
        self,
        in_features: int,
        n_classes: int,
        *,
        n_neurons: int = 12,
        n_dendrites: int = 6,
        n_dendrite_inputs: int = 96,
        soma_enabled: bool = True,
        connectivity: str | Int[Array, ""] = "random",
        field_std: float | Float[Array, ""] | None = None,
        image_shape: ImageShape | None = None,
        initialization: str | Int[Array, ""] = "reference",
        dendrite_slope: float = NEGATIVE_SLOPE,
        kernel: str = "auto",
        sizes: Sizes | None = None,
        rngs: nnx.Rngs,
    ):
        self.dendritic = DendriticLayer(
            in_features,
            n_neurons if soma_enabled else 1,
            n_dendrites,
            n_dendrite_inputs,
            soma=soma_enabled,
            connectivity=connectivity,
            field_std=field_std,
            image_shape=image_shape,
            initialization=initialization,
            dendrite_slope=dendrite_slope,
            kernel=kernel,
            sizes=_layer_sizes(sizes, soma_enabled),
            rngs=rngs,
        )
        self.classifier = Linear(
            self.dendritic.out_features,
            n_classes,
            true_in=_true(sizes, "n_neurons" if soma_enabled else "n_dendrites"),
            kernel=kernel,
            rngs=rngs,
        )

    def __call__(self, x: Float[Array, "B F"]) -> Float[Array, "B classes"]:
        return self.classifier(self.dendritic(x))


class SomaDisabled(nnx.Module):
    """Dendritic layer without somata → linear to `n_neurons` → leaky → linear to the classes.

    Args: as `DendriticSimple`; `n_neurons` is the width of the hidden layer.
    """

    def __init__(
        self,
        in_features: int,
        n_classes: int,
        *,
        n_neurons: int = 12,
        n_dendrites: int = 24,
        n_dendrite_inputs: int = 96,
        connectivity: str | Int[Array, ""] = "random",
        field_std: float | Float[Array, ""] | None = None,
        image_shape: ImageShape | None = None,
        initialization: str | Int[Array, ""] = "reference",
        dendrite_slope: float = NEGATIVE_SLOPE,
        kernel: str = "auto",
        sizes: Sizes | None = None,
        rngs: nnx.Rngs,
    ):
        self.dendritic = DendriticLayer(
            in_features,
            1,
            n_dendrites,
            n_dendrite_inputs,
            soma=False,
            connectivity=connectivity,
            field_std=field_std,
            image_shape=image_shape,
            initialization=initialization,
            dendrite_slope=dendrite_slope,
            kernel=kernel,
            sizes=_layer_sizes(sizes, soma=False),
            rngs=rngs,
        )
        self.hidden = Linear(
            n_dendrites,
            n_neurons,
            true_in=_true(sizes, "n_dendrites"),
            true_out=_true(sizes, "n_neurons"),
            kernel=kernel,
            rngs=rngs,
        )
        self.classifier = Linear(
            n_neurons, n_classes, true_in=_true(sizes, "n_neurons"), kernel=kernel, rngs=rngs
        )

    def __call__(self, x: Float[Array, "B F"]) -> Float[Array, "B classes"]:
        return self.classifier(_leaky(self.hidden(self.dendritic(x))))


class SparseSomata(nnx.Module):
    """Dendritic layer without somata → somata that each read a few of the dendrites → linear to the
    classes.

    This is `SomaDisabled` with a sparse hidden layer: each of the `n_neurons` somata reads
    `n_soma_inputs` different dendrites, drawn at random from the `n_dendrites` that all somata
    share. The somata's synapses are resampled like those of dendrites.

    Args:
      n_soma_inputs: how many dendrites a soma reads; all of them if there are fewer.
      n_neurons, n_dendrites, …: as `SomaDisabled`.
    """

    def __init__(
        self,
        in_features: int,
        n_classes: int,
        *,
        n_neurons: int = 24,
        n_dendrites: int = 150,
        n_dendrite_inputs: int = 24,
        n_soma_inputs: int = 50,
        connectivity: str | Int[Array, ""] = "random",
        field_std: float | Float[Array, ""] | None = None,
        image_shape: ImageShape | None = None,
        initialization: str | Int[Array, ""] = "reference",
        dendrite_slope: float = NEGATIVE_SLOPE,
        kernel: str = "auto",
        sizes: Sizes | None = None,
        rngs: nnx.Rngs,
    ):
        self.dendritic = DendriticLayer(
            in_features,
            1,
            n_dendrites,
            n_dendrite_inputs,
            soma=False,
            connectivity=connectivity,
            field_std=field_std,
            image_shape=image_shape,
            initialization=initialization,
            dendrite_slope=dendrite_slope,
            kernel=kernel,
            sizes=_layer_sizes(sizes, soma=False),
            rngs=rngs,
        )
        # A soma without dendrites of its own computes what a dendrite computes.
        self.somata = DendriticLayer(
            n_dendrites,
            1,
            n_neurons,
            min_dim(n_soma_inputs, n_dendrites),
            soma=False,
            initialization=initialization,
            kernel=kernel,
            sizes=_soma_sizes(sizes),
            rngs=rngs,
        )
        self.classifier = Linear(
            n_neurons, n_classes, true_in=_true(sizes, "n_neurons"), kernel=kernel, rngs=rngs
        )

    def __call__(self, x: Float[Array, "B F"]) -> Float[Array, "B classes"]:
        return self.classifier(self.somata(self.dendritic(x)))


class DendriticWithHidden(nnx.Module):
    """Dendritic layer → leaky → linear to `hidden_dim` → leaky → linear to the classes.

    The dendritic layer itself ends in a leaky, so there are two in a row, as in the reference.

    Args: as `DendriticSimple`; `hidden_dim` is by default `n_neurons`. Without somata the hidden
    layer reads the `D` dendrites.
    """

    def __init__(
        self,
        in_features: int,
        n_classes: int,
        *,
        n_neurons: int = 12,
        n_dendrites: int = 6,
        n_dendrite_inputs: int = 96,
        hidden_dim: int | None = None,
        soma_enabled: bool = True,
        connectivity: str | Int[Array, ""] = "random",
        field_std: float | Float[Array, ""] | None = None,
        image_shape: ImageShape | None = None,
        initialization: str | Int[Array, ""] = "reference",
        dendrite_slope: float = NEGATIVE_SLOPE,
        kernel: str = "auto",
        sizes: Sizes | None = None,
        rngs: nnx.Rngs,
    ):
        hidden_dim = n_neurons if hidden_dim is None else hidden_dim
        check_size("hidden_dim", hidden_dim)
        self.dendritic = DendriticLayer(
            in_features,
            n_neurons if soma_enabled else 1,
            n_dendrites,
            n_dendrite_inputs,
            soma=soma_enabled,
            connectivity=connectivity,
            field_std=field_std,
            image_shape=image_shape,
            initialization=initialization,
            dendrite_slope=dendrite_slope,
            kernel=kernel,
            sizes=_layer_sizes(sizes, soma_enabled),
            rngs=rngs,
        )
        self.hidden = Linear(
            self.dendritic.out_features,
            hidden_dim,
            true_in=_true(sizes, "n_neurons" if soma_enabled else "n_dendrites"),
            true_out=_true(sizes, "hidden_dim"),
            kernel=kernel,
            rngs=rngs,
        )
        self.classifier = Linear(
            hidden_dim, n_classes, true_in=_true(sizes, "hidden_dim"), kernel=kernel, rngs=rngs
        )

    def __call__(self, x: Float[Array, "B F"]) -> Float[Array, "B classes"]:
        return self.classifier(_leaky(self.hidden(_leaky(self.dendritic(x)))))


class ClassSomata(nnx.Module):
    """Dendritic layer with a neuron for each class, whose soma is that class's logit.

    The smallest of these networks: no linear layer follows. Somata add up their dendrites without a
    LeakyReLU of their own.

    Arguments as those of `DendriticSimple`.
    """

    def __init__(
        self,
        in_features: int,
        n_classes: int,
        *,
        n_dendrites: int = 6,
        n_dendrite_inputs: int = 24,
        connectivity: str | Int[Array, ""] = "random",
        field_std: float | Float[Array, ""] | None = None,
        image_shape: ImageShape | None = None,
        initialization: str | Int[Array, ""] = "reference",
        dendrite_slope: float = NEGATIVE_SLOPE,
        kernel: str = "auto",
        sizes: Sizes | None = None,
        rngs: nnx.Rngs,
    ):
        of_neuron = None
        if sizes is not None:
            of_neuron = _layer_sizes({**sizes, "n_neurons": jnp.int32(n_classes)}, soma=True)
        self.dendritic = DendriticLayer(
            in_features,
            n_classes,
            n_dendrites,
            n_dendrite_inputs,
            connectivity=connectivity,
            field_std=field_std,
            image_shape=image_shape,
            initialization=initialization,
            dendrite_slope=dendrite_slope,
            soma_slope=1.0,
            kernel=kernel,
            sizes=of_neuron,
            rngs=rngs,
        )

    def __call__(self, x: Float[Array, "B F"]) -> Float[Array, "B classes"]:
        return self.dendritic(x)


def _leaky(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    return nnx.leaky_relu(x, NEGATIVE_SLOPE)


def _true(sizes: Sizes | None, field: str):
    return None if sizes is None else sizes[field]


def _layer_sizes(sizes: Sizes | None, soma: bool) -> Int[Array, "3"] | None:
    if sizes is None:
        return None
    n_neurons = sizes["n_neurons"] if soma else 1
    return jnp.stack([n_neurons, sizes["n_dendrites"], sizes["n_dendrite_inputs"]])


def _soma_sizes(sizes: Sizes | None) -> Int[Array, "4"] | None:
    """The true sizes of a layer of somata, which is computed as one group of dendrites."""
    if sizes is None:
        return None
    n_dendrites = jnp.asarray(sizes["n_dendrites"], jnp.int32)
    n_inputs = jnp.minimum(sizes["n_soma_inputs"], n_dendrites)
    return jnp.stack([jnp.int32(1), sizes["n_neurons"], n_inputs, n_dendrites])
