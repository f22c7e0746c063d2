"""Networks of any layers, one after another."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

from jdend.models import ACTIVATIONS, Stack

X = jnp.asarray(np.random.default_rng(0).normal(size=(5, 20)), jnp.float32)


def stack(layers, **options):
    return Stack(20, 3, layers=layers, rngs=nnx.Rngs(0), **options)


def n_params(model):
    return sum(leaf.size for leaf in jax.tree.leaves(nnx.state(model, nnx.Param)))


def test_layers_read_what_those_before_them_give():
    model = stack([(6, 2, 4), 7, (5, 3)])
    assert model(X).shape == (5, 3)
    assert [layer.in_features for layer in model.layers] == [20, 6, 7]
    dendritic, linear, last = 6 * 2 * (4 + 1) + 6 * (2 + 1), 6 * 7 + 7, 5 * (3 + 1)
    assert n_params(model) == dendritic + linear + last + 5 * 3 + 3


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_activation_follows_linear_layers(name):
    model = stack([4], activation=name)
    by_hand = model.classifier(ACTIVATIONS[name](model.layers[0](X)))
    np.testing.assert_array_equal(model(X), by_hand)


def test_one_more_leaky_relu_before_the_classifier():
    model = stack([4], activation="tanh", leaky_before_classifier=True)
    h = jnp.tanh(model.layers[0](X))
    by_hand = model.classifier(jnp.where(h > 0, h, 0.1 * h))
    np.testing.assert_allclose(model(X), by_hand, rtol=1e-6)


def test_biases_can_be_left_out():
    model = stack([(6, 2, 4), 7, (5, 3)], use_bias=False)
    assert n_params(model) == 6 * 2 * 4 + 6 * 2 + 6 * 7 + 5 * 3 + 5 * 3
    np.testing.assert_array_equal(model(jnp.zeros((2, 20))), jnp.zeros((2, 3)))


def test_a_layer_without_biases_is_one_whose_biases_are_zero():
    with_them, without = stack([(6, 2, 4)]), stack([(6, 2, 4)], use_bias=False)
    np.testing.assert_array_equal(with_them(X), without(X))


@pytest.mark.parametrize("use_bias", [True, False])
def test_it_learns(use_bias):
    model = stack([(8, 2, 6), 8], use_bias=use_bias, initialization="fan_in")
    y = jnp.array([0, 1, 2, 1, 0])
    optimizer = nnx.Optimizer(model, optax.adamw(0.03), wrt=nnx.Param)

    def loss(model):
        return optax.softmax_cross_entropy_with_integer_labels(model(X), y).mean()

    @nnx.jit
    def step(model, optimizer):
        before, gradients = nnx.value_and_grad(loss)(model)
        optimizer.update(model, gradients)
        return before

    losses = [step(model, optimizer) for _ in range(21)]
    assert losses[-1] < losses[0] / 2


def test_arguments_of_images_are_for_the_first_layer_alone():
    image = {"connectivity": "local_receptive_fields", "image_shape": (4, 5, 1)}
    model = stack([(4, 2, 3), (3, 2, 2)], **image)
    assert [layer.image_shape for layer in model.layers] == [(4, 5, 1), None]


@pytest.mark.parametrize(
    ("layers", "options", "said"),
    [
        ([4], {"activation": "rellu"}, "unknown activation 'rellu'; did you mean 'relu'"),
        ([], {}, "at least one layer"),
        ([(1, 2, 3, 4)], {}, "a layer is a number"),
        ([(4, 2, 30)], {}, "n_dendrite_inputs must be at most the number of inputs, 20"),
    ],
)
def test_what_cannot_be(layers, options, said):
    with pytest.raises(ValueError, match=said):
        stack(layers, **options)
