"""Orders of examples, and the keys that draws come from."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jdend.training import _order as orders
from jdend.training import epoch_order

SEEDS = np.array([0, 1], np.uint32)
PURPOSES = ("INIT", "ORDER", "RESAMPLE", "AUGMENT", "NOISE", "DROPOUT")


@pytest.mark.parametrize("n", [1, 2, 3, 1000, 2**17, 2**17 + 1])
def test_each_seed_sees_every_example_once(n):
    order = np.asarray(epoch_order(SEEDS, 0, n))
    assert (order.shape, order.dtype) == ((2, n), np.int32)
    np.testing.assert_array_equal(np.sort(order, axis=1), np.tile(np.arange(n), (2, 1)))


def test_seeds_and_epochs_have_other_orders():
    first, second = (np.asarray(epoch_order(SEEDS, epoch, 100)) for epoch in (0, 1))
    assert len({tuple(row) for row in (*first, *second)}) == 4
    np.testing.assert_array_equal(epoch_order(SEEDS, 1, 100), second)


def test_an_order_is_mixed():
    """Neighbours are a third of the examples apart, on average."""
    order = np.asarray(epoch_order(SEEDS, 0, 3000))
    assert np.abs(np.diff(order, axis=1)).mean() == pytest.approx(1000, rel=0.1)


def test_members_of_folds_see_the_rows_of_their_own_fold():
    order = jnp.array([[0, 1, 2], [2, 1, 0], [1, 0, 2], [0, 2, 1]], jnp.int32)
    rows = jnp.array([[10, 11, 12], [20, 21, 22]], jnp.int32)
    expected = [[10, 11, 12], [22, 21, 20], [11, 10, 12], [20, 22, 21]]
    np.testing.assert_array_equal(orders.in_folds(order, rows), expected)


def test_each_purpose_and_step_has_draws_of_its_own():
    numbers = [getattr(orders, name) for name in PURPOSES]
    assert numbers == list(range(6))
    seed = jnp.uint32(7)
    keys = [orders.key_of(seed, n) for n in numbers]
    keys += [orders.step_key(seed, n, jnp.int32(step)) for n in numbers for step in (0, 1)]
    assert len({tuple(np.asarray(jax.random.key_data(key))) for key in keys}) == 18


def test_a_seed_s_draws_are_those_of_threefry():
    """Which every JAX version and device has, so that a seed means the same everywhere."""
    key = orders.step_key(jnp.uint32(7), orders.NOISE, jnp.int32(3))
    expected = jax.random.key(7, impl="threefry2x32")
    for number in (4, 3):
        expected = jax.random.fold_in(expected, number)
    np.testing.assert_array_equal(jax.random.key_data(key), jax.random.key_data(expected))
