"""The dendritic layer's arithmetic: one operation, several implementations that agree."""

from jdend.kernels._choice import available, resolve
from jdend.kernels._layer import check_dtype, dendritic_layer

__all__ = ["available", "check_dtype", "dendritic_layer", "resolve"]
