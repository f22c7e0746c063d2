"""What a dendritic layer is computed from, and the masking that every pure JAX kernel shares."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float, Int


class Operands(NamedTuple):
    """The arrays of one dendritic layer; shape letters as in :func:`jdend.kernels.dendritic_layer`."""

    x: Float[Array, "B F"]
    weight: Float[Array, "N D K"]
    bias: Float[Array, "N D"]
    indices: Int[Array, "N D K"]
    soma_weight: Float[Array, "N D"] | None = None
    soma_bias: Float[Array, " N"] | None = None
    sizes: Int[Array, "3"] | None = None


def leaky(pre: Array, negative_slope: float) -> Array:
    """LeakyReLU whose derivative at 0 is 1, as in ``jax.nn.leaky_relu``."""
    return jnp.where(pre >= 0, pre, negative_slope * pre)


def masked(operands: Operands) -> Operands:
    """Zeros whatever lies beyond the true sizes; makes the other out-of-range synapses NaN.

    Both go through ``where``, so the gradient of what is replaced is exactly 0. The indices that
    come back are all inside ``[0, F)``.
    """
    x, weight, bias, indices, soma_weight, soma_bias, sizes = operands
    inside = (indices >= 0) & (indices < x.shape[-1])
    if sizes is None:
        weight = jnp.where(inside, weight, jnp.nan)
    else:
        neuron, dendrite, synapse = (jnp.arange(m) < sizes[i] for i, m in enumerate(weight.shape))
        unit = neuron[:, None] & dendrite
        real = unit[:, :, None] & synapse
        weight = jnp.where(real, jnp.where(inside, weight, jnp.nan), 0)
        bias = jnp.where(unit, bias, 0)
        if soma_weight is not None and soma_bias is not None:
            soma_weight = jnp.where(unit, soma_weight, 0)
            soma_bias = jnp.where(neuron, soma_bias, 0)
    return Operands(x, weight, bias, jnp.where(inside, indices, 0), soma_weight, soma_bias)
