# pyright: reportUnknownMemberType=false
"""Makes a kernel's separate passes one differentiable operation."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple, cast

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, UInt32

from jdend.kernels._operands import Gradients, Operands

Apply = Callable[[Operands, float], Array]
# What the backward pass needs of the forward pass: operands, the prepared batch, signs.
Residuals = tuple[Operands, Array, UInt32[Array, "tiles R"]]


class Passes(NamedTuple):
    """A kernel written pass by pass; all take ``negative_slope`` last.

    Attributes:
      prepare: ``x -> prepared``, work on the batch alone. A vmap over configurations does not
        touch it, so it is done once a seed.
      forward: ``(operands, prepared, slope) -> (out, signs)``; the signs as of ``pack_signs``, with
        rows for all dendrites, then for the somas if there are any.
      parameter_gradients: ``(operands, prepared, signs, g, slope) -> Gradients``.
      input_gradient: ``(operands, prepared, signs, g, slope)`` -> the gradient of x, a computation
        of its own so that the compiler can drop it where it is not used.
    """

    prepare: Callable[[Array], Array]
    forward: Callable[[Operands, Array, float], tuple[Array, UInt32[Array, "tiles R"]]]
    parameter_gradients: Callable[[Operands, Array, Array, Array, float], Gradients]
    input_gradient: Callable[[Operands, Array, Array, Array, float], Float[Array, "B F"]]


def differentiable(passes: Passes) -> Apply:
    """The forward pass with the other passes as its derivative."""

    @partial(jax.custom_vjp, nondiff_argnums=(1,))
    def layer(operands: Operands, negative_slope: float) -> Array:
        return forward(operands, negative_slope)[0]

    def forward(operands: Operands, negative_slope: float) -> tuple[Array, Residuals]:
        # A constant of a program is no array to JAX yet, but a literal.
        prepared = passes.prepare(jnp.asarray(operands.x))
        out, signs = passes.forward(operands, prepared, negative_slope)
        return out, (operands, prepared, signs)

    def backward(negative_slope: float, residuals: Residuals, g: Array) -> tuple[Operands]:
        operands, prepared, signs = residuals
        gradients = passes.parameter_gradients(operands, prepared, signs, g, negative_slope)
        x = passes.input_gradient(operands, prepared, signs, g, negative_slope)
        weight, bias, soma_weight, soma_bias = gradients
        return (Operands._make((x, weight, bias, None, soma_weight, soma_bias, None)),)

    layer.defvjp(forward, backward)

    return cast(Apply, layer)
