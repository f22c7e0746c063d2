"""Small networks of every kind that is exported, with biases that are not zero."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from jdend.models import Problem, TrainedModel, build, configure

IMAGES = Problem(48, 4, (4, 4, 3))
MANY = Problem(400, 3, (20, 20, 1))
SMALL = {"n_neurons": 5, "n_dendrites": 3, "n_dendrite_inputs": 7, "hidden_dim": 6}
KINDS = {
    "dendritic_simple": {},
    "without_somata": {"architecture": "dendritic_simple", "soma_enabled": False},
    "soma_disabled": {"architecture": "soma_disabled"},
    "sparse_somata": {"architecture": "sparse_somata", "n_soma_inputs": 2},
    "dendritic_two_layers": {
        "architecture": "dendritic_two_layers",
        "second_n_neurons": 4,
        "second_n_dendrites": 2,
        "second_n_dendrite_inputs": 3,
    },
    "steep_in_two_layers": {"architecture": "dendritic_two_layers", "dendrite_slope": 0.5},
    "dendritic_convolutional": {
        "architecture": "dendritic_convolutional",
        "patch_size": 2,
        "stride": 1,
        "pooled_size": 2,
    },
    "far_apart": {
        "architecture": "dendritic_convolutional",
        "patch_size": 3,
        "stride": 1,
        "pooled_size": 3,
    },
    "dendritic_with_hidden": {"architecture": "dendritic_with_hidden"},
    "hidden_without_somata": {"architecture": "dendritic_with_hidden", "soma_enabled": False},
    "mlp": {"architecture": "mlp"},
    "mlp_two_hidden": {"architecture": "mlp_two_hidden", "second_hidden_dim": 5},
    "linear": {"architecture": "linear"},
    "class_somata": {"architecture": "class_somata"},
    "linear_dendrites": {"dendrite_slope": 1.0},
    "steep_dendrites": {"architecture": "soma_disabled", "dendrite_slope": 0.5},
    "folded_dendrites": {"architecture": "sparse_somata", "dendrite_slope": -1.0},
    "folded_in_neurons": {"dendrite_slope": -1.0},
    "linear_class_somata": {"architecture": "class_somata", "dendrite_slope": 1.0},
}
CHANNELS = (np.float32([110, 120, 130]), np.float32([0.016, 0.017, 0.018]))


@functools.cache
def small_module(kind, problem):
    """Its configuration, graph and values."""
    configuration = configure({**SMALL, **KINDS[kind]}, problem)

    def make():
        return build(configuration.structure, rngs=nnx.Rngs(0))

    graph, params, _ = nnx.split(nnx.eval_shape(make), nnx.Param, ...)
    rng = np.random.default_rng(1)
    params = jax.tree.map(lambda p: jnp.asarray(rng.normal(0, 0.5, p.shape), p.dtype), params)
    synapses = jax.jit(lambda: nnx.state(make(), nnx.Not(nnx.Param)))()
    return configuration, graph, nnx.merge_state(params, synapses)


@functools.cache
def small_model(kind="dendritic_simple", problem=IMAGES, inputs="uint8", by_channel=False):
    """Not to be changed."""
    configuration, graph, values = small_module(kind, problem)
    repeats = problem.in_features // 3
    offset, scale = CHANNELS if by_channel else (np.float32(72.9), np.float32(0.0111))
    return TrainedModel(
        module=nnx.merge(graph, values),
        configuration=configuration,
        offset=np.tile(offset, repeats) if by_channel else offset,
        scale=np.tile(scale, repeats) if by_channel else scale,
        class_names=tuple(f"class */ {i} ??/" for i in range(problem.n_classes)),
        inputs=inputs,
        figures={"validation_accuracy": 0.75},
    )


def examples(model, n=9):
    """Raw examples `[n, F]`."""
    rng = np.random.default_rng(2)
    x = rng.integers(0, 256, (n, model.configuration.structure.problem.in_features))
    return x.astype(np.uint8) if model.inputs == "uint8" else (x + 0.25).astype(np.float32)
