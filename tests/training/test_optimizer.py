"""Clipped gradients, and moments that decay as a configuration says: as optax does it."""

from dataclasses import replace

import jax
import numpy as np
import optax
from small_populations import bucket_of, configured, start

from jdend.training._optimizer import adam_of_configurations, clipped

MEMBERS = [configured(adam_b1=0.8, adam_b2=0.99), configured(adam_b1=0.5, adam_b2=0.95)]
NORMS = np.float32([0.5, 1e9])


def gradients(state):
    rng = np.random.default_rng(0)
    return jax.tree.map(
        lambda p: jax.numpy.asarray(rng.normal(size=p.shape), p.dtype), state.params
    )


def one(tree, c):
    return jax.tree.map(lambda leaf: leaf[0, c], tree)


def close(one, other):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7), one, other)


def test_each_configuration_has_its_own_betas():
    state = start(bucket_of(MEMBERS[0]), MEMBERS)
    grads = gradients(state)
    for _ in range(3):
        updates, adam = adam_of_configurations(grads, state)
        state = replace(state, adam=adam)
    for c, betas in enumerate([(0.8, 0.99), (0.5, 0.95)]):
        rule = optax.scale_by_adam(*betas)
        moments = rule.init(one(grads, c))
        for _ in range(3):
            expected, moments = rule.update(one(grads, c), moments)
        close(one(updates, c), expected)


def test_gradients_are_clipped_trial_by_trial():
    grads = gradients(start(bucket_of(MEMBERS[0]), MEMBERS))
    found = clipped(grads, jax.numpy.asarray(NORMS))
    for c, norm in enumerate(NORMS):
        rule = optax.clip_by_global_norm(float(norm))
        expected, _ = rule.update(one(grads, c), rule.init(one(grads, c)))
        close(one(found, c), expected)
    close(one(found, 1), one(grads, 1))
