"""The older toolkit's numbers, computed in float64, through the layer, optax and populations."""

import functools
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

from jdend.models import (
    DendriticLayer,
    Problem,
    SynapseIndex,
    build,
    configure,
    count_params,
    trace_params,
)
from jdend.training import Bucket, Examples, population, trace_hyperparameters

FILES = Path(__file__).parent / "reference"
NAMES = ("dendritic_simple", "soma_disabled", "dendritic_with_hidden")
KERNELS = ("auto", "gather")


class Reference:
    """One file: its configuration, its batches, and its arrays by the names of jdend's networks."""

    def __init__(self, name: str):
        self.arrays = dict(np.load(FILES / f"{name}.npz"))
        in_dim, n, d, k, hidden, classes, batch, self.n_steps = map(int, self.arrays["hyper"])
        self.lr, self.weight_decay = map(float, self.arrays["lr_wd"])
        self.shape = (1 if name == "soma_disabled" else n, d, k)
        params = {
            "architecture": name,
            "n_neurons": n,
            "n_dendrites": d,
            "n_dendrite_inputs": k,
            "hidden_dim": hidden or None,
            "batch_size": batch,
            "n_epochs": 1,
            "lr": self.lr,
            "weight_decay": self.weight_decay,
            "synaptic_resampling": False,
        }
        self.configuration = configure(params, Problem(in_dim, classes))
        self.x = self.arrays["x"].astype(np.float32)
        self.y = self.arrays["labels"].astype(np.int32)

    def tree(self, group: str) -> dict:
        """The float arrays of a group, as a network's parameters."""
        n, d, k = self.shape
        shapes = {"weight": (n, d, k), "bias": (n, d), "soma_weight": (n, d), "soma_bias": (n,)}
        tree: dict = {"dendritic": {}}
        linear = ("classifier",) if f"{group}/linear1_bias" not in self.arrays else (
            "hidden",
            "classifier",
        )  # fmt: skip
        for ours in shapes:
            theirs = ours if ours.startswith("soma") else f"dendrite_{ours}"
            if f"{group}/{theirs}" in self.arrays:
                tree["dendritic"][ours] = self.float32(f"{group}/{theirs}").reshape(shapes[ours])
        for i, ours in enumerate(linear):
            tree[ours] = {
                kind: self.float32(f"{group}/linear{i}_{kind}") for kind in ("kernel", "bias")
            }
        return tree

    def indices(self, group: str):
        return jnp.asarray(self.arrays[f"{group}/dendrite_indices"]).reshape(self.shape)

    def float32(self, key: str):
        return jnp.asarray(self.arrays[key], jnp.float32)

    def model(self, kernel: str) -> nnx.Module:
        values = self.tree("initial")
        values["dendritic"]["indices"] = self.indices("initial")
        structure = self.configuration.structure
        model = nnx.eval_shape(lambda: build(structure, kernel=kernel, rngs=nnx.Rngs(0)))
        nnx.update(model, nnx.State(values))
        return model


@functools.cache
def reference(name: str) -> Reference:
    return Reference(name)


@pytest.fixture(params=NAMES)
def ref(request):
    return reference(request.param)


def close(tree, expected, tolerance):
    assert jax.tree.structure(tree) == jax.tree.structure(expected)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=0, atol=tolerance), tree, expected
    )


def loss_of(model, x, y):
    logits = model(x)
    return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean(), logits


def test_the_number_of_parameters(ref):
    structure = ref.configuration.structure
    assert count_params(structure) == trace_params(structure) == int(ref.arrays["total_params"])


@pytest.mark.parametrize("kernel", KERNELS)
def test_first_logits_and_gradients(ref, kernel):
    graphdef, params, other = nnx.split(ref.model(kernel), nnx.Param, ...)

    x, y = jnp.asarray(ref.x[0]), jnp.asarray(ref.y[0])

    def loss(params):
        return loss_of(nnx.merge(graphdef, params, other), x, y)

    grads, logits = jax.jit(jax.grad(loss, has_aux=True))(params)
    np.testing.assert_allclose(logits, ref.arrays["first_logits"], rtol=0, atol=1e-5)
    close(nnx.to_pure_dict(grads), ref.tree("first_grad"), 1e-5)


