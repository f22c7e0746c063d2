"""The native words of Threefry beside those of JAX."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.extend.random import threefry_2x32

from jdend.kernels import _native, less_to_compile, threefry

pytestmark = pytest.mark.skipif(_native.missing() is not None, reason=str(_native.missing()))
KEYS = jnp.array([[0, 0], [1, 2], [2**32 - 1, 7]], jnp.uint32)


def by_jax(key, n, first=0):
    """Words [n, 2]; JAX pairs the first half of its counts with the second one."""
    counts = jnp.arange(n, dtype=jnp.uint32) + jnp.uint32(first)
    return threefry_2x32(key, jnp.stack([jnp.zeros_like(counts), counts])).T


@pytest.mark.parametrize("n", [0, 1, 3, 16, 100, 40_000])
def test_words_are_jaxs(instruction_set, n):
    found = jax.jit(jax.vmap(lambda key: threefry(key, n)))(KEYS)
    np.testing.assert_array_equal(found, np.stack([by_jax(key, n) for key in KEYS]))


@pytest.mark.parametrize("n", [0, 1, 3, 16, 100, 40_000])
def test_mixed_they_are_the_bits_in_which_they_differ(instruction_set, n):
    found = jax.jit(jax.vmap(lambda key: threefry(key, n, mixed=True)))(KEYS)
    expected = [words[:, 0] ^ words[:, 1] for words in (by_jax(key, n) for key in KEYS)]
    np.testing.assert_array_equal(found, np.stack(expected))


def test_each_key_and_each_first_count_may_be_mapped(instruction_set):
    firsts = jnp.array([0, 5, 2**32 - 2], jnp.uint32)
    over_firsts = jax.vmap(lambda key, first: threefry(key, 4, first=first), (None, 0))
    found = jax.jit(jax.vmap(over_firsts, (0, None)))(KEYS, firsts)
    expected = [[by_jax(key, 4, first) for first in firsts] for key in KEYS]
    np.testing.assert_array_equal(found, np.array(expected))


def test_without_the_library_it_is_the_same(monkeypatch):
    here = threefry(KEYS[1], 33, first=3)
    monkeypatch.setattr("jdend.kernels._threefry.is_plain", lambda *_: False)
    np.testing.assert_array_equal(here, threefry(KEYS[1], 33, first=3))


@pytest.mark.parametrize("platform", ["cpu", "cuda"])
def test_programs_for_other_devices_call_nothing(platform):
    exported = jax.export.export(
        jax.jit(lambda key: threefry(key, 9)),
        platforms=[platform],
        disabled_checks=[jax.export.DisabledSafetyCheck.custom_call("jdend_threefry")],
    )(KEYS[0])
    assert ("jdend_threefry" in exported.mlir_module()) == (platform == "cpu")


@pytest.mark.parametrize("draw", [jax.random.normal, jax.random.uniform, jax.random.gumbel])
def test_a_key_that_is_less_to_compile_has_the_same_draws(draw):
    key = jax.random.key(7)
    np.testing.assert_array_equal(
        jax.jit(lambda k: draw(k, (5,)))(less_to_compile(key)),
        jax.jit(lambda k: draw(k, (5,)))(key),
    )


@pytest.mark.parametrize("impl", ["rbg", "unsafe_rbg"])
def test_keys_of_other_kinds_stay(impl):
    key = jax.random.key(7, impl=impl)
    assert less_to_compile(key) is key


def test_keys_stay_where_jax_draws_otherwise():
    key = jax.random.key(7)
    with jax.threefry_partitionable(False):
        assert less_to_compile(key) is key
