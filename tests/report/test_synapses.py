"""Where synapses are, and how they moved."""

import numpy as np
import pytest
from flax import nnx
from hypothesis import given
from hypothesis import strategies as st

from jdend.models import Problem, build, configure
from jdend.report._best_network import Dendrites
from jdend.report._synapses import coverage, positions, replaced, smooth, spread, unmoved

SHAPE = (5, 4, 3)


def dendrites(indices, weight=None):
    indices = np.asarray(indices)
    weight = np.ones(indices.shape) if weight is None else np.asarray(weight)
    return Dendrites(weight, np.zeros(indices.shape[:2]), indices, np.ones(indices.shape[:2]))


@given(st.integers(0, 4), st.integers(0, 3), st.integers(0, 2))
def test_a_position_is_that_of_the_pixel_in_the_image(row, column, channel):
    image = np.arange(60).reshape(SHAPE)
    found = positions(np.array([image[row, column, channel]]), SHAPE)
    assert [int(part[0]) for part in found] == [row, column]


def test_moved_synapses_are_counted_from_the_start_and_by_epoch():
    history = [
        dendrites([[[0, 1, 2, 3]]]),
        dendrites([[[9, 1, 2, 3]]]),
        dendrites([[[8, 7, 2, 3]]]),
    ]
    assert replaced(history).tolist() == [0.25, 0.5]
    assert unmoved(history).mean(axis=(1, 2, 3)).tolist() == [1, 0.75, 0.5]


def test_coverage_adds_absolute_weights_at_each_pixel():
    layer = dendrites([[[0, 1, 59]]], [[[2.0, -3.0, 0.5]]])
    found = coverage(layer, SHAPE)
    assert found[0, 0] == 5  # two channels of one pixel
    assert found[4, 3] == 0.5
    assert coverage(layer, SHAPE, weighted=False).sum() == 3


def test_spread_is_the_distance_from_the_middle_of_a_dendrite():
    assert spread(dendrites([[[0, 6]]]), SHAPE) == 1  # two pixels apart
    assert spread(dendrites([[[5, 5]]]), SHAPE) == 0


def test_smoothing_keeps_what_is_even_and_spreads_what_is_not():
    np.testing.assert_allclose(smooth(np.full((6, 7), 2.0)), 2.0)
    point = np.zeros((9, 9))
    point[4, 4] = 1
    assert 0.1 < smooth(point)[4, 4] < 0.2
    assert smooth(point).sum() == pytest.approx(1)


def test_dendrites_that_read_patches_have_no_place_in_the_image():
    problem = Problem(36, 3, (6, 6, 1))
    for name, there in (("dendritic_convolutional", False), ("dendritic_simple", True)):
        structure = configure({"architecture": name, "n_dendrite_inputs": 4}, problem).structure
        module = build(structure, rngs=nnx.Rngs(0))
        assert (Dendrites.of(module, 36) is not None) is there
