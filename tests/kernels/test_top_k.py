"""The native kernel's highest values are those of JAX."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from jdend.kernels import _native, top_k

needs_library = pytest.mark.skipif(_native.missing() is not None, reason="no library")
values = st.floats(width=32) | st.sampled_from([0.0, -0.0, 1.0, np.inf, -np.inf])
COMPILED = jax.jit(top_k, static_argnums=1)


@settings(max_examples=200)
@given(values=arrays(np.float32, (7, 30), elements=values), k=st.sampled_from([1, 4, 29, 30]))
def test_it_is_that_of_jax(values, k):
    """Of equal values the first; not-a-numbers are compared by their bits, too."""
    highest, positions = COMPILED(values, k)
    expected, places = jax.lax.top_k(values, k)
    np.testing.assert_array_equal(positions, places)
    np.testing.assert_array_equal(
        np.asarray(highest).view(np.uint32), np.asarray(expected).view(np.uint32)
    )


def test_under_vmaps_and_of_a_single_row():
    values = jax.random.normal(jax.random.key(0), (3, 2, 40, 50))
    expected = jax.lax.top_k(values, 5)
    nested = jax.vmap(jax.vmap(jax.vmap(lambda row: top_k(row, 5)), in_axes=1, out_axes=1))
    for one, other in zip(jax.jit(nested)(values), expected, strict=True):
        np.testing.assert_array_equal(one, other)


@needs_library
def test_the_library_is_called_on_cpus_alone():
    values = jnp.zeros((4, 9))
    here = jax.jit(top_k, static_argnums=1).lower(values, 3).as_text()
    assert "@jdend_top_k" in here
    elsewhere = jax.export.export(jax.jit(lambda v: top_k(v, 3)), platforms=["cuda"])(values)
    assert "custom_call @jdend" not in elsewhere.mlir_module()


def test_without_the_library_it_is_that_of_jax(monkeypatch):
    monkeypatch.setattr(_native, "missing", lambda: "not built")
    highest, positions = top_k(jnp.array([3.0, 5.0, 4.0]), 2)
    assert highest.tolist() == [5.0, 4.0]
    assert positions.tolist() == [1, 2]
