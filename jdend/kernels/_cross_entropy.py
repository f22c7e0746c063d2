# pyright: reportUnknownMemberType=false
"""Softmax cross-entropy: of each example, and a batch's mean by the native library on CPUs.

Shape letters: `B` batch, `K` classes.
"""

from typing import Any, cast

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from jdend.kernels._native import call, is_plain, where_possible

__all__ = ["cross_entropy", "has_largest_logit", "mean_cross_entropy"]

Number = float | Float[Array, ""]
Mean = tuple[Float[Array, ""], Int[Array, ""]]


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


def has_largest_logit(logits: Float[Array, "*S B K"], y: Int[Array, " B"]) -> Bool[Array, "*S B"]:
    """Which examples' label has the first of the largest logits, all being finite."""
    return (jnp.argmax(logits, -1) == y) & jnp.isfinite(logits).all(-1)


def mean_cross_entropy(
    logits: Float[Array, "B K"], y: Int[Array, " B"], smoothing: Number | None = None
) -> Mean:
    """The mean of `cross_entropy`, and how many examples `has_largest_logit` counts.

    Where it can, the native library computes both and the gradient in one pass; XLA makes a dozen
    operations of them, of ten classes each shorter than what it takes to begin one. There the mean
    can be differentiated once, by the logits.

    Args:
      logits: those of a batch.
      y: its labels; one that is no class is never right, and its logit counts as 0.
      smoothing: as for `cross_entropy`, a number that may be traced; None for none.
    """
    if not is_plain(logits, y) or logits.dtype != jnp.float32:
        return _mean(logits, y, smoothing)
    share = jnp.asarray(0.0 if smoothing is None else smoothing, jnp.float32)
    return cast(Mean, _at_once(logits, y, share))


def _mean(logits: Array, y: Array, smoothing: Number | None) -> Mean:
    loss = cross_entropy(logits, y, smoothing).mean()
    return loss, has_largest_logit(logits, y).sum(dtype=jnp.int32)


@jax.custom_vjp
def _at_once(logits: Array, y: Array, smoothing: Array) -> Mean:
    return _with_gradient(logits, y, smoothing)[0]


def _with_gradient(logits: Array, y: Array, smoothing: Array) -> tuple[Mean, Array]:
    return _EVERYTHING(logits, y, smoothing, None)


def _by_logits(gradient: Array, cotangents: tuple[Array, Any]) -> tuple[Array, None, None]:
    return cotangents[0] * gradient, None, None


_at_once.defvjp(_with_gradient, _by_logits)


def _native(logits: Array, y: Array, smoothing: Array, _: None) -> tuple[Mean, Array]:
    shapes = (
        jax.ShapeDtypeStruct((), jnp.float32),
        jax.ShapeDtypeStruct((), jnp.int32),
        jax.ShapeDtypeStruct(logits.shape, jnp.float32),
    )
    mean, correct, gradient = call("cross_entropy", shapes, logits, y, smoothing)
    return (mean, correct), gradient


def _elsewhere(logits: Array, y: Array, smoothing: Array, _: None) -> tuple[Mean, Array]:
    return jax.value_and_grad(_mean, has_aux=True)(logits, y, smoothing)


_EVERYTHING = where_possible(_native, _elsewhere)
