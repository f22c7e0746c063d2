"""In the tests, shapes and dtypes are held to what functions say of them."""

import jax.numpy as jnp
import pytest
from jaxtyping import TypeCheckError

from jdend.connectivity import default_field_std
from jdend.kernels import dendritic_layer


def layer(n_indices=4, dtype=jnp.int32):
    """A layer of 2 x 3 dendrites with 4 synapses each."""
    indices = jnp.zeros((2, 3, n_indices), dtype)
    return dendritic_layer(jnp.ones((5, 9)), jnp.ones((2, 3, 4)), jnp.ones((2, 3)), indices)


def test_what_is_said_is_accepted():
    assert layer().shape == (5, 2, 3)


def test_a_wrong_shape_is_refused():
    with pytest.raises(TypeCheckError, match="indices"):
        layer(n_indices=5)


def test_a_wrong_dtype_is_refused():
    with pytest.raises(TypeCheckError, match="indices"):
        layer(dtype=jnp.float32)


def test_a_wrong_type_is_refused():
    with pytest.raises(TypeCheckError, match="n_inputs"):
        default_field_std(jnp.ones(3))


@pytest.mark.wrong_types
def test_without_the_check_errors_are_those_that_users_see():
    with pytest.raises(ValueError, match="indices has shape"):
        layer(n_indices=5)
