"""A small network of every architecture."""

import functools

import jax
from flax import nnx
from user_architecture import NAME

from jdend.models import Problem, Structure, architectures, build, configure

PROBLEM = Problem(20, 4, (5, 4, 1))
SMALL = {
    "n_neurons": 3, "n_dendrites": 2, "n_dendrite_inputs": 5, "n_soma_inputs": 2, "hidden_dim": 6,
    "second_hidden_dim": 3, "patch_size": 3, "stride": 1, "pooled_size": 2,
    "second_n_neurons": 4, "second_n_dendrites": 2, "second_n_dendrite_inputs": 2
}  # fmt: skip
NAMES = (*architectures(), NAME)


def small_structure(name: str) -> Structure:
    return configure({**SMALL, "architecture": name}, PROBLEM).structure


@functools.cache
def small_network(name: str) -> nnx.Module:
    """Not to be changed; made by one program, since one for each of its operations takes long."""

    def make():
        return build(small_structure(name), rngs=nnx.Rngs(0))

    values = jax.jit(lambda: nnx.state(make()))()
    return nnx.merge(nnx.graphdef(nnx.eval_shape(make)), values)
