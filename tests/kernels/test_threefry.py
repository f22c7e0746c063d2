"""Draws by keys of `THREEFRY` are those of JAX's own."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jdend.kernels import STANDARD_KEYS, THREEFRY, threefry_here

SEEDS = (0, 7, 2**32 - 1)


def keys_of(seed):
    """The same key of both kinds."""
    return [jax.random.key(np.uint32(seed), impl=impl) for impl in (THREEFRY, STANDARD_KEYS)]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("dtype", [jnp.uint8, jnp.uint16, jnp.uint32])
def test_bits_are_those_of_threefry(seed, dtype):
    here, there = (jax.random.bits(key, (3, 5), dtype) for key in keys_of(seed))
    assert here.dtype == dtype
    np.testing.assert_array_equal(here, there)


@pytest.mark.parametrize("seed", SEEDS)
def test_split_and_folded_keys_are_those_of_threefry(seed):
    for derived in (
        lambda key: jax.random.split(key, (2, 3)),
        lambda key: jax.random.fold_in(key, 5),
        lambda key: jax.vmap(jax.random.fold_in, (None, 0))(key, jnp.arange(4)),
    ):
        here, there = (jax.random.key_data(derived(key)) for key in keys_of(seed))
        np.testing.assert_array_equal(here, there)


@pytest.mark.parametrize("draw", [jax.random.normal, jax.random.uniform, jax.random.gumbel])
def test_real_numbers_are_those_of_threefry_within_a_program(draw):
    @jax.jit
    def rows(key):
        keys = jax.vmap(jax.random.fold_in, (None, 0))(key, jnp.arange(6))
        return jax.vmap(lambda key: draw(key, (33,)))(keys)

    here, there = (rows(key) for key in keys_of(3))
    np.testing.assert_array_equal(here, there)


def test_draws_of_64_bits_are_those_of_threefry():
    with jax.enable_x64(True):
        here, there = (jax.random.bits(key, (9,), jnp.uint64) for key in keys_of(11))
        np.testing.assert_array_equal(here, there)


def test_programs_for_cpus_have_no_loop():
    """Each loop of JAX's own takes as long to compile as all that is written out."""

    def loops(key):
        program = jax.jit(lambda key: jax.random.normal(jax.random.fold_in(key, 1), (9,)))
        return program.lower(key).compile().as_text().count(" while(")

    here, there = map(loops, keys_of(0))
    assert (here, there) == (0, 2)


@pytest.mark.parametrize(("platform", "impl"), [("cpu", THREEFRY), ("gpu", STANDARD_KEYS)])
def test_only_cpus_have_another_than_jax_s_own(monkeypatch, platform, impl):
    monkeypatch.setattr(jax, "default_backend", lambda: platform)
    assert threefry_here() == impl
