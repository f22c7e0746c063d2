"""A space in which nothing fits: the message names a change that helps."""

import numpy as np
import pytest

from jdend.models import Problem
from jdend.search.space.budget import Budget
from jdend.search.space.dimensions import parse_space
from jdend.search.space.feasible import feasible_shapes
from jdend.search.space.infeasible import nothing_fits

IMAGES = Problem(784, 10, (28, 28, 1))
BUDGET = Budget(8000)


def shapes_of(space):
    return feasible_shapes(parse_space(space), IMAGES, BUDGET, np.random.default_rng(0))


@pytest.mark.parametrize(
    ("n_neurons", "n_dendrite_inputs", "advice", "helps"),
    [(20, 128, "Lower n_neurons to 6, or", 6), (3, 16, "Raise n_neurons to 34, or", 34)],
)
def test_the_advice_helps(n_neurons, n_dendrite_inputs, advice, helps):
    space = {"n_neurons": n_neurons, "n_dendrites": 10, "n_dendrite_inputs": n_dendrite_inputs}
    shapes = shapes_of(space)
    assert shapes.n_fit == 0
    assert advice in str(nothing_fits(shapes, IMAGES, BUDGET))
    assert shapes_of({**space, "n_neurons": helps}).n_fit == 1
