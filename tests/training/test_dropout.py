"""Synapses that are left out in a training step."""

import jax
import jax.numpy as jnp
import numpy as np
from small_populations import bucket_of, configured

from jdend.training._bucket import network
from jdend.training._dropout import dropout_draws, thinned

LAYERS = network(bucket_of(configured(n_neurons=20, n_dendrite_inputs=30))).layers
KEY = jax.random.key(0, impl="threefry2x32")


def test_of_the_synapses_a_share_is_left_out_and_the_others_make_up_for_it():
    draws = dropout_draws(LAYERS, KEY)
    params = {"dendritic": {"weight": jnp.ones((20, 2, 30))}}
    weight = thinned(params, LAYERS, draws, jnp.float32(0.25))["dendritic"]["weight"]
    np.testing.assert_allclose(np.unique(weight), [0.0, 4 / 3], rtol=1e-6)
    assert abs(weight.mean() - 1.0) < 0.06


def test_padding_changes_no_draw():
    few = network(bucket_of(configured(n_neurons=3, n_dendrite_inputs=5))).layers
    (less,), (more,) = dropout_draws(few, KEY), dropout_draws(LAYERS, KEY)
    np.testing.assert_array_equal(less, more[:3, :, :5])


def test_at_rate_zero_none_is_left_out():
    """Not even one whose draw is zero."""
    params = {"dendritic": {"weight": jnp.ones((20, 2, 30))}}
    thin = thinned(params, LAYERS, (jnp.zeros((20, 2, 30)),), jnp.float32(0.0))
    np.testing.assert_array_equal(thin["dendritic"]["weight"], params["dendritic"]["weight"])
