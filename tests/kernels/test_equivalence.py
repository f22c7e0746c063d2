"""Every registered kernel computes what ``gather``, the plain definition, computes."""

from functools import cache

import numpy as np
import pytest
from random_layers import (
    SHAPES,
    SOMA_SLOPE,
    Shape,
    evaluate,
    largest_error,
    population,
    trial_sums,
)

from jdend.kernels._registry import KERNELS


@cache
def plain(shape: Shape, margin: float) -> dict[str, np.ndarray]:
    return evaluate("gather", shape, margin)


def test_at_least_200_shapes():
    sizes = {
        (shape, *population(shape)["sizes"][trial])
        for shape in SHAPES
        for trial in np.ndindex(shape.seeds, shape.configurations)
    }
    assert len(sizes) >= 200


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_gather_is_the_formula(shape):
    out = plain(shape, 5e-5)["out"]
    for s, c in np.ndindex(shape.seeds, shape.configurations):
        dendrites, somas = trial_sums(shape, s, c)
        sums, slope = (dendrites, shape.slope) if somas is None else (somas, SOMA_SLOPE)
        expected = np.zeros(out.shape[2:])
        inside = tuple(slice(length) for length in sums.shape)
        expected[inside] = np.where(sums >= 0, sums, slope * sums)
        assert np.abs(out[s, c] - expected).max() <= 1e-5 * np.abs(expected).max()


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_output_and_all_gradients_equal_gathers(kernel, shape):
    tolerance = KERNELS[kernel].tolerance
    margin = 5 * tolerance
    error, where = largest_error(evaluate(kernel, shape, margin), plain(shape, margin))
    assert error <= tolerance, where
