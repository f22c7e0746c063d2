"""Which configurations of a population resample, and that those side by side do as one by one."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from small_populations import assert_equal, bucket_of, configured, on_host, start

from jdend.training import _resampling as resampling
from jdend.training import take
from jdend.training._bucket import network
from jdend.training._traced_hyperparameters import RESAMPLING_CHOICES, among, common_choices

MEMBERS = [configured(percentage_resample=0.4 + 0.1 * c) for c in range(7)]
DUE = np.array([True, False, True, True, False, True, True])
BUCKET = bucket_of(MEMBERS[0])


@pytest.fixture(scope="module")
def state():
    return start(BUCKET, MEMBERS, (0, 1))


@pytest.fixture(scope="module")
def resampled(state):
    """A function of those that are due: the state after a resampling, as on such a device."""
    keys = jax.vmap(lambda seed: jax.random.key(seed, impl="threefry2x32"))(state.seeds)
    arguments = state, keys, jnp.asarray(DUE)
    common = common_choices(state.hyperparameters, RESAMPLING_CHOICES)
    choices = among(RESAMPLING_CHOICES, common)
    programs = {}
    for backend in ("cpu", "gpu"):
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(resampling, "BLOCK_CONFIGURATIONS", 3)
            resample = functools.partial(
                resampling.resampler(network(BUCKET).layers, choices), batch=None
            )
            patched.setattr(resampling.jax, "default_backend", lambda backend=backend: backend)
            lowered = jax.jit(resample).lower(*arguments)
        programs[backend] = lowered.compile()
    return lambda backend, due: on_host(programs[backend](state, keys, jnp.asarray(due)))


@pytest.mark.parametrize("n_due", [1, 3, 5])
def test_in_blocks_as_on_accelerators_each_is_resampled_as_alone(resampled, n_due):
    due = DUE & (np.cumsum(DUE) <= n_due)
    one_by_one, in_blocks = resampled("cpu", due), resampled("gpu", due)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6),
        in_blocks.params,
        one_by_one.params,
    )
    assert_equal(in_blocks.other, one_by_one.other)


def test_only_those_that_are_due_change(resampled, state):
    after, before = resampled("cpu", DUE), on_host(state)
    for c, due in enumerate(DUE):
        pairs = zip(*(jax.tree.leaves(take(s, [c]).other) for s in (after, before)), strict=True)
        assert any((a != b).any() for a, b in pairs) == due
