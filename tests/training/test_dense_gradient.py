"""The gradient by every weight that a dendrite could have."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from small_populations import bucket_of, configured, data, start

from jdend.models import build
from jdend.training._dense_gradient import dense_gradients
from jdend.training._loss import Batch, cross_entropy
from jdend.training._state import take

MEMBER = configured(n_neurons=2, synaptic_resampling=False)


def mean_loss(training, params, other, hyperparameters, batch):
    logits = nnx.merge(training, params, other)(batch.x)
    return cross_entropy(logits, batch.y).mean(), None


def a_batch():
    x = jnp.asarray(data().train_x[:16].reshape(16, -1), jnp.float32) / 255
    return Batch(x[None], jnp.asarray(data().train_y[:16])[None])


def dense_of(bucket, state):
    return jax.jit(dense_gradients(bucket, mean_loss))(state, a_batch(), jnp.int32(0))[0][0]


def gradient_by_weight(state):
    """The gradient by the weights that are there, by the network itself."""
    model = nnx.eval_shape(lambda: build(MEMBER.structure, rngs=nnx.Rngs(0)))
    graphdef, _, _ = nnx.split(model, nnx.Param, ...)
    params, other = jax.tree.map(lambda leaf: leaf[0, 0], (state.params, state.other))

    def loss(params):
        return mean_loss(graphdef, params, other, None, jax.tree.map(lambda a: a[0], a_batch()))[0]

    return jax.jit(jax.grad(loss))(params)["dendritic"]["weight"]


def test_by_a_weight_that_is_there_it_is_that_of_training():
    state = start(bucket_of(MEMBER), [MEMBER])
    dense = dense_of(bucket_of(MEMBER), state)
    assert dense.shape == (2, 2, 36)
    there = np.take_along_axis(dense, np.asarray(state.other["dendritic"]["indices"][0, 0]), -1)
    np.testing.assert_allclose(there, gradient_by_weight(state), rtol=1e-4, atol=1e-6)


def test_by_one_that_is_not_it_is_that_of_a_synapse_of_weight_zero():
    state = start(bucket_of(MEMBER), [MEMBER])
    indices = np.array(state.other["dendritic"]["indices"])
    new = np.setdiff1d(np.arange(36), indices[0, 0, 1, 0])[0]
    # A synapse that weighs nothing reads another input, which its dendrite did not.
    weight = state.params["dendritic"]["weight"].at[0, 0, 1, 0, 3].set(0.0)
    without = {**state.params, "dendritic": {**state.params["dendritic"], "weight": weight}}
    indices[0, 0, 1, 0, 3] = new
    other = {"dendritic": {**state.other["dendritic"], "indices": jnp.asarray(indices)}}
    moved = replace(state, params=without, other={**state.other, **other})
    before = replace(state, params=without)
    dense = dense_of(bucket_of(MEMBER), before)
    np.testing.assert_allclose(dense[1, 0, new], gradient_by_weight(moved)[1, 0, 3], rtol=1e-4)


def test_padding_changes_no_gradient():
    larger = configured(n_neurons=3, n_dendrite_inputs=7)
    padded = bucket_of(larger, padded=True)
    state = start(padded, [MEMBER])
    exact = dense_of(bucket_of(MEMBER), start(bucket_of(MEMBER), [MEMBER]))
    dense = dense_of(padded, take(state, [0]))
    np.testing.assert_allclose(dense[:2], exact, rtol=1e-4, atol=1e-6)
    assert not dense[2:].any()
