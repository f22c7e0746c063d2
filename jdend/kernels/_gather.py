# pyright: reportUnknownMemberType=false
"""The plain definition: gather every synapse's input, multiply, sum. Slow, and short to check."""

import jax.numpy as jnp
from jax import Array, lax

from jdend.kernels._operands import Operands, Settings, leaky, masked


def gather(operands: Operands, settings: Settings) -> Array:
    """Writes ``[B, N, D, K]`` gathered inputs to memory, then contracts over K."""
    x, weight, bias, indices, soma_weight, soma_bias, _ = masked(operands)
    inputs = jnp.take(x, indices, axis=1, mode="clip")
    pre = jnp.einsum("bndk,ndk->bnd", inputs, weight, precision=lax.Precision.HIGHEST)
    h = leaky(pre + bias, settings.dendrite_slope)
    if soma_weight is None or soma_bias is None:
        return h
    z = jnp.einsum("bnd,nd->bn", h, soma_weight, precision=lax.Precision.HIGHEST)
    return leaky(z + soma_bias, settings.soma_slope)
