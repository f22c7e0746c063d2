# pyright: reportUnknownMemberType=false
"""Weights spread into a dense matrix, then one matmul for all configurations of a seed.

The matrix is ``[U, F]``, U = N D dendrites: under a ``vmap`` over C configurations that shares the
batch, ``[C, U, F] x [B, F]`` is one matmul of ``C U`` rows without a transposition before or after,
and so is its backward ``[C, U, B] x [B, F]``.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple, cast

import jax.numpy as jnp
from jax import lax
from jax.typing import DTypeLike
from jaxtyping import Array, Float, Int, UInt32

from jdend.kernels._differentiable import Differentiable, Passes
from jdend.kernels._operands import (
    Gradients,
    Operands,
    Settings,
    leaky,
    masked,
    masks,
    pack_signs,
    unpack_signs,
)
from jdend.kernels._precision import BFLOAT16, algorithm

Weights = Float[Array, "U K"]
Indices = Int[Array, "U K"]
Matrix = Float[Array, "U F"]


class Formulation(NamedTuple):
    """How synapses become a matrix, ``spread(weight, indices, F)``, and come back, ``collect``."""

    spread: Callable[[Weights, Indices, int], Matrix]
    collect: Callable[[Matrix, Indices], Weights]


def _scatter_spread(weight: Weights, indices: Indices, features: int) -> Matrix:
    unit = jnp.arange(weight.shape[0])[:, None]
    matrix = jnp.zeros((weight.shape[0], features), weight.dtype)
    return matrix.at[unit, indices].add(weight, mode="drop")


def _scatter_collect(matrix: Matrix, indices: Indices) -> Weights:
    return jnp.take_along_axis(matrix, indices, axis=1, mode="clip")


def _compare_spread(weight: Weights, indices: Indices, features: int) -> Matrix:
    matches = indices[:, :, None] == jnp.arange(features)
    return jnp.where(matches, weight[:, :, None], 0).sum(1)


def _compare_collect(matrix: Matrix, indices: Indices) -> Weights:
    matches = indices[:, :, None] == jnp.arange(matrix.shape[1])
    return jnp.where(matches, matrix[:, None, :], 0).sum(2)


COMPARE = Formulation(_compare_spread, _compare_collect)
"""No scatter and no gather: K F comparisons a dendrite, which a compiler fuses into one reduction.

