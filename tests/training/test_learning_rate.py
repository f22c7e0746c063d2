"""The learning rate of each configuration, step by step."""

import jax
import jax.numpy as jnp
import numpy as np
from small_populations import configured

from jdend.training import trace_hyperparameters
from jdend.training._traced_hyperparameters import learning_rate


def rates(*configurations, steps):
    hyperparameters = trace_hyperparameters(configurations, steps_per_epoch=10)
    return np.array([learning_rate(hyperparameters, jnp.int32(step)) for step in steps])


def test_a_constant_rate_is_the_peak():
    assert (rates(configured(lr=0.5, n_epochs=1), steps=[0, 5, 9]) == 0.5).all()


def test_a_cosine_goes_from_the_peak_to_zero():
    member = configured(lr=0.5, n_epochs=1, schedule="cosine")
    np.testing.assert_allclose(rates(member, steps=[0, 5, 10])[:, 0], [0.5, 0.25, 0], atol=1e-7)


def test_a_warm_up_rises_in_a_straight_line():
    member = configured(lr=0.5, n_epochs=1, warmup_steps=4)
    expected = [0.125, 0.25, 0.375, 0.5, 0.5]
    np.testing.assert_allclose(rates(member, steps=[0, 1, 2, 3, 4])[:, 0], expected)


def test_configurations_have_rates_of_their_own():
    members = [configured(lr=0.5), configured(lr=0.25, warmup_steps=2)]
    np.testing.assert_allclose(rates(*members, steps=[0]), [[0.5, 0.125]])


def test_hyperparameters_have_32_bits_also_where_jax_has_64():
    with jax.enable_x64(True):
        traced = trace_hyperparameters([configured()], steps_per_epoch=10, padded=True)
        types = {leaf.dtype.name for leaf in jax.tree.leaves(traced)}
    assert types == {"float32", "int32"}
