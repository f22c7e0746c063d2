"""The teaching version computes what `jdend.training` computes."""

import importlib.util
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jdend.data import from_arrays, split
from jdend.models import Problem, configure
from jdend.training import Bucket, epoch_order, on_device, population, trace_hyperparameters, train

ROOT = Path(__file__).parents[2]
SIZES = N, D, K = 4, 3, 6
BATCH, STEPS, N_EPOCHS = 16, 12, 5
SEEDS = jnp.array([0, 7], jnp.uint32)
RATES, DECAYS = (1e-3, 1e-2, 5e-2), (0.0, 0.1, 0.01)
# Names of the parameters there and here.
NAMES = {
    "weight": ("dendritic", "weight"),
    "bias": ("dendritic", "bias"),
    "soma_weight": ("dendritic", "soma_weight"),
    "soma_bias": ("dendritic", "soma_bias"),
    "kernel": ("classifier", "kernel"),
    "class_bias": ("classifier", "bias"),
}


@pytest.fixture(scope="module")
def minimal():
    spec = importlib.util.spec_from_file_location("minimal", ROOT / "experiments" / "minimal.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def data():
    """Images of 6 by 6 pixels in 4 classes, each a pattern in noise; 200 train in 12 batches."""
    rng = np.random.default_rng(0)
    labels = np.tile(np.arange(4), 100)
    patterns, noise = rng.integers(0, 256, (4, 6, 6)), rng.integers(0, 256, (400, 6, 6))
    images = ((patterns[labels] + 2 * noise) / 3).astype(np.uint8)
    dataset = from_arrays(images[:250], labels[:250], images[250:], labels[250:])
    return split(dataset, validation_fraction=0.2)


@pytest.fixture(scope="module")
def configurations(data):
    problem = Problem(data.in_features, data.n_classes, data.image_shape)
    common = {"n_neurons": N, "n_dendrites": D, "n_dendrite_inputs": K, "batch_size": BATCH,
              "n_epochs": N_EPOCHS, "synaptic_resampling": False}  # fmt: skip
    return [
        configure({**common, "lr": lr, "weight_decay": decay}, problem)
        for lr, decay in zip(RATES, DECAYS, strict=True)
    ]


def normalised(data, x):
    return jnp.asarray((x - data.offset) * data.scale)


def after(n_steps, data, configurations):
    """The real population's state."""
    programs = population(Bucket(configurations[0].structure))
    state = programs.init(trace_hyperparameters(configurations, STEPS), SEEDS)
    on = on_device(data)
    order = epoch_order(SEEDS, 0, on.n_train)
    return programs.advance(state, on.examples, order, jnp.int32(n_steps)) if n_steps else state


def begun(minimal, data):
    """Parameters `[S, C, …]` before the first step, and indices."""
    params, indices = jax.vmap(
        lambda seed: minimal.init(seed, SIZES, data.in_features, data.n_classes)
    )(SEEDS)
    return jax.tree.map(lambda p: jnp.repeat(p[:, None], len(RATES), axis=1), params), indices


def assert_same(params, state, rtol):
    for name, (layer, variable) in NAMES.items():
        there = state.params[layer][variable]
        np.testing.assert_allclose(params[name], there, rtol=rtol, atol=rtol / 10, err_msg=name)


def test_networks_begin_as_those_of_the_library(minimal, data, configurations):
    params, indices = begun(minimal, data)
    state = after(0, data, configurations)
    assert_same(params, state, rtol=1e-6)
    for c in range(len(RATES)):
        np.testing.assert_array_equal(indices, state.other["dendritic"]["indices"][:, c])


def test_the_first_steps_are_those_of_the_library(minimal, data, configurations):
    params, indices = begun(minimal, data)
    zeros = jax.tree.map(jnp.zeros_like, params)
    order = epoch_order(SEEDS, 0, len(data.train_y))[:, : 4 * BATCH]
    batches = order.reshape(len(SEEDS), 4, BATCH).swapaxes(0, 1)
    params, _ = minimal.train_on(
        batches, params, (zeros, zeros), 0, indices, normalised(data, data.train_x),
        jnp.asarray(data.train_y), jnp.array(RATES), jnp.array(DECAYS),
    )  # fmt: skip
    assert_same(params, after(4, data, configurations), rtol=1e-3)


def test_after_some_epochs_accuracies_are_close(minimal, data, configurations):
    network = minimal.train(
        normalised(data, data.train_x), jnp.asarray(data.train_y), SEEDS, jnp.array(RATES),
        jnp.array(DECAYS), sizes=SIZES, n_classes=data.n_classes, batch_size=BATCH,
        n_epochs=N_EPOCHS,
    )  # fmt: skip
    accuracy = minimal.accuracy(*network, normalised(data, data.test_x), data.test_y)
    outcomes = train(Bucket(configurations[0].structure), configurations, [0, 7], data)
    there = np.stack([outcome.test_accuracy for outcome in outcomes], axis=1)
    np.testing.assert_allclose(accuracy, there, atol=0.02)
    assert accuracy.max() > 0.5  # of four classes
