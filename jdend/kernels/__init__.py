"""The dendritic layer's arithmetic: one operation, several implementations that agree."""

from jdend.kernels._adamw import AdamWRates, Moved, adamw
from jdend.kernels._choice import available, resolve
from jdend.kernels._cross_entropy import cross_entropy, has_largest_logit, mean_cross_entropy
from jdend.kernels._layer import check_dtype, dendritic_layer
from jdend.kernels._matmul import DotGeneral
from jdend.kernels._native import top_k
from jdend.kernels._precision import PRECISIONS, check_precision, dot_general, multiplying_in
from jdend.kernels._rows import Packed, packed_rows
from jdend.kernels._threefry import (
    STANDARD_KEYS,
    THREEFRY,
    less_to_compile,
    threefry,
    threefry_here,
)

__all__ = [
    "PRECISIONS",
    "STANDARD_KEYS",
    "THREEFRY",
    "AdamWRates",
    "DotGeneral",
    "Moved",
    "Packed",
    "adamw",
    "available",
    "check_dtype",
    "check_precision",
    "cross_entropy",
    "dendritic_layer",
    "dot_general",
    "has_largest_logit",
    "less_to_compile",
    "mean_cross_entropy",
    "multiplying_in",
    "packed_rows",
    "resolve",
    "threefry",
    "threefry_here",
    "top_k",
]
