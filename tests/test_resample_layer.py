"""Resampling a layer of a Flax module, with its optimizer."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

from jdend.models import DendriticLayer
from jdend.plasticity import resample_layer


class Deep(nnx.Module):
    def __init__(self, *, rngs):
        self.dendritic = DendriticLayer(20, 3, 2, 5, rngs=rngs)
        self.layers = nnx.List([DendriticLayer(3, 4, 2, 3, rngs=rngs)])
        self.inner = nnx.Sequential(nnx.Linear(4, 20, rngs=rngs))
        self.branch = nnx.Dict(dendritic=DendriticLayer(20, 3, 2, 5, rngs=rngs))

    def __call__(self, x):
        return self.branch["dendritic"](self.inner(self.layers[0](self.dendritic(x))))


@pytest.fixture
def trained():
    model = Deep(rngs=nnx.Rngs(0))
    chain = optax.chain(optax.clip_by_global_norm(1.0), optax.adam(1e-2))
    optimizer = nnx.Optimizer(model, chain, wrt=nnx.Param)
    gradients = nnx.grad(lambda model: model(jnp.ones((4, 20))).sum())(model)
    gradients = jax.tree.map(lambda g: g + 1.0, gradients)
    optimizer.update(model, gradients)
    return model, optimizer


def moments(optimizer):
    return {path: np.array(v[...]) for path, v in nnx.to_flat_state(nnx.state(optimizer))}


@pytest.mark.parametrize("in_jit", [False, True])
def test_a_layer_of_a_model_is_resampled_with_its_moments_and_no_others(trained, in_jit):
    model, optimizer = trained
    before = moments(optimizer)
    old = np.asarray(model.dendritic.indices[...])

    def step(model, optimizer, key):
        return resample_layer(model.dendritic, optimizer, key, model=model, percentage=0.4)

    replaced = (nnx.jit(step) if in_jit else step)(model, optimizer, jax.random.key(3))
    assert replaced.any()
    np.testing.assert_array_equal(old != model.dendritic.indices[...], replaced)
    for path, values in moments(optimizer).items():
        if path[-3:] in [("mu", "dendritic", "weight"), ("nu", "dendritic", "weight")]:
            np.testing.assert_array_equal(values, np.where(replaced, 0, before[path]))
            assert (before[path] != 0).all()
        else:
            np.testing.assert_array_equal(values, before[path])


def test_moments_may_be_kept(trained):
    model, optimizer = trained
    before = moments(optimizer)
    options = {"model": model, "percentage": 0.4, "moments": "kept"}
    assert resample_layer(model.dendritic, optimizer, jax.random.key(3), **options).any()
    jax.tree.map(np.testing.assert_array_equal, before, moments(optimizer))


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float32])
def test_resampling_keeps_the_weights_dtype(dtype):
    layer = DendriticLayer(20, 3, 2, 5, param_dtype=dtype, rngs=nnx.Rngs(0))
    optimizer = nnx.Optimizer(layer, optax.adam(1e-2), wrt=nnx.Param)
    resample_layer(layer, optimizer, jax.random.key(0), percentage=1.0)
    assert layer.weight[...].dtype == dtype


def test_a_layer_that_the_model_does_not_have_is_refused(trained):
    model, optimizer = trained
    other = DendriticLayer(20, 3, 2, 5, rngs=nnx.Rngs(0))
    with pytest.raises(ValueError, match="Deep, does not have this layer"):
        resample_layer(other, optimizer, jax.random.key(0), model=model)
    with pytest.raises(ValueError, match="unknown moments 'none'; allowed are zero, kept"):
        resample_layer(model.dendritic, optimizer, jax.random.key(0), model=model, moments="none")