A TPU updates a scatter's elements one after another in a loop, of some 600 cycles an element in
https://github.com/openxla/xla/issues/12982, while its vector unit compares thousands a cycle.
"""


def _platform_spread(weight: Weights, indices: Indices, features: int) -> Matrix:
    return cast(
        Array,
        lax.platform_dependent(
            weight,
            indices,
            tpu=partial(_compare_spread, features=features),
            default=partial(_scatter_spread, features=features),
        ),
    )


def _platform_collect(matrix: Matrix, indices: Indices) -> Weights:
    return cast(
        Array,
        lax.platform_dependent(matrix, indices, tpu=_compare_collect, default=_scatter_collect),
    )


BY_PLATFORM = Formulation(_platform_spread, _platform_collect)


def dense_passes(formulation: Formulation, dtype: DTypeLike | None = None) -> Passes:
    """The dense kernel's passes, with matmuls of operands rounded to ``dtype``, or to that of the
    settings. Sums are those of the operands: float32, or float64.
    """

    def prepare(x: Array) -> Array:
        return x

    def matmul(equation: str, a: Array, b: Array, settings: Settings) -> Array:
        precision, rounded = settings.precision, settings.dtype if dtype is None else dtype
        if precision is not None and algorithm(precision) == BFLOAT16:
            precision, rounded = None, jnp.bfloat16
        return jnp.einsum(
            equation,
            a.astype(rounded),
            b.astype(rounded),
            precision=lax.Precision.HIGHEST if precision is None else precision,
            preferred_element_type=a.dtype,
        )

    def matrix(operands: Operands) -> Float[Array, "U F"]:
        weight, features = operands.weight, operands.x.shape[-1]
        flat = (-1, weight.shape[-1])
        return formulation.spread(weight.reshape(flat), operands.indices.reshape(flat), features)

    def forward(
        operands: Operands, prepared: Array, settings: Settings
    ) -> tuple[Array, UInt32[Array, "tiles R"]]:
        operands = masked(operands)
        n, d, _ = operands.weight.shape
        pre = matmul("uf,bf->ub", matrix(operands), prepared, settings) + operands.bias.reshape(
            -1, 1
        )
        if operands.soma_weight is None or operands.soma_bias is None:
            return leaky(pre, settings.dendrite_slope).T.reshape(-1, n, d), pack_signs(pre < 0)
        h = leaky(pre, settings.dendrite_slope).reshape(n, d, -1)
        z = jnp.sum(operands.soma_weight[:, :, None] * h, 1) + operands.soma_bias[:, None]
        signs = pack_signs(jnp.concatenate([pre < 0, z < 0]))
        return leaky(z, settings.soma_slope).T, signs

    def cotangents(
        operands: Operands, signs: Array, g: Array, settings: Settings
    ) -> tuple[Float[Array, "N B"] | None, Float[Array, "U B"]]:
        """Those of the somas' sums [N, B] and, over the soma weights, of the dendrites' [U, B]."""
        n, d, _ = operands.weight.shape
        negative = unpack_signs(signs, g.shape[0])
        of_dendrites = jnp.where(negative[: n * d], settings.dendrite_slope, 1)
        if operands.soma_weight is None:
            return None, g.reshape(-1, n * d).T * of_dendrites
        soma = g.T * jnp.where(negative[n * d :], settings.soma_slope, 1)
        dendrite = soma[:, None, :] * of_dendrites.reshape(n, d, -1)
        return soma, dendrite.reshape(n * d, -1)

    def parameter_gradients(
        operands: Operands, prepared: Array, signs: Array, g: Array, settings: Settings
    ) -> Gradients:
        neuron, dendrite, _, valid = masks(operands)
        operands = masked(operands)
        soma, q = cotangents(operands, signs, g, settings)
        shape = operands.weight.shape
        correlations = matmul("ub,bf->uf", q, prepared, settings)
        weight = formulation.collect(correlations, operands.indices.reshape(-1, shape[2]))
        weight, bias = weight.reshape(shape), q.sum(1).reshape(shape[:2])
        soma_weight = soma_bias = None
        if soma is not None and operands.soma_weight is not None:
            soma_weight = jnp.sum(operands.weight * weight, 2) + operands.bias * bias
            soma_weight = jnp.where(dendrite, soma_weight, 0)
            soma_bias = jnp.where(neuron, soma.sum(1), 0)
            weight, bias = weight * operands.soma_weight[:, :, None], bias * operands.soma_weight
        return Gradients(
            weight=jnp.where(valid, weight, 0),
            bias=jnp.where(dendrite, bias, 0),
            soma_weight=soma_weight,
            soma_bias=soma_bias,
        )

    def input_gradient(
        operands: Operands, prepared: Array, signs: Array, g: Array, settings: Settings
    ) -> Float[Array, "B F"]:
        operands = masked(operands)
        _, q = cotangents(operands, signs, g, settings)
        if operands.soma_weight is not None:
            q = q * operands.soma_weight.reshape(-1, 1)
        return matmul("ub,uf->bf", q, matrix(operands), settings)

    return Passes(prepare, forward, parameter_gradients, input_gradient)


def dense(formulation: Formulation, dtype: DTypeLike | None = None) -> Differentiable:
    """The passes as one operation; the forward pass alone is what JAX differentiates."""
    passes = dense_passes(formulation, dtype)

    def plain(operands: Operands, settings: Settings) -> Array:
        return passes.forward(operands, operands.x, settings)[0]

    return Differentiable(passes, plain)