def train(ref, kernel, optimizer, after_step=lambda params: params):
    """The losses and the final parameters."""
    graphdef, params, other = nnx.split(ref.model(kernel), nnx.Param, ...)

    def step(carry, batch):
        params, moments = carry

        def loss(params):
            return loss_of(nnx.merge(graphdef, params, other), *batch)[0]

        value, grads = jax.value_and_grad(loss)(params)
        updates, moments = optimizer.update(grads, moments, params)
        return (after_step(optax.apply_updates(params, updates)), moments), value

    @jax.jit
    def all_steps(params):
        carry, losses = jax.lax.scan(step, (params, optimizer.init(params)), (ref.x, ref.y))
        return losses, carry[0]

    losses, params = all_steps(params)
    return losses, nnx.to_pure_dict(params)


def test_training_with_optax(ref):
    """Optax decays at once with Adam's update, which moves losses by up to 9e-6 of themselves."""
    losses, params = train(ref, "auto", optax.adamw(ref.lr, weight_decay=ref.weight_decay))
    np.testing.assert_allclose(losses, ref.arrays["losses"], rtol=1e-5)
    close(params, ref.tree("final"), 1e-4)


def test_training_with_decay_after_the_update(ref):
    """As the reference decays; then float32 is all that is left between the two."""

    def decay(params):
        return jax.tree.map(lambda p: p * (1 - ref.lr * ref.weight_decay), params)

    losses, params = train(ref, "gather", optax.adam(ref.lr), decay)
    np.testing.assert_allclose(losses, ref.arrays["losses"], rtol=0, atol=5e-6)
    close(params, ref.tree("final"), 5e-6)


def test_the_layer_with_given_indices(ref):
    """The dendritic layer alone, built with the reference's indices, is the one in the network."""
    n, d, k = ref.shape
    soma = "soma_weight" in ref.tree("initial")["dendritic"]
    layer = DendriticLayer(
        20, n, d, k, soma=soma, indices=ref.indices("initial"), kernel="gather", rngs=nnx.Rngs(0)
    )
    nnx.update(layer, nnx.State(ref.tree("initial")["dendritic"]))
    model = ref.model("gather")
    np.testing.assert_array_equal(layer(ref.x[0]), model.dendritic(ref.x[0]))
    np.testing.assert_array_equal(
        layer.indices[...], nnx.state(layer, SynapseIndex)["indices"][...]
    )


def test_training_as_a_population(ref):
    """The same batches in the same order, as the one epoch of a population of one trial."""
    programs = population(Bucket(ref.configuration.structure))
    state = programs.init(
        trace_hyperparameters([ref.configuration], ref.n_steps), jnp.zeros(1, jnp.uint32)
    )

    def as_trial(tree):
        return jax.tree.map(lambda leaf: jnp.array(leaf)[None, None], tree)

    state.params.update(as_trial(ref.tree("initial")))
    state.other["dendritic"]["indices"] = as_trial(ref.indices("initial"))
    n = ref.y.size
    examples = Examples(
        jnp.asarray(ref.x.reshape(n, -1)), jnp.asarray(ref.y.ravel()), jnp.zeros(()), jnp.ones(())
    )
    order, losses, before = jnp.arange(n, dtype=jnp.int32)[None], [], 0.0
    for stop in range(1, ref.n_steps + 1):
        state = programs.advance(state, examples, order, jnp.int32(stop))
        losses.append(float(state.loss_sum[0, 0]) - before)
        before += losses[-1]
    np.testing.assert_allclose(losses, ref.arrays["losses"], rtol=1e-5)
    final = jax.tree.map(lambda leaf: leaf[0, 0], state.params)
    close(final, ref.tree("final"), 1e-4)
    np.testing.assert_array_equal(state.other["dendritic"]["indices"][0, 0], ref.indices("final"))
