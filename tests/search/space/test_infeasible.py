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


@pytest.mark.parametrize(
    ("sizes", "advice"),
    [((200, 200, 200), "Lower several sizes, or take"), ((1, 1, 1), "Raise several sizes, or")],
)
def test_where_no_one_size_helps_several_are_named(sizes, advice):
    names = ("n_neurons", "n_dendrites", "n_dendrite_inputs")
    shapes = shapes_of({"soma_enabled": True, **dict(zip(names, sizes, strict=True))})
    impossible = Budget(1000, 1.0) if sizes[0] > 1 else Budget(2**31 - 1, 1.0)
    assert advice in str(nothing_fits(shapes, IMAGES, impossible))


def test_the_smallest_network_is_one_of_its_own_architecture():
    shapes = shapes_of({"architecture": ["mlp", "linear"], "hidden_dim": [50, 60]})
    message = str(nothing_fits(shapes, IMAGES, Budget(100)))
    assert "the smallest, architecture=linear, has 7,850." in message
