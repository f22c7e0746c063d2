"""Shapes that fit: which, how many, and with which law they are drawn."""

import itertools

import numpy as np
import pytest
from flax import nnx

from jdend.models import Problem, configure, count_params, register_architecture
from jdend.models import _registry as registry
from jdend.search.space.budget import Budget
from jdend.search.space.dimensions import parse_space
from jdend.search.space.feasible import (
    Axis,
    DrawnShapes,
    ListedShapes,
    _smallest,
    feasible_shapes,
)

IMAGES = Problem(784, 10, (28, 28, 1))


def rng(seed=0):
    return np.random.default_rng(seed)


def shapes_of(space, max_params=8000, ratio=0.8):
    return feasible_shapes(parse_space(space), IMAGES, Budget(max_params, ratio), rng())


def count(params):
    return count_params(configure(params, IMAGES).structure)


def test_the_law_is_that_of_drawing_until_one_fits():
    space = {"n_neurons": (4, 6), "n_dendrites": (2, 4), "n_dendrite_inputs": [10, 20, 20, 30]}
    drawn = [tuple(s.values()) for s in shapes_of(space, 500, 0.7).draw(rng(1), 20_000)]
    every = itertools.product(range(4, 7), range(2, 5), [10, 20, 20, 30])
    names = tuple(space)
    fitting = [p for p in every if 350 <= count(dict(zip(names, p, strict=True))) <= 500]
    for point in set(fitting):
        expected = fitting.count(point) / len(fitting)
        assert abs(drawn.count(point) / len(drawn) - expected) < 0.02
    assert set(drawn) == set(fitting)


def test_ranges_without_end_are_drawn_from():
    space = {"n_neurons": (1, 10**6), "n_dendrites": (1, 10**6), "n_dendrite_inputs": (1, 784)}
    shapes = shapes_of(space)
    assert isinstance(shapes, DrawnShapes)
    drawn = shapes.draw(rng(), 50)
    assert all(6400 <= count(shape) <= 8000 for shape in drawn)
    assert len(drawn) == 50


def test_all_that_was_drawn_is_counted():
    space = {"n_neurons": (1, 300), "n_dendrites": (1, 300), "n_dendrite_inputs": (1, 784)}
    shapes = shapes_of(space, ratio=0.1)
    assert isinstance(shapes, DrawnShapes)
    for _ in range(2):
        many = shapes.n_fit + 1
        assert len(shapes.draw(rng(), many)) == many
        assert shapes.n_fit + shapes.n_over + shapes.n_under == shapes._n_drawn
        assert shapes.n_over > 0
        assert shapes.n_under > 0


def test_a_large_range_whose_end_cannot_fit_is_listed():
    shapes = shapes_of({"n_neurons": (1, 10**7), "n_dendrite_inputs": (16, 64)})
    assert isinstance(shapes, ListedShapes)


def test_every_shape_fits_or_is_too_large_or_too_small():
    space = {"n_neurons": (1, 30), "n_dendrites": [2, 6], "soma_enabled": [True, False]}
    shapes = shapes_of(space)
    names, values = tuple(space), (range(1, 31), [2, 6], [True, False])
    counts = [count(dict(zip(names, p, strict=True))) for p in itertools.product(*values)]
    assert shapes.n_fit == sum(6400 <= c <= 8000 for c in counts)
    assert shapes.n_over == sum(c > 8000 for c in counts)
    assert shapes.n_under == sum(c < 6400 for c in counts)


class Wide(nnx.Module):
    """A user's own architecture, for which one formula counts all sizes."""

    def __init__(self, in_features, n_classes, *, width=16, depth=1, rngs):
        layers = [nnx.Linear(in_features, width, rngs=rngs)]
        layers += [nnx.Linear(width, width, rngs=rngs) for _ in range(depth - 1)]
        self.layers = nnx.List([*layers, nnx.Linear(width, n_classes, rngs=rngs)])


@pytest.mark.parametrize(
    ("fields", "space", "kind"),
    [
        (("width",), {"width": (1, 5000)}, ListedShapes),  # one formula
        (("width", "depth"), {"width": (1, 5000), "depth": [1, 2]}, DrawnShapes),  # none
    ],
)
def test_what_no_formula_counts_is_listed_only_if_there_is_little(fields, space, kind, monkeypatch):
    monkeypatch.setattr(registry, "_ARCHITECTURES", dict(registry._ARCHITECTURES))
    monkeypatch.setattr("jdend.search.space.feasible.MAX_DRAWN_SHAPES", (1000, 20))
    register_architecture("wide", Wide, fields=fields)
    shapes = shapes_of({"architecture": "wide", **space}, 800_000, 0.0)
    assert isinstance(shapes, kind)


def test_a_range_of_billions_takes_no_time():
    axis = Axis("n_neurons", range(1, 2**62))
    assert axis.varies
    assert _smallest([axis]) == {"n_neurons": 1}
