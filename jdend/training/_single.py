# pyright: reportUnknownMemberType=false
"""Trains one configuration with one seed, and keeps the network: weights, normalisation, figures.

A search keeps the weights of its best network alone, and those of none on disk. A trial has the
same figures wherever it is trained, so other networks that are needed are trained again, each
alone.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array

from jdend.data import Split
from jdend.models import Configuration, TrainedModel, count_params
from jdend.training._bucket import Bucket, Network, check_precision, network
from jdend.training._device_data import DeviceData, on_device
from jdend.training._kept_populations import population_for
from jdend.training._memory import check_memory, usable_bytes
from jdend.training._population import Population
from jdend.training._pruning import compacted
from jdend.training._sharding import find_devices
from jdend.training._state import State, Tree, evaluated
from jdend.training._streaming import Feed, is_streamed
from jdend.training._teachers import check_teacher
from jdend.training._traced_hyperparameters import trace_hyperparameters

__all__ = ["extract", "network_with", "train_model", "trained_model"]


def train_model(
    configuration: Configuration,
    seed: int,
    data: Split,
    *,
    n_epochs: int | None = None,
    kernel: str = "auto",
    precision: str = "float32",
    on_epoch: Callable[[int, nnx.Module], None] | None = None,
) -> TrainedModel:
    """Trains one network and returns it.

    Its figures are those that `train` reports for the same configuration and seed; if that used a
    padded bucket, up to the order of floating-point summation.

    Args:
      configuration: the configuration to train.
      seed: an integer in [0, 2^32).
      data: a split with at least one batch of training examples. Nothing is selected here. Of one
        with folds, all training examples are trained on.
      n_epochs: the number of epochs; None for that of the configuration.
      kernel: the kernel that computes dendrites, see `jdend.kernels`.
      precision: of the products of matrices in training steps: float32, bfloat16 or tf32.
      on_epoch: called with the number of epochs done, from 0, and the network as it is then.

    Raises:
      ValueError: if a batch is larger than the training part, the seed is out of range, training
        diverged, there is no teacher for what learns of one, the device lacks the precision, or the
        synapses that dendrites have at first pass the memory.
    """
    if n_epochs is not None:
        if type(n_epochs) is not int or n_epochs < 1:
            raise ValueError(f"n_epochs must be a positive integer, got {n_epochs!r}")
        hyperparameters = replace(configuration.hyperparameters, n_epochs=n_epochs)
        configuration = replace(configuration, hyperparameters=hyperparameters)
    structure, data = configuration.structure, data.without_folds
    if len(data.train_y) < structure.batch_size:
        raise ValueError(
            f"batch_size={structure.batch_size} is more than the {len(data.train_y)} training "
            "examples"
        )
    check_teacher(structure, data)
    if isinstance(seed, bool) or not 0 <= seed < 2**32 or seed != int(seed):
        raise ValueError(f"seed must be an integer from 0 to 2**32 - 1, got {seed!r}")

    bucket = Bucket(structure, kernel=kernel, precision=precision)
    check_precision(bucket, find_devices()[0])
    check_memory(bucket, 1)

    def show(epoch: int, state: State) -> None:
        if on_epoch is not None:
            on_epoch(epoch, extract(bucket, state))

    programs, state = _trained(bucket, configuration, int(seed), data, show)
    figures = _figures(programs, state, data)
    if int(np.asarray(state.failed_step)[0, 0]) >= 0 or not np.isfinite(figures["train_loss"]):
        raise ValueError(f"training with seed {seed} diverged (its loss is not finite); lower lr")
    return trained_model(extract(bucket, state), configuration, int(seed), data, figures)


def extract(bucket: Bucket, state: State, seed: int = 0, column: int = 0) -> nnx.Module:
    """The network of one trial of an exact bucket; `seed` and `column` are positions in the
    population."""
    if bucket.padded:
        raise ValueError("a network is taken from an exact bucket; this one is padded")

    def of_trial(x: Array) -> Array:
        if jnp.issubdtype(x.dtype, jax.dtypes.prng_key):  # NumPy has no keys
            return x[seed, column]
        # On the host nothing is compiled for each shape.
        return jax.device_put(np.asarray(x)[seed, column])

    return network_with(bucket, *jax.tree.map(of_trial, (evaluated(state), state.other)))


def network_with(
    bucket: Bucket, params: Tree, other: Tree, trace: Callable[[Bucket], Network] = network
) -> nnx.Module:
    """The network of an exact bucket with the parameters and other variables of one trial."""
    bucket, params, other = compacted(bucket, params, other, trace)

    def array(x: Any) -> Array:
        return jax.device_put(x)

    return nnx.merge(trace(bucket).evaluating, *jax.tree.map(array, (params, other)))


def trained_model(
    module: nnx.Module,
    configuration: Configuration,
    seed: int,
    data: Split,
    figures: Mapping[str, float],
) -> TrainedModel:
    """A network that was trained on these data, with its losses and accuracies, and its origin."""
    return TrainedModel(
        module=module,
        configuration=configuration,
        offset=data.offset,
        scale=data.scale,
        class_names=data.class_names,
        target=data.target,
        inputs=str(data.train_x.dtype),
        figures={**figures, "total_params": count_params(configuration.structure)},
        origin={
            "dataset": data.name,
            "source": data.source,
            "fingerprint": data.fingerprint,
            "seed": seed,
        },
        table=data.table,
    )


def _trained(
    bucket: Bucket,
    configuration: Configuration,
    seed: int,
    data: Split,
    show: Callable[[int, State], None],
) -> tuple[Population, State]:
    on = _placed(data)
    steps_per_epoch = on.n_train // configuration.structure.batch_size
    hyperparameters = trace_hyperparameters([configuration], steps_per_epoch)
    programs = population_for(bucket, hyperparameters)
    programs.compile(hyperparameters, 1, on)
    state = programs.init(hyperparameters, jax.device_put(np.array([seed], np.uint32)))
    show(0, state)
    for epoch in range(configuration.hyperparameters.n_epochs):
        feed = Feed(on, state.seeds, epoch, configuration.structure.batch_size)
        step, end = epoch * steps_per_epoch, (epoch + 1) * steps_per_epoch
        while step < end:
            state, step = feed.advance(programs.advance, state, step, end)
            jax.block_until_ready(state.step)  # between these Ctrl-C is heard
        show(epoch + 1, state)
    return programs, state


def _placed(data: Split) -> DeviceData:
    return on_device(data, streamed=is_streamed(data, False, usable_bytes()))


def _figures(programs: Population, state: State, data: Split) -> dict[str, float]:
    """The loss and accuracy on each part that has examples, from one full pass."""
    on = _placed(data)
    figures: dict[str, float] = {}
    for part, (begin, end) in on.rows.items():
        if begin < end:
            values = programs.loss_and_accuracy(state, on, part)
            for name, value in zip(("loss", "accuracy"), values, strict=True):
                figures[f"{part}_{name}"] = float(np.asarray(value)[0, 0])
            if data.target is not None:
                del figures[f"{part}_accuracy"]
    return figures
