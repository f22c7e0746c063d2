"""JAX as one would write it for one network: activations gathered, `jax.jit`, optax's AdamW."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax

from peers.sequential import Sequential
from peers.workload import (
    BETAS,
    DECAY,
    EPSILON,
    RATE,
    SLOPE,
    Workload,
    draw_examples,
    draw_weights,
    rows_of_step,
)

ADAMW = optax.adamw(RATE, *BETAS, EPSILON, weight_decay=DECAY)


def load(work: Workload) -> Sequential:
    """The population, one trial after another."""
    drawn = draw_examples(work)
    weights, indices = draw_weights(work)
    data = jnp.asarray(drawn.x), jnp.asarray(drawn.y)

    def make(s: int, c: int):
        parameters = {name: jnp.asarray(value[s, c]) for name, value in weights.items()}
        normal = drawn.offset, drawn.scale
        return JaxTrial(work, data, normal, drawn.order[s], parameters, indices[s, c])

    return Sequential(work, make)


def _loss(p, indices, x, y):
    h = jax.nn.leaky_relu((x[:, indices] * p["weight"]).sum(-1) + p["bias"], SLOPE)
    s = jax.nn.leaky_relu(_somata(p, h), SLOPE)
    logits = s @ p["classifier"] + p["classifier_bias"]
    return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean()


def _somata(p, h):
    """The somata's sums `[B, N]`, or the hidden layer's `[B, H]`, of dendrites `[B, U]`."""
    if "hidden" in p:
        return h @ p["hidden"] + p["hidden_bias"]
    h = h.reshape(len(h), *p["soma_weight"].shape)
    return (h * p["soma_weight"]).sum(-1) + p["soma_bias"]


@functools.partial(jax.jit, donate_argnums=(0, 1))
def _step(p, adamw, indices, data, normal, rows):
    x = (data[0][rows].astype(jnp.float32) - normal[0]) * normal[1]
    loss, gradients = jax.value_and_grad(_loss)(p, indices, x, data[1][rows])
    updates, adamw = ADAMW.update(gradients, adamw, p)
    return loss, optax.apply_updates(p, updates), adamw


class JaxTrial:
    """One network and its optimizer."""

    def __init__(self, work: Workload, data, normal, order, parameters, indices):
        self.work, self.data, self.normal, self.order = work, data, normal, order
        self.parameters = parameters
        self.adamw = ADAMW.init(parameters)
        self.indices = jnp.asarray(indices)

    def step(self, number: int):
        rows = self.order[rows_of_step(self.work, number)]
        loss, self.parameters, self.adamw = _step(
            self.parameters, self.adamw, self.indices, self.data, self.normal, rows
        )
        return loss

    def finish(self) -> None:
        jax.block_until_ready(self.parameters)

    def weights(self) -> dict[str, np.ndarray]:
        return {name: np.array(value) for name, value in self.parameters.items()}
