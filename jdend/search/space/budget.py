"""The budget: which parameter counts are allowed."""

import math
from dataclasses import dataclass

import numpy as np

from jdend._messages import shown
from jdend.search.errors import SearchError

__all__ = ["Budget"]

# What int32, in which arrays are indexed, holds.
MAX_PARAMS = 2**31 - 1

Count = int | np.ndarray


@dataclass(frozen=True)
class Budget:
    """The range of trainable parameters that a network may have.

    Attributes:
      max_params: the largest number of parameters allowed.
      min_param_ratio: the smallest number allowed, as a share of `max_params` in [0, 1].
    """

    max_params: int
    min_param_ratio: float = 0.8

    def __post_init__(self):
        whole = isinstance(self.max_params, int | np.integer) and self.max_params is not True
        if not whole or self.max_params < 1:
            raise SearchError(
                f"max_params must be a positive integer, got {shown(self.max_params)}"
            )
        if self.max_params > MAX_PARAMS:
            raise SearchError(
                f"max_params must be at most {MAX_PARAMS}, got {shown(self.max_params)}"
            )
        ratio = self.min_param_ratio
        number = isinstance(ratio, int | float | np.number) and not isinstance(ratio, bool)
        if not number or not 0 <= ratio <= 1:
            raise SearchError(f"min_param_ratio must be from 0 to 1, got {ratio!r}")

    @property
    def min_params(self) -> int:
        """The smallest number of parameters allowed."""
        return math.ceil(self.min_param_ratio * self.max_params - 1e-9)

    def over(self, count: Count):
        """Whether a network with so many parameters is too large; of an array, for each entry."""
        return count > self.max_params

    def under(self, count: Count):
        """Whether a network with so many parameters is too small; of an array, for each entry."""
        return count < self.min_params

    def fits(self, count: Count):
        """Whether it is neither too large nor too small; of an array, for each entry."""
        return (count >= self.min_params) & (count <= self.max_params)

    def summary(self, n_fit: int, n_over: int, n_under: int) -> str:
        """How many networks of a space fit it, and how many are too large and too small."""
        return (
            f"{n_fit:,} networks of the space fit; {n_over:,} have over {self.max_params:,} "
            f"parameters, {n_under:,} under {self.min_params:,}"
        )
