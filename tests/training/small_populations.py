"""A small learnable problem, with a teacher, and populations trained on it step by step."""

import functools
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np

from jdend.data import from_arrays, split
from jdend.models import Problem, configure
from jdend.training import Bucket, epoch_order, on_device, trace_hyperparameters
from jdend.training._kept_populations import population_for

BATCH = 16
SMALL = {
    "n_neurons": 3, "n_dendrites": 2, "n_dendrite_inputs": 5, "n_soma_inputs": 2, "hidden_dim": 4,
    "second_hidden_dim": 3, "patch_size": 3, "stride": 1, "pooled_size": 2,
    "second_n_neurons": 4, "second_n_dendrites": 2, "second_n_dendrite_inputs": 2
}  # fmt: skip
TRAINING = {"batch_size": BATCH, "n_epochs": 3, "lr": 3e-3, "steps_to_resample": 5}


@functools.cache
def data(validation_fraction=0.2):
    """Images of 6 by 6 pixels in 4 classes, each a pattern in noise; 200 train on 12 batches."""
    rng = np.random.default_rng(0)
    patterns = rng.integers(0, 256, (4, 6, 6))
    labels = np.tile(np.arange(4), 100)
    noise = rng.integers(0, 256, (400, 6, 6))
    images = ((patterns[labels] + 2 * noise) / 3).astype(np.uint8)
    dataset = from_arrays(images[:250], labels[:250], images[250:], labels[250:])
    parts = split(dataset, validation_fraction=validation_fraction)
    teacher = rng.normal(size=(len(parts.train_y), 2, 4)).astype(np.float32)
    return replace(parts, teacher=teacher)


def problem():
    parts = data()
    return Problem(parts.in_features, parts.n_classes, parts.image_shape)


def configured(**params):
    return configure({**SMALL, **TRAINING, **params}, problem())


STEPS_PER_EPOCH = 12


def start(bucket, configurations, seeds=(0,)):
    hyperparameters = trace_hyperparameters(configurations, STEPS_PER_EPOCH, padded=bucket.padded)
    seeds = jnp.asarray(seeds, jnp.uint32)
    return population_for(bucket, hyperparameters).init(hyperparameters, seeds)


def advance(bucket, state, stop):
    """To a step, over as many epochs as it takes. Consumes the state."""
    device, programs = on_device(data()), population_for(bucket, state.hyperparameters)
    while int(state.step) < stop:
        epoch = int(state.step) // STEPS_PER_EPOCH
        order = epoch_order(state.seeds, epoch, device.n_train)
        until = min(stop, (epoch + 1) * STEPS_PER_EPOCH)
        state = programs.advance(state, device.examples, order, jnp.int32(until))
    return state


def on_host(state):
    return jax.tree.map(np.array, state)


def assert_equal(one, other):
    """Bit for bit; NaN equals NaN."""
    assert jax.tree.structure(one) == jax.tree.structure(other)
    jax.tree.map(np.testing.assert_array_equal, one, other)


def bucket_of(configuration, **options):
    return Bucket(configuration.structure, **options)
