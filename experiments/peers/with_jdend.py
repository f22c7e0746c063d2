"""jdend's own populations, through the programs that a search runs."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np

from jdend.models import Problem, configure
from jdend.training import Bucket, Examples, State, population, trace_hyperparameters
from peers.workload import (
    CHECKED_STEPS,
    DECAY,
    RATE,
    Checked,
    Workload,
    draw_examples,
    draw_weights,
)


class JdendPopulation:
    """All trials in one program, with the dendrites computed by a kernel of the given name."""

    def __init__(self, work: Workload, kernel: str):
        self.trials_per_step = work.trials
        self.work = work
        self.n_steps = 0
        self.per_epoch = work.examples // work.batch
        drawn = draw_examples(work)
        x, y = jnp.asarray(drawn.x), jnp.asarray(drawn.y)
        self.data = Examples(x, y, jnp.float32(drawn.offset), jnp.float32(drawn.scale))
        self.order = jnp.asarray(drawn.order)
        configuration = _configuration(work)
        self.population = population(Bucket(configuration.structure, kernel=kernel))
        hyperparameters = trace_hyperparameters(
            [configuration] * work.configurations, self.per_epoch
        )
        seeds = jnp.arange(work.seeds, dtype=jnp.uint32)
        self.state = _with_weights(work, self.population.init(hyperparameters, seeds))

    def first_steps(self) -> Checked:
        """Trains all trials a few steps; the checked ones' losses and weights."""
        losses, before = [], np.zeros(2)
        for _ in range(CHECKED_STEPS):
            self.steps(1)
            so_far = self._of_checked(self.state.loss_sum)
            losses.append(so_far - before)
            before = so_far if self.n_steps % self.per_epoch else np.zeros(2)
        dendritic, classifier = self.state.params["dendritic"], self.state.params["classifier"]
        trials = (self.work.seeds, self.work.configurations)
        weights = {
            **dendritic,
            "weight": dendritic["weight"].reshape(*trials, -1, self.work.synapses),
            "bias": dendritic["bias"].reshape(*trials, -1),
            "classifier": classifier["kernel"],
            "classifier_bias": classifier["bias"],
        }
        return Checked(
            np.array(losses), {name: self._of_checked(array) for name, array in weights.items()}
        )

    def steps(self, n: int) -> None:
        """Trains the whole population for `n` steps more."""
        end = self.n_steps + n
        while self.n_steps < end:
            epoch_end = (self.n_steps // self.per_epoch + 1) * self.per_epoch
            self.n_steps = min(end, epoch_end)
            self.state = self.population.advance(
                self.state, self.data, self.order, jnp.int32(self.n_steps)
            )
        jax.block_until_ready(self.state.step)

    def _of_checked(self, array) -> np.ndarray:
        return np.stack([np.array(array[trial]) for trial in self.work.checked])


def _configuration(work: Workload):
    return configure(
        {
            "n_neurons": work.neurons,
            "n_dendrites": work.dendrites,
            "n_dendrite_inputs": work.synapses,
            "lr": RATE,
            "weight_decay": DECAY,
            "batch_size": work.batch,
            "synaptic_resampling": False,
        },
        Problem(work.features, work.classes),
    )


def _with_weights(work: Workload, state: State) -> State:
    """The state with the weights that all implementations start from."""
    weights, indices = draw_weights(work)
    drawn = {
        ("dendritic", "weight"): weights["weight"],
        ("dendritic", "bias"): weights["bias"],
        ("dendritic", "soma_weight"): weights["soma_weight"],
        ("dendritic", "soma_bias"): weights["soma_bias"],
        ("classifier", "kernel"): weights["classifier"],
        ("classifier", "bias"): weights["classifier_bias"],
    }
    params = {
        layer: {
            name: jnp.asarray(drawn[layer, name].reshape(array.shape))
            for name, array in arrays.items()
        }
        for layer, arrays in state.params.items()
    }
    shape = state.other["dendritic"]["indices"].shape
    other = {"dendritic": {"indices": jnp.asarray(indices.reshape(shape))}}
    return replace(state, params=params, other=other)
