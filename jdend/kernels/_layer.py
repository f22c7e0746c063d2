"""The one public operation: a dendritic layer, forward and backward, by the kernel of choice."""

from typing import Any

import numpy as np
from jaxtyping import Array, Float, Int

from jdend.kernels._choice import for_lowering
from jdend.kernels._operands import Operands
from jdend.kernels._registry import KERNELS

AnyArray = Array | np.ndarray


def dendritic_layer(
    x: Float[AnyArray, "B F"],
    weight: Float[AnyArray, "N D K"],
    bias: Float[AnyArray, "N D"],
    indices: Int[AnyArray, "N D K"],
    soma_weight: Float[AnyArray, "N D"] | None = None,
    soma_bias: Float[AnyArray, " N"] | None = None,
    *,
    sizes: Int[AnyArray, "3"] | None = None,
    negative_slope: float = 0.1,
    kernel: str = "auto",
) -> Array:
    """Dendrites that each read K of F features and, if there are soma weights, their somas.

    `B` denotes the batch, `F` features, `N` neurons, `D` dendrites per neuron, `K` synapses per
    dendrite::

        h[b, n, d] = leaky(sum_k weight[n, d, k] * x[b, indices[n, d, k]] + bias[n, d])
        s[b, n]    = leaky(sum_d soma_weight[n, d] * h[b, n, d] + soma_bias[n])

    It works under ``vmap`` over any operands, however deep. Fastest is an inner ``vmap`` over
    configurations that leaves ``x`` unbatched, inside an outer one over seeds.

    Args:
      x: [B, F] inputs.
      weight: [N, D, K] synaptic weights.
      bias: [N, D] dendrites' biases.
      indices: [N, D, K] int32, the feature each synapse reads; distinct within a dendrite is usual
        and not required.
      soma_weight: [N, D] the somas' weights, or None for a layer without somas.
      soma_bias: [N] the somas' biases; given together with ``soma_weight`` or not at all.
      sizes: [3] int32, the true ``(n, d, k)`` inside padded arrays; may be traced. What lies beyond
        them is not read: its output and its gradients are exactly 0. None means no padding.
      negative_slope: LeakyReLU's slope below 0, for dendrites and somas.
      kernel: the implementation's name, or "auto" for the fastest one for platform and shape, which
        the environment variable ``JDEND_KERNEL`` overrides; ``python -m jdend.kernels`` lists them.

    Returns:
      [B, N] with somas, [B, N, D] without.

    An index outside ``[0, F)`` is never read. The native kernel stops the program with an error
    that names the synapse (a ``jax.errors.JaxRuntimeError``, or from a small program that JAX runs
    at once a ``ValueError``); the others make the outputs that depend on it NaN.

    Raises:
      ValueError: if ``kernel`` is unknown, only one of the soma's arrays is given, or shapes
        disagree.
      TypeError: if ``indices`` are not int32.
      RuntimeError: if ``kernel`` names one that cannot be used here, and why.
    """
    arrays: tuple[Any, ...] = (x, weight, bias, indices, soma_weight, soma_bias, sizes)
    operands = Operands(*arrays)
    _check_shapes(operands)
    return KERNELS[for_lowering(kernel)].apply(operands, negative_slope)


def _check_shapes(operands: Operands) -> None:
    x, weight, bias, indices, soma_weight, soma_bias, sizes = operands
    if (soma_weight is None) != (soma_bias is None):
        raise ValueError("soma_weight and soma_bias are given together or not at all")
    if x.ndim != 2 or weight.ndim != 3:
        raise ValueError(f"x is [B, F] and weight [N, D, K]; got {x.shape} and {weight.shape}")
    if indices.dtype != "int32":
        raise TypeError(f"indices are int32; got {indices.dtype}")
    n, d, k = weight.shape
    expected = {
        "bias": (bias, (n, d)),
        "indices": (indices, (n, d, k)),
        "soma_weight": (soma_weight, (n, d)),
        "soma_bias": (soma_bias, (n,)),
        "sizes": (sizes, (3,)),
    }
    for name, (array, shape) in expected.items():
        if array is not None and array.shape != shape:
            raise ValueError(
                f"{name} has shape {array.shape}, and weight {weight.shape} asks for {shape}"
            )
