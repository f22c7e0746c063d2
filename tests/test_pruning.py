"""Removing the weakest synapses, on a cubic schedule."""

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from jdend.pruning import initial_inputs, inputs_left, strongest_first

SHAPE = (2, 3, 6)


@pytest.mark.parametrize(
    ("n_inputs", "density", "features", "expected"),
    [(10, 1.1, 784, 11), (5, 2.5, 784, 12), (3, 1.0, 784, 3), (24, 100.0, 784, 784)],
)
def test_a_dendrite_begins_with_a_multiple_of_its_inputs(n_inputs, density, features, expected):
    begun = initial_inputs(jnp.int32(n_inputs), jnp.float32(density), jnp.int32(features))
    assert int(begun) == expected


def left(progress, initial=100, final=20, end=0.5):
    arguments = (jnp.float32(progress), jnp.int32(initial), jnp.int32(final), jnp.float32(end))
    return int(inputs_left(*arguments))


def test_how_many_are_left_follows_the_papers_cubic():
    assert [left(progress) for progress in (0.0, 0.25, 0.5, 1.0)] == [100, 30, 20, 20]


def test_no_dendrite_ever_gains_synapses():
    counts = [left(step / 100) for step in range(101)]
    assert counts == sorted(counts, reverse=True)


weights = arrays.arrays(
    np.float32, SHAPE, elements=st.floats(-10, 10, width=32, allow_subnormal=False)
)


@settings(max_examples=40, deadline=None)
@given(weights, st.integers(1, 6), st.integers(1, 6))
def test_the_strongest_stay_with_what_belongs_to_them(weight, before, after):
    after = min(before, after)
    real = np.where(np.arange(6) < before, weight, 0).astype(np.float32)
    indices = np.broadcast_to(np.arange(6, dtype=np.int32), SHAPE)
    kept, (of_kept, moments) = strongest_first(
        jnp.asarray(real), [jnp.asarray(indices), jnp.asarray(2 * real)],
        jnp.int32(before), jnp.int32(after),
    )  # fmt: skip
    expected = np.argsort(-np.abs(real[..., :before]), -1, kind="stable")[..., :after]
    np.testing.assert_array_equal(of_kept[..., :after], expected)
    np.testing.assert_array_equal(kept[..., :after], np.take_along_axis(real, expected, -1))
    np.testing.assert_array_equal(moments, 2 * kept)
    assert not kept[..., after:].any()


def test_inputs_stay_distinct():
    indices = jnp.broadcast_to(jnp.arange(6, dtype=jnp.int32), SHAPE)
    weight = jnp.zeros(SHAPE)
    _, (ordered,) = strongest_first(weight, [indices], jnp.int32(6), jnp.int32(2))
    np.testing.assert_array_equal(np.sort(ordered, -1), indices)
