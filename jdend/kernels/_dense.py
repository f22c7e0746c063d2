"""Weights scattered into a dense matrix, then one matmul for all configurations of a seed."""

import jax.numpy as jnp
from jax import Array, lax

from jdend.kernels._operands import Operands, leaky, masked


def dense(operands: Operands, *, negative_slope: float) -> Array:
    """Scatters the weights to ``[F, N D]`` once a step and multiplies the batch by them.

    Under ``vmap`` over configurations the batch stays unbatched, so the configurations become
    columns of one matmul.
    """
    x, weight, bias, indices, soma_weight, soma_bias, _ = masked(operands)
    n, d, k = weight.shape
    unit = jnp.arange(n * d)[:, None]
    matrix = jnp.zeros((x.shape[-1], n * d), weight.dtype)
    matrix = matrix.at[indices.reshape(n * d, k), unit].add(weight.reshape(n * d, k))
    pre = jnp.matmul(x, matrix, precision=lax.Precision.HIGHEST).reshape(-1, n, d)
    h = leaky(pre + bias, negative_slope)
    if soma_weight is None:
        return h
    z = jnp.einsum("bnd,nd->bn", h, soma_weight, precision=lax.Precision.HIGHEST)
    return leaky(z + soma_bias, negative_slope)
