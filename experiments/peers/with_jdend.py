"""jdend's own populations, through the programs that a search runs."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jdend.models import Problem, configure
from jdend.training import (
    Bucket,
    Examples,
    State,
    block_shape,
    population,
    trace_hyperparameters,
)
from peers.workload import (
    CHECKED_STEPS,
    DECAY,
    RATE,
    Checked,
    Workload,
    draw_examples,
    draw_weights,
)

# A parameter's name in the workload by its layer and its name there.
NAMES = {
    ("dendritic", "weight"): "weight",
    ("dendritic", "bias"): "bias",
    ("dendritic", "soma_weight"): "soma_weight",
    ("dendritic", "soma_bias"): "soma_bias",
    ("hidden", "kernel"): "hidden",
    ("hidden", "bias"): "hidden_bias",
    ("classifier", "kernel"): "classifier",
    ("classifier", "bias"): "classifier_bias",
}


class JdendPopulation:
    """All trials in blocks as a search divides them, which train side by side, with the dendrites
    computed by a kernel of the given name."""

    def __init__(self, work: Workload, kernel: str):
        self.trials_per_step = work.trials
        self.work = work
        self.n_steps = 0
        self.per_epoch = work.examples // work.batch
        drawn = draw_examples(work)
        x, y = jnp.asarray(drawn.x), jnp.asarray(drawn.y)
        self.data = Examples(x, y, jnp.float32(drawn.offset), jnp.float32(drawn.scale))
        configuration = _configuration(work)
        bucket = Bucket(configuration.structure, kernel=kernel)
        self.population = population(bucket)
        sizes: Any = SimpleNamespace(n_train=work.examples, n_folds=1)
        self.shape = block_shape(bucket, work.configurations, work.seeds, sizes, one_end=True)
        hyperparameters = trace_hyperparameters(
            [configuration] * self.shape.columns, self.per_epoch
        )
        weights, indices = draw_weights(work)
        self.shapes = {name: array.shape[2:] for name, array in weights.items()}
        self.blocks: list[State] = []
        self.orders: list[jax.Array] = []
        self.begins = [
            (seed, column)
            for seed in range(0, work.seeds, self.shape.seeds)
            for column in range(0, work.configurations, self.shape.columns)
        ]
        for seed, column in self.begins:
            seeds = np.arange(seed, seed + self.shape.seeds)
            # The last block is filled up with the last configuration.
            columns = np.arange(column, column + self.shape.columns)
            columns = np.minimum(columns, work.configurations - 1)
            state = self.population.init(hyperparameters, jnp.asarray(seeds, jnp.uint32))
            trials = np.ix_(seeds, columns)
            self.blocks.append(_with_weights(state, weights, indices, trials))
            self.orders.append(jnp.asarray(drawn.order[seeds]))

    def first_steps(self) -> Checked:
        """Trains all trials a few steps; the checked ones' losses and weights."""
        losses, before = [], np.zeros(2)
        for _ in range(CHECKED_STEPS):
            self.steps(1)
            so_far = self._of_checked(lambda state: state.loss_sum)
            losses.append(so_far - before)
            before = so_far if self.n_steps % self.per_epoch else np.zeros(2)

        def weights(state: State) -> dict[str, Any]:
            trials = state.failed_step.shape
            by_name = {
                NAMES[layer, name]: array
                for layer, arrays in state.params.items()
                for name, array in arrays.items()
            }
            return {
                name: array.reshape(*trials, *self.shapes[name]) for name, array in by_name.items()
            }

        found = {
            name: self._of_checked(lambda state, name=name: weights(state)[name])
            for name in self.shapes
        }
        return Checked(np.array(losses), found)

    def steps(self, n: int) -> None:
        """Trains the whole population for `n` steps more."""
        end = self.n_steps + n
        while self.n_steps < end:
            epoch_end = (self.n_steps // self.per_epoch + 1) * self.per_epoch
            self.n_steps = min(end, epoch_end)
            stop = jnp.int32(self.n_steps)

            def advanced(block: int, stop: jax.Array = stop) -> State:
                state, order = self.blocks[block], self.orders[block]
                return jax.block_until_ready(self.population.advance(state, self.data, order, stop))

            with ThreadPoolExecutor(self.work.threads) as threads:
                self.blocks = list(threads.map(advanced, range(len(self.blocks))))

    def _of_checked(self, of_block) -> np.ndarray:
        """An array of trials, of those that are checked."""
        found = []
        for seed, column in self.work.checked:
            row, place = seed // self.shape.seeds, column // self.shape.columns
            first = (row * self.shape.seeds, place * self.shape.columns)
            array = of_block(self.blocks[self.begins.index(first)])
            found.append(np.array(array[seed - first[0], column - first[1]]))
        return np.stack(found)


def _configuration(work: Workload):
    return configure(
        {
            "architecture": "soma_disabled" if work.hidden else "dendritic_simple",
            "n_neurons": work.hidden or work.neurons,
            "n_dendrites": work.dendrites,
            "n_dendrite_inputs": work.synapses,
            "lr": RATE,
            "weight_decay": DECAY,
            "batch_size": work.batch,
            "synaptic_resampling": False,
        },
        Problem(work.features, work.classes),
    )


def _with_weights(
    state: State, weights: dict[str, np.ndarray], indices: np.ndarray, trials: Any
) -> State:
    """The state with the weights that all implementations start from, of a block's trials."""

    def of_block(array: np.ndarray, like: Any) -> jax.Array:
        return jnp.asarray(array[trials].reshape(like.shape))

    params = {
        layer: {name: of_block(weights[NAMES[layer, name]], like) for name, like in arrays.items()}
        for layer, arrays in state.params.items()
    }
    like = state.other["dendritic"]["indices"]
    other = {"dendritic": {"indices": of_block(indices, like)}}
    return replace(state, params=params, other=other)
