"""Clipped gradients, and moments that decay as a configuration says: as optax does it."""

import functools
from dataclasses import replace

import jax
import numpy as np
import optax
import pytest
from small_populations import bucket_of, configured, on_host, start

from jdend.training._optimizer import averaged, clipped, of_configurations

MEMBERS = [configured(adam_b1=0.8, adam_b2=0.99), configured(adam_b1=0.5, adam_b2=0.95)]
NORMS = np.float32([0.5, 1e9])


def gradients(state):
    rng = np.random.default_rng(0)
    return jax.tree.map(lambda p: rng.normal(size=p.shape).astype(p.dtype), state.params)


def one(tree, c):
    return jax.tree.map(lambda leaf: np.asarray(leaf)[0, c], tree)


def close(one, other):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7), one, other)


RULES = {
    "adamw": optax.scale_by_adam,
    "lion": optax.scale_by_lion,
    "sgd": lambda b1, b2: optax.trace(b1),
}


@pytest.mark.parametrize("name", RULES)
def test_each_configuration_has_its_own_betas(name):
    state = start(bucket_of(MEMBERS[0]), MEMBERS)
    grads = gradients(state)
    step = jax.jit(functools.partial(of_configurations, name))
    for _ in range(3):
        updates, adam = step(grads, state)
        state = replace(state, adam=adam)
    for c, betas in enumerate([(0.8, 0.99), (0.5, 0.95)]):
        rule = RULES[name](*betas)
        moments = rule.init(one(grads, c))
        update = jax.jit(rule.update)
        for _ in range(3):
            expected, moments = update(one(grads, c), moments)
        close(one(updates, c), expected)


def test_averages_keep_a_share_that_grows_to_its_limit():
    members = [configured(averaging=0.5), configured(averaging=0.9)]
    state = start(bucket_of(members[0]), members)
    state = on_host(state)
    params = jax.tree.map(lambda p: p + np.float32(1), state.params)
    for step, kept in ((0, (0.1, 0.1)), (1000, (0.5, 0.9))):
        after = jax.jit(averaged)(replace(state, step=np.int32(step)), params)
        for c, share in enumerate(kept):
            expected = jax.tree.map(lambda p, share=share: p + np.float32(1 - share), state.average)
            close(one(after, c), one(expected, c))


def test_gradients_are_clipped_trial_by_trial():
    grads = gradients(start(bucket_of(MEMBERS[0]), MEMBERS))
    found = jax.jit(clipped)(grads, NORMS)
    for c, norm in enumerate(NORMS):
        rule = optax.clip_by_global_norm(float(norm))
        expected, _ = jax.jit(rule.update)(one(grads, c), rule.init(one(grads, c)))
        close(one(found, c), expected)
    close(one(found, 1), one(grads, 1))
