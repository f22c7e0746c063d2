# pyright: reportUnknownMemberType=false
"""A network of any layers, one after another."""

from collections.abc import Sequence
from typing import Any

from flax import nnx
from jaxtyping import Array, Float

from jdend._messages import did_you_mean
from jdend.models._activations import ACTIVATIONS
from jdend.models._initialization import Linear
from jdend.models._layer import DendriticLayer

__all__ = ["Stack"]


class Stack(nnx.Module):
    """Layers, one after another → linear to the classes.

    Example usage::

      >>> from flax import nnx
      >>> from jdend.models import Stack
      >>> import jax.numpy as jnp

      >>> layers = [(16, 4, 12), 20, (12, 2, 8)]
      >>> model = Stack(784, 10, layers=layers, activation="tanh", rngs=nnx.Rngs(0))
      >>> model(jnp.ones((32, 784))).shape
      (32, 10)

    Args:
      in_features: `F`.
      n_classes: the number of logits.
      layers: one or more of: `(n_neurons, n_dendrites, n_dendrite_inputs)`, a dendritic layer with
        somata; `(n_dendrites, n_dendrite_inputs)`, one without; a number, the width of a linear
        layer, which the activation follows. A dendritic layer has activations of its own.
      activation: a name of `ACTIVATIONS`: `leaky_relu` (of slope 0.1), `relu`, `sigmoid`, `tanh`, …
      leaky_before_classifier: whether one more LeakyReLU comes before the last layer.
      use_bias: whether layers have biases.
      rngs: the streams `params` and `connectivity`.
      options: further arguments of the dendritic layers, such as `initialization`; those of images
        (`connectivity`, `field_std`, `image_shape`) are for the first layer alone.

    Raises:
      ValueError: if the activation is unknown, or a layer cannot be made.
    """

    def __init__(
        self,
        in_features: int,
        n_classes: int,
        *,
        layers: Sequence[int | Sequence[int]],
        activation: str = "leaky_relu",
        leaky_before_classifier: bool = False,
        use_bias: bool = True,
        rngs: nnx.Rngs,
        **options: Any,
    ):
        if activation not in ACTIVATIONS:
            meant = did_you_mean(activation, ACTIVATIONS)
            raise ValueError(f"unknown activation {activation!r}{meant}")
        if not layers:
            raise ValueError("layers needs at least one layer")
        made: list[nnx.Module] = []
        kernel = options.get("kernel", "auto")
        width = in_features
        for layer in layers:
            if isinstance(layer, int):
                made.append(Linear(width, layer, use_bias=use_bias, kernel=kernel, rngs=rngs))
                width = layer
                continue
            if len(layer) not in (2, 3):
                raise ValueError(
                    "a layer is a number, (n_dendrites, n_dendrite_inputs) or "
                    f"(n_neurons, n_dendrites, n_dendrite_inputs), got {tuple(layer)}"
                )
            soma, sizes = len(layer) == 3, layer if len(layer) == 3 else (1, *layer)
            made.append(
                DendriticLayer(width, *sizes, soma=soma, use_bias=use_bias, rngs=rngs, **options)
            )
            width = sizes[0] if soma else sizes[1]
            options = {k: v for k, v in options.items() if k not in OF_IMAGES}
        self.layers = nnx.List(made)
        self.classifier = Linear(width, n_classes, use_bias=use_bias, kernel=kernel, rngs=rngs)
        self.activation = activation
        self.leaky_before_classifier = leaky_before_classifier

    def __call__(self, x: Float[Array, "*B F"]) -> Float[Array, "*B classes"]:
        for layer in self.layers:
            x = layer(x)
            if not isinstance(layer, DendriticLayer):
                x = ACTIVATIONS[self.activation](x)
        return self.classifier(ACTIVATIONS["leaky_relu"](x) if self.leaky_before_classifier else x)


# Arguments of a dendritic layer that only make sense where it reads the image.
OF_IMAGES = ("connectivity", "field_std", "image_shape")
