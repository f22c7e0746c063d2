"""Every registered architecture is a network that counts, computes and learns."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx
from small_networks import NAMES, small_network

from jdend.models import DendriticWithHidden, SynapseIndex


@pytest.fixture(scope="module")
def batch():
    rng = np.random.default_rng(0)
    return rng.normal(size=(8, 20)).astype(np.float32), rng.integers(0, 4, 8).astype(np.int32)


@pytest.fixture(params=NAMES)
def model(request):
    return nnx.clone(small_network(request.param))


def loss_of(model, x, y):
    return optax.softmax_cross_entropy_with_integer_labels(model(x), y).mean()


def test_it_returns_finite_logits(model, batch):
    logits = nnx.jit(lambda model, x: model(x))(model, batch[0])
    assert logits.shape == (8, 4)
    assert logits.dtype == jnp.float32
    assert jnp.isfinite(logits).all()


def test_gradients_flow_to_every_parameter_and_nothing_else(model, batch):
    graphdef, params, other = nnx.split(model, nnx.Param, ...)

    def loss(params):
        return loss_of(nnx.merge(graphdef, params, other), *batch)

    grads = jax.jit(jax.grad(loss))(params)
    assert jax.tree.structure(grads) == jax.tree.structure(params)
    assert "indices" not in str(jax.tree.structure(nnx.to_pure_dict(params)))
    assert all(leaf.any() for leaf in jax.tree.leaves(grads))


def test_an_optimizer_trains_it(model, batch):
    indices = jax.tree.map(np.asarray, nnx.to_pure_dict(nnx.state(model, SynapseIndex)))
    optimizer = nnx.Optimizer(model, optax.adamw(1e-2), wrt=nnx.Param)

    @nnx.jit
    def step(model, optimizer, x, y):
        loss, grads = nnx.value_and_grad(loss_of)(model, x, y)
        optimizer.update(model, grads)
        return loss

    losses = [float(step(model, optimizer, *batch)) for _ in range(30)]
    assert losses[-1] < 0.9 * losses[0]
    after = nnx.to_pure_dict(nnx.state(model, SynapseIndex))
    jax.tree.map(np.testing.assert_array_equal, indices, after)


def test_hidden_dim_is_n_neurons_by_default():
    model = nnx.eval_shape(
        lambda: DendriticWithHidden(
            20, 4, n_neurons=7, n_dendrites=2, n_dendrite_inputs=5, rngs=nnx.Rngs(0)
        )
    )
    assert (model.hidden.in_features, model.hidden.out_features) == (7, 7)
