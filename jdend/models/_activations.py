# pyright: reportUnknownMemberType=false
"""What dendrites, somata and the layers of a stack do to their sums."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import jax
from jaxtyping import Array, Float

from jdend._messages import did_you_mean

__all__ = ["ACTIVATIONS", "NEGATIVE_SLOPE", "Activation", "activation_of"]

NEGATIVE_SLOPE = 0.1

Activation = Callable[[Float[Array, "*shape"]], Float[Array, "*shape"]]


def _leaky_relu(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    return jax.nn.leaky_relu(x, NEGATIVE_SLOPE)


def _linear(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    return x


ACTIVATIONS: Mapping[str, Activation] = {
    "leaky_relu": _leaky_relu,
    "relu": jax.nn.relu,
    "sigmoid": jax.nn.sigmoid,
    "tanh": jax.nn.tanh,
    "linear": _linear,
    "gelu": jax.nn.gelu,
    "silu": jax.nn.silu,
    "softplus": jax.nn.softplus,
}
# Those that are a LeakyReLU, which kernels compute, by its slope below zero.
SLOPES: Mapping[str, float] = {"relu": 0.0, "linear": 1.0}


@dataclass(frozen=True)
class Chosen:
    """An activation, by its name or as a function that has none."""

    name: str | None
    function: Activation

    def slope(self, of_leaky: float) -> float | None:
        """The slope below zero, if it is a LeakyReLU; that of `leaky_relu` is the layer's."""
        if self.name == "leaky_relu":
            return of_leaky
        return None if self.name is None else SLOPES.get(self.name)

    def applied(self, sums: Float[Array, "*shape"], of_leaky: float) -> Float[Array, "*shape"]:
        slope = self.slope(of_leaky)
        return self.function(sums) if slope is None else jax.nn.leaky_relu(sums, slope)


def activation_of(given: str | Activation, what: str) -> Chosen:
    """The activation of a name, or the function.

    Raises:
      ValueError: for a name that there is not, or what is no function; it names `what`.
    """
    if isinstance(given, str) and given in ACTIVATIONS:
        return Chosen(given, ACTIVATIONS[given])
    if isinstance(given, str) or not callable(given):
        meant = did_you_mean(given, ACTIVATIONS)
        raise ValueError(f"unknown {what} {given!r}{meant}")
    return Chosen(None, given)
