"""Keys as they are stored."""

import jax
import jax.numpy as jnp
import numpy as np

from jdend.kernels import THREEFRY
from jdend.training._stored_keys import with_standard_keys


def test_keys_that_are_stored_are_jax_s_own():
    key = jax.random.key(np.uint32(5), impl=THREEFRY)
    tree = {"key": key, "count": jnp.arange(2)}
    standard = with_standard_keys(tree)
    assert standard["key"].dtype == jax.random.key(0).dtype
    np.testing.assert_array_equal(
        jax.random.key_data(standard["key"]), jax.random.key_data(tree["key"])
    )
    assert standard["count"] is tree["count"]
