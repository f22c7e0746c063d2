# pyright: reportUnknownMemberType=false
"""What a dendritic layer is computed from, and the masking that the pure JAX kernels share."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax.lax import DotAlgorithmPreset, Precision
from jaxtyping import Array, Bool, Float, Int, UInt32

PrecisionLike = (
    str | Precision | DotAlgorithmPreset | tuple[str, str] | tuple[Precision, Precision] | None
)

TILE = 32
"""Samples that share one word of signs; ``kTile`` in native/layer.h."""


class Operands(NamedTuple):
    """The arrays of one dendritic layer, as :func:`jdend.kernels.dendritic_layer` has them."""

    x: Float[Array, "B F"]
    weight: Float[Array, "N D K"]
    bias: Float[Array, "N D"]
    indices: Int[Array, "N D K"]
    soma_weight: Float[Array, "N D"] | None = None
    soma_bias: Float[Array, " N"] | None = None
    sizes: Int[Array, "3"] | None = None


class Tiles(NamedTuple):
    """A batch as the native kernel reads it, 32 examples a tile.

    Attributes:
      inputs: `[tiles, F, 32]`.
      form: `[3]`, how they are stored, which the library chooses when it packs: as floats, or as
        bytes in a quarter of it, with what is taken from these and what they are multiplied by.
    """

    inputs: Float[Array, "tiles F 32"]
    form: Float[Array, "3"]


class Settings(NamedTuple):
    """What a layer's arrays do not say.

    Attributes:
      dendrite_slope, soma_slope: of their LeakyReLUs below 0.
      dtype: what the operands of products may be rounded to; operands and sums are float32, or
        float64 if this is.
      precision: of products of matrices; None multiplies float32 exactly, not in the shortened
        formats that accelerators default to.
    """

    dendrite_slope: float
    soma_slope: float
    dtype: np.dtype = np.dtype("float32")
    precision: PrecisionLike = None


class Gradients(NamedTuple):
    """Of the trainable arrays, those of the soma being None where there is none."""

    weight: Float[Array, "N D K"]
    bias: Float[Array, "N D"]
    soma_weight: Float[Array, "N D"] | None = None
    soma_bias: Float[Array, " N"] | None = None


class Masks(NamedTuple):
    """What lies inside the true sizes, and of that, which synapses read a feature that exists."""

    neuron: Bool[Array, " N"]
    dendrite: Bool[Array, "N D"]
    synapse: Bool[Array, "N D K"]
    valid: Bool[Array, "N D K"]


def masks(operands: Operands) -> Masks:
    """Compares positions with ``sizes``, or with the arrays' own shape where there are none."""
    n, d, k = operands.weight.shape
    sizes = (n, d, k) if operands.sizes is None else operands.sizes
    neuron = jnp.arange(n) < sizes[0]
    dendrite = neuron[:, None] & (jnp.arange(d) < sizes[1])
    synapse = dendrite[:, :, None] & (jnp.arange(k) < sizes[2])
    inside = (operands.indices >= 0) & (operands.indices < operands.x.shape[-1])
    return Masks(neuron, dendrite, synapse, synapse & inside)


def masked(operands: Operands) -> Operands:
    """Makes padding 0 and the weights of synapses with an index outside ``[0, F)`` NaN.

    Those synapses get index 0. Padding gets index F, which a kernel drops or clips: with index 0 a
    scatter would add all padding to one place, one element after another on a GPU. All values are
    replaced by ``where``, so their gradients are exactly 0.
    """
    neuron, dendrite, synapse, valid = masks(operands)
    # NaN where an index is outside, else 0; no NaN is made where none is, for `jax.debug_nans`.
    zero = jnp.zeros((), operands.weight.dtype)
    outside = zero / jnp.where(synapse & ~valid, zero, 1)
    soma_weight, soma_bias = operands.soma_weight, operands.soma_bias
    if soma_weight is not None and soma_bias is not None:
        soma_weight = jnp.where(dendrite, soma_weight, 0)
        soma_bias = jnp.where(neuron, soma_bias, 0)
    return Operands(
        x=operands.x,
        weight=jnp.where(valid, operands.weight, outside),
        bias=jnp.where(dendrite, operands.bias, 0),
        indices=jnp.where(valid, operands.indices, jnp.where(synapse, 0, operands.x.shape[-1])),
        soma_weight=soma_weight,
        soma_bias=soma_bias,
    )


def leaky(pre: Array, negative_slope: float) -> Array:
    """LeakyReLU whose derivative at 0 is 1, as in ``jax.nn.leaky_relu``."""
    return jnp.where(pre >= 0, pre, negative_slope * pre)


def pack_signs(negative: Bool[Array, "R B"]) -> UInt32[Array, "tiles R"]:
    """One bit a sample: all that the backward pass needs to know of the forward pass."""
    rows, batch = negative.shape
    padded = jnp.pad(negative, ((0, 0), (0, -batch % TILE))).reshape(rows, -1, TILE)
    bits = padded.astype(jnp.uint32) << jnp.arange(TILE, dtype=jnp.uint32)
    return bits.sum(-1, dtype=jnp.uint32).T


def unpack_signs(words: UInt32[Array, "tiles R"], batch: int) -> Bool[Array, "R B"]:
    """The inverse of :func:`pack_signs`."""
    bits = (words.T[:, :, None] >> jnp.arange(TILE, dtype=jnp.uint32)) & 1
    return bits.reshape(words.shape[1], -1)[:, :batch].astype(bool)
