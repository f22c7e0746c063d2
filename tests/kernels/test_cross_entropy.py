"""The native mean of softmax cross-entropy beside JAX's."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jdend.kernels import _native, cross_entropy, has_largest_logit, mean_cross_entropy

pytestmark = pytest.mark.skipif(_native.missing() is not None, reason=str(_native.missing()))
SMOOTHING = np.array([0.0, 0.1, 1.0], np.float32)


def drawn(batch, classes, seed=0):
    """Logits of two seeds and three configurations, and each seed's labels."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 3, (2, 3, batch, classes)).astype(np.float32)
    return logits, rng.integers(0, classes, (2, batch), np.int32)


compiled = jax.jit(mean_cross_entropy)
compiled_gradient = jax.jit(jax.value_and_grad(mean_cross_entropy, has_aux=True))


def by_jax(logits, y, smoothing):
    return cross_entropy(logits, y, smoothing).mean(), has_largest_logit(logits, y).sum()


@functools.cache  # programs are those of all instruction sets
def of_population(function):
    """The means, the hits and the gradients of all trials; a seed's have the same labels."""
    one = jax.value_and_grad(function, has_aux=True)
    over_configurations = jax.vmap(one, in_axes=(0, None, 0))
    return jax.jit(jax.vmap(over_configurations, in_axes=(0, 0, None)))


@pytest.mark.parametrize("batch", [1, 4, 13, 256])
@pytest.mark.parametrize("classes", [1, 2, 10, 37])
def test_it_is_jaxs(instruction_set, batch, classes):
    logits, y = drawn(batch, classes)
    (expected, hits), gradient = of_population(by_jax)(logits, y, SMOOTHING)
    (mean, correct), found = of_population(mean_cross_entropy)(logits, y, SMOOTHING)
    np.testing.assert_allclose(mean, expected, rtol=2e-6, atol=1e-6)
    np.testing.assert_array_equal(correct, hits)
    np.testing.assert_allclose(found, gradient, rtol=2e-6, atol=5e-7 / batch)


def test_no_smoothing_is_that_of_zero(instruction_set):
    logits, y = drawn(13, 10)
    none = compiled(logits[0, 0], y[0])
    zero = compiled(logits[0, 0], y[0], 0.0)
    jax.tree.map(np.testing.assert_array_equal, none, zero)


@pytest.mark.parametrize("spread", [1e-30, 80.0, 1e4, 1e30])
def test_logits_may_be_of_any_size(instruction_set, spread):
    logits, y = drawn(16, 10)
    logits = logits * np.float32(spread)
    (expected, hits), gradient = of_population(by_jax)(logits, y, SMOOTHING)
    (mean, correct), found = of_population(mean_cross_entropy)(logits, y, SMOOTHING)
    np.testing.assert_allclose(mean, expected, rtol=2e-6)
    np.testing.assert_array_equal(correct, hits)
    np.testing.assert_allclose(found, gradient, rtol=2e-6, atol=5e-8)


def test_the_first_of_equal_logits_counts(instruction_set):
    y = np.array([0, 1, 2, 2], np.int32)
    logits = np.array([[1, 1, 0], [1, 1, 0], [0, 0, 0], [0, 1, 2]], np.float32)
    assert compiled(logits, y)[1] == 2


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_shows_in_the_loss_and_in_its_own_gradient(instruction_set, value):
    logits, y = drawn(20, 10)
    logits, y = logits[0, 0], y[0]
    logits[17, 3] = value
    (mean, correct), gradient = compiled_gradient(logits, y)
    assert not np.isfinite(mean)
    assert correct == has_largest_logit(jnp.asarray(logits), jnp.asarray(y)).sum()
    assert np.isfinite(np.delete(gradient, 17, 0)).all()
    assert np.isnan(gradient[17]).all()


def test_a_labels_place_outside_the_classes_is_nothing(instruction_set):
    logits, _ = drawn(4, 3)
    y = np.tile(np.array([-1, 3, 7, 2], np.int32), (2, 1))
    (expected, hits), _ = of_population(by_jax)(logits, y, SMOOTHING)
    (mean, correct), _ = of_population(mean_cross_entropy)(logits, y, SMOOTHING)
    np.testing.assert_allclose(mean, expected, rtol=2e-6, atol=1e-6)
    np.testing.assert_array_equal(correct, hits)


def test_a_cotangent_scales_the_gradient():
    logits, y = map(jnp.asarray, drawn(8, 5))
    one = jax.grad(lambda x: mean_cross_entropy(x, y[0])[0])(logits[0, 0])
    three = jax.grad(lambda x: 3 * mean_cross_entropy(x, y[0])[0])(logits[0, 0])
    np.testing.assert_allclose(three, 3 * one, rtol=1e-6)


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16])
def test_other_floats_are_jaxs(dtype):
    logits, y = map(jnp.asarray, drawn(8, 5))
    logits = logits[0, 0].astype(dtype)
    assert mean_cross_entropy(logits, y[0])[0] == by_jax(logits, y[0], None)[0]


@pytest.mark.parametrize("platform", ["cpu", "cuda"])
def test_programs_for_other_devices_call_nothing(platform):
    logits, y = drawn(8, 5)
    program = of_population(mean_cross_entropy)
    exported = jax.export.export(
        program,
        platforms=[platform],
        disabled_checks=[jax.export.DisabledSafetyCheck.custom_call("jdend_cross_entropy")],
    )(logits, y, SMOOTHING)
    assert ("jdend_cross_entropy" in exported.mlir_module()) == (platform == "cpu")
