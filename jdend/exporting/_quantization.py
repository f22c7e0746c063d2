"""Weights in the forms in which C stores them.

Shape letters: `R` rows (dendrites, somata, outputs), `K` weights per row, `F` features.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, Shaped
from numpy.typing import ArrayLike

from jdend.exporting._errors import ExportError

__all__ = ["WEIGHTS", "Rows", "fold_normalisation", "rows"]

WEIGHTS = ("float32", "int8")


@dataclass(frozen=True)
class Rows:
    """Weighted sums: row `r` is `scale[r] * sum_k weight[r, k] * input[k] + bias[r]`.

    Attributes:
      weight: float32, or int8 in -127 to 127.
      bias: float32.
      scale: float32 of int8 weights; None of float32 weights, where it is 1.
    """

    weight: Shaped[np.ndarray, "R K"]
    bias: Float[np.ndarray, " R"]
    scale: Float[np.ndarray, " R"] | None = None


def rows(weight: ArrayLike, bias: ArrayLike, weights: str) -> Rows:
    """The rows of `weight [R, K]` and `bias [R]` in `float32` or `int8`. Quantization is symmetric:
    the largest weight of each row becomes 127 or -127. `ExportError` if a weight is not finite."""
    weight, bias = np.asarray(weight, np.float64), np.asarray(bias, np.float64)
    if not (np.isfinite(weight).all() and np.isfinite(bias).all()):
        raise ExportError("the network has weights that are not finite numbers")
    if weights == "float32":
        return Rows(weight.astype(np.float32), bias.astype(np.float32))
    largest = np.abs(weight).max(axis=1)
    scale = np.where(largest > 0, largest / 127, 1.0)
    whole = np.rint(weight / scale[:, None]).astype(np.int8)
    return Rows(whole, bias.astype(np.float32), scale.astype(np.float32))


def fold_normalisation(
    weight: ArrayLike,
    bias: ArrayLike,
    indices: Int[np.ndarray, "R K"],
    offset: Float[np.ndarray, "..."],
    scale: Float[np.ndarray, "..."],
) -> tuple[Float[np.ndarray, "R K"], Float[np.ndarray, " R"]]:
    """The weights `w'` and biases `b'` for raw pixels `p`: `w (p - offset) scale + b = w' p + b'`.

    Args:
      weight, bias: `w` and `b`.
      indices: the feature that each weight reads.
      offset, scale: one number for all features, or `[F]`.
    """
    offset, scale = ((v[indices] if v.ndim else v).astype(np.float64) for v in (offset, scale))
    folded = np.asarray(weight, np.float64) * scale
    return folded, np.asarray(bias, np.float64) - (folded * offset).sum(axis=1)
