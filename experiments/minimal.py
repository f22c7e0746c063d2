"""A population of dendritic networks in plain JAX, to read before `jdend/training/_population.py`.

    python experiments/minimal.py

Every seed meets every configuration: a trial's arrays have the leading axes `[S, C]`, and one
program trains them all. It prints the validation accuracy of some learning rates on the digits.
`B` examples, `F` features, `N` neurons, `D` dendrites a neuron, `K` synapses a dendrite.
"""

import functools

import jax
import jax.numpy as jnp

from jdend.connectivity import dendrite_keys, draw_indices
from jdend.data import load, split
from jdend.training import epoch_order

leaky = functools.partial(jax.nn.leaky_relu, negative_slope=0.1)


def init(seed, sizes, n_features, n_classes):
    """One network: what it learns, and which input `[N, D, K]` each synapse reads."""
    (N, D, K), key = sizes, jax.random.fold_in(jax.random.key(seed, impl="threefry2x32"), 0)
    of_indices, of_dendrites, of_classifier = (jax.random.fold_in(key, i) for i in range(3))
    # Every dendrite has a key of its own, so its draws do not depend on how many there are.
    normal = jax.vmap(jax.vmap(lambda key: jax.random.normal(key, (1 + K,))))
    draws = normal(dendrite_keys(of_dendrites, N, D))
    rows = jax.vmap(jax.random.fold_in, in_axes=(None, 0))(of_classifier, jnp.arange(N))
    kernel = jax.vmap(lambda key: jax.random.normal(key, (n_classes,)))(rows)
    params = {  # variances: two over the number of inputs; of dendrites, over that of features
        "weight": draws[..., 1:] * jnp.sqrt(2 / n_features),
        "bias": jnp.zeros((N, D)),
        "soma_weight": draws[..., 0] * jnp.sqrt(2 / (N * D)),
        "soma_bias": jnp.zeros(N),
        "kernel": kernel * jnp.sqrt(2 / N),
        "class_bias": jnp.zeros(n_classes),
    }
    return params, draw_indices(of_indices, (N, D, K), n_features)


def forward(params, indices, x):
    """Examples `[B, F]` to logits. A gather is the plain way; `jdend.kernels` has faster ones."""
    dendrites = leaky((params["weight"] * x[:, indices]).sum(-1) + params["bias"])
    somata = leaky((params["soma_weight"] * dendrites).sum(-1) + params["soma_bias"])
    return somata @ params["kernel"] + params["class_bias"]


def loss(params, indices, x, y):
    """Mean softmax cross-entropy."""
    log_p = jax.nn.log_softmax(forward(params, indices, x))
    return -jnp.take_along_axis(log_p, y[:, None], axis=1).mean()


def step(params, adam, t, indices, x, y, rate, decay):
    """One step of AdamW (Loshchilov & Hutter 2019) for one trial; `t` counts from 1."""
    grads = jax.grad(loss)(params, indices, x, y)
    mean = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, adam[0], grads)
    square = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, adam[1], grads)

    def move(p, m, v):
        direction = m / (1 - 0.9**t) / (jnp.sqrt(v / (1 - 0.999**t)) + 1e-8)
        return p - rate * (direction + decay * p)

    return jax.tree.map(move, params, mean, square), (mean, square)


def right(params, indices, x, y):
    """Share of right answers."""
    return (forward(params, indices, x).argmax(-1) == y).mean()


# Configurations of one seed share synapses and batches, and differ in rate and decay; seeds differ
# in the former. Rates are arguments, not part of the program: with others, nothing is recompiled.
over_configurations = jax.vmap(step, in_axes=(0, 0, None, None, None, None, 0, 0))
steps = jax.vmap(over_configurations, in_axes=(0, 0, None, 0, 0, 0, None, None))
accuracy = jax.vmap(jax.vmap(right, in_axes=(0, None, None, None)), in_axes=(0, 0, None, None))


@jax.jit
def train_on(batches, params, adam, n_done, indices, x, y, rate, decay):
    """All trials through the rows `batches [steps, S, B]`, after `n_done` steps."""

    def next_batch(state, rows):
        params, adam, t = state
        return (*steps(params, adam, t, indices, x[rows], y[rows], rate, decay), t + 1), None

    return jax.lax.scan(next_batch, (params, adam, n_done + 1), batches)[0][:2]


def train(x, y, seeds, rate, decay, *, sizes, n_classes, batch_size, n_epochs):
    """Trained parameters `[S, C, …]` and indices `[S, N, D, K]`; `rate` and `decay` are `[C]`."""
    one_each = jax.vmap(lambda seed: init(seed, sizes, x.shape[1], n_classes))
    params, indices = one_each(seeds)
    params = jax.tree.map(lambda p: jnp.repeat(p[:, None], len(rate), axis=1), params)
    adam = (jax.tree.map(jnp.zeros_like, params),) * 2
    n_steps = len(y) // batch_size  # the last incomplete batch is dropped
    for epoch in range(n_epochs):
        order = epoch_order(seeds, epoch, len(y))[:, : n_steps * batch_size]  # a fresh shuffle
        batches = order.reshape(len(seeds), n_steps, batch_size).swapaxes(0, 1)
        n_done = epoch * n_steps
        params, adam = train_on(batches, params, adam, n_done, indices, x, y, rate, decay)
    return params, indices


def main():
    data = split(load("digits"))
    x, held_out = (
        jnp.asarray((part - data.offset) * data.scale) for part in (data.train_x, data.validation_x)
    )
    y, seeds = jnp.asarray(data.train_y), jnp.arange(3, dtype=jnp.uint32)
    rates, decays = jnp.array([1e-3, 3e-3, 1e-2, 3e-2, 1e-1]), jnp.full(5, 0.01)
    sizes = {"sizes": (12, 4, 16), "n_classes": data.n_classes, "batch_size": 64, "n_epochs": 15}
    params, indices = train(x, y, seeds, rates, decays, **sizes)
    for rate, shares in zip(
        rates, accuracy(params, indices, held_out, data.validation_y).T, strict=True
    ):
        print(f"rate {rate:.3f}   {shares.mean():.4f} ± {shares.std(ddof=1):.4f}")


if __name__ == "__main__":
    main()
