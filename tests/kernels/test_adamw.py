"""The native step of AdamW beside optax's."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jdend.kernels import AdamWRates, Moved, _native, adamw

B1, B2, EPSILON = 0.9, 0.999, 1e-8
ADAM = optax.scale_by_adam(b1=B1, b2=B2, eps=EPSILON)
SHAPE = (2, 3, 5, 4, 21)
SIZES = np.array([[5, 4, 21], [3, 2, 7], [4, 3, 18]], np.int32)
RATE = np.array([0.01, 0.003, 0.1], np.float32)
DECAY = np.array([1e-4, 0.01, 0], np.float32)
needs_library = pytest.mark.skipif(_native.missing() is not None, reason=str(_native.missing()))


def inside():
    """Which weights lie inside the true sizes."""
    at = np.indices(SHAPE[2:])[:, None]
    return np.broadcast_to((at < SIZES.T[..., None, None, None]).all(0), SHAPE)


def drawn(seed=0):
    """A gradient, weights and moments."""
    rng = np.random.default_rng(seed)
    gradient, weight, mean = (rng.normal(size=SHAPE) * s for s in (0.01, 1, 0.01))
    square = np.square(rng.normal(size=SHAPE) * 0.01)
    return [(inside() * x).astype(np.float32) for x in (gradient, weight, mean, square)]


def by_optax(gradient, before, count):
    updates, after = ADAM.update(
        gradient, optax.ScaleByAdamState(count - 1, before.mean, before.square)
    )
    rate, decay = (x[:, None, None, None] for x in (RATE, DECAY))
    weight = before.weight - rate * (updates + decay * before.weight)
    return Moved(weight, after.mu, after.nu)


@jax.jit
def both(gradient, before, count):
    expected = by_optax(gradient, before, count)
    rates = AdamWRates(B1, B2, EPSILON, jnp.asarray(RATE), jnp.asarray(DECAY), count)
    sizes = jnp.broadcast_to(SIZES, (2, 3, 3))
    nothing = jax.tree.map(jnp.zeros_like, before)
    return expected, adamw(gradient, before, nothing, sizes, rates)


@needs_library
@pytest.mark.parametrize("count", [1, 7, 5000])
def test_it_is_optaxs(instruction_set, count):
    gradient, *before = drawn()
    expected, found = both(gradient, Moved(*before), jnp.int32(count))
    np.testing.assert_allclose(found.weight, expected.weight, rtol=1e-6, atol=1e-7)
    for one, other in zip(found[1:], expected[1:], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-9)


@needs_library
def test_it_is_optaxs_to_the_last_bit_with_fused_multiply_adds():
    if _native.load().instruction_set == "plain":
        pytest.skip("the processor's multiply-adds are not fused")
    gradient, *before = drawn()
    arguments = gradient, Moved(*before), jnp.int32(3)
    as_in_training = {"xla_backend_optimization_level": 2}
    expected = jax.jit(by_optax).lower(*arguments).compile(as_in_training)(*arguments)
    jax.tree.map(np.testing.assert_array_equal, both(*arguments)[1], expected)


@needs_library
def test_dendrites_outside_the_true_sizes_stay():
    gradient, weight, *moments = drawn()
    unused = ~np.broadcast_to(inside().any(-1, keepdims=True), SHAPE)
    weight[unused] = 0.5
    _, found = both(gradient, Moved(weight, *moments), jnp.int32(3))
    np.testing.assert_array_equal(np.asarray(found.weight)[unused], 0.5)


@needs_library
def test_synapses_outside_the_true_sizes_stay_0():
    gradient, *before = drawn()
    _, found = both(gradient, Moved(*before), jnp.int32(3))
    for array in found:
        assert not np.asarray(array)[~inside()].any()


@needs_library
def test_weights_of_float32_move_where_jax_has_64_bits():
    gradient, *before = drawn()
    with jax.enable_x64(True):
        expected, found = both(gradient, Moved(*before), jnp.int32(7))
    assert {array.dtype for array in found} == {np.dtype("float32")}
    np.testing.assert_allclose(found.weight, expected.weight, rtol=1e-6, atol=1e-7)


def test_without_the_library_it_is_what_is_given(monkeypatch):
    monkeypatch.setattr(_native, "missing", lambda: "not there")
    gradient, *before = map(jnp.asarray, drawn())
    rates = AdamWRates(B1, B2, EPSILON, jnp.asarray(RATE), jnp.asarray(DECAY), jnp.int32(3))
    given = Moved(*(jnp.ones(SHAPE),) * 3)
    found = adamw(gradient, Moved(*before), given, jnp.broadcast_to(SIZES, (2, 3, 3)), rates)
    assert found is given


@needs_library
def test_a_loop_over_steps_copies_no_weights():
    """Moments and weights stay where they are."""
    gradient, *before = drawn()

    def steps(gradient, before):
        def step(i, before):
            return both(gradient, before, i + 1)[1]

        return jax.lax.fori_loop(0, 10, step, before)

    compiled = jax.jit(steps, donate_argnums=1).lower(gradient, Moved(*before)).compile()
    size = "f32[" + ",".join(map(str, SHAPE)) + "]"
    copies = [line for line in compiled.as_text().splitlines() if " copy(" in line and size in line]
    assert not copies
