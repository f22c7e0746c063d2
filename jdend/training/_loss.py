# pyright: reportUnknownMemberType=false
"""The losses that training minimises, and which examples are classified right.

Shape letters: `B` batch, `K` classes.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

__all__ = ["Batch", "cross_entropy", "distillation", "right"]

Number = float | Float[Array, ""]


class Batch(NamedTuple):
    """The examples of one step, which all configurations of a seed read.

    Attributes:
      x: the network's input, `[B, F]`.
      y: the labels.
      teacher: a teacher's logits for the same examples, mirrored where these are; None without a
        teacher.
      noise: what is added to `x`, times each configuration's `input_noise`.
      draws: for each dendritic layer uniform draws `[N, D, K]`, of which those below
        `synapse_dropout` leave a synapse out.
      weights: what the examples' losses are multiplied by; None for nothing.
    """

    x: Float[Array, "*S B F"]
    y: Int[Array, "*S B"]
    teacher: Float[Array, "*S B K"] | None = None
    noise: Float[Array, "*S B F"] | None = None
    draws: tuple[Array, ...] | None = None
    weights: Float[Array, "*S B"] | None = None


def cross_entropy(
    logits: Float[Array, "*S B K"], y: Int[Array, " B"], smoothing: Number | None = None
) -> Float[Array, "*S B"]:
    """Softmax cross-entropy; the share `smoothing` of each target is spread over all classes.

    The label is selected by comparing, since XLA fuses that, unlike a gather. Without smoothing the
    program does not compute it.
    """
    is_label = jnp.arange(logits.shape[-1]) == y[:, None]
    of_target = jnp.sum(jnp.where(is_label, logits, 0.0), -1)
    if smoothing is not None:
        of_target = (1.0 - smoothing) * of_target + smoothing * logits.mean(-1)
    return jax.nn.logsumexp(logits, -1) - of_target


def distillation(
    logits: Float[Array, "B K"], teacher: Float[Array, "B K"], temperature: Number
) -> Float[Array, " B"]:
    """Cross-entropy with a teacher's probabilities, both at a temperature, times its square.

    The square keeps gradients as large as those of `cross_entropy` (Hinton, Vinyals & Dean 2015,
    "Distilling the knowledge in a neural network").
    """
    target = jax.nn.softmax(teacher / temperature)
    log_probabilities = jax.nn.log_softmax(logits / temperature)
    return -(temperature**2) * jnp.sum(target * log_probabilities, -1)


def right(logits: Float[Array, "*S B K"], y: Int[Array, " B"]) -> Bool[Array, "*S B"]:
    """Which examples are classified right; none whose logits are not finite."""
    return (jnp.argmax(logits, -1) == y) & jnp.isfinite(logits).all(-1)
