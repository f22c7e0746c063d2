"""Programs for GPUs and TPUs lower on any machine, for one device and for eight."""

import functools
import re

import jax
import jax.numpy as jnp
import pytest
from jax.sharding import AbstractMesh
from small_populations import bucket_of, configured, data

from jdend.training import find_metric, on_device, trace_hyperparameters
from jdend.training._compilation import shapes_of
from jdend.training._population import make_population

MEMBERS = [configured(lr=1e-3 * (1 + i)) for i in range(8)]
ALONE, EIGHT = None, AbstractMesh((2, 4), ("seeds", "configurations"))
COLLECTIVES = r"(all_reduce|all_gather|all_to_all|collective_\w+|reduce_scatter)"


@functools.cache
def traced(mesh, n_seeds=4):
    """Each program of a population, with resampling and a metric, by name."""
    bucket, device = bucket_of(MEMBERS[0]), on_device(data())
    hyperparameters = trace_hyperparameters(MEMBERS, 12)
    population = make_population(bucket, True, frozenset(), find_metric("auc"), mesh)
    hyperparameters, examples = shapes_of(hyperparameters), shapes_of(device.examples)
    seeds, number = jax.ShapeDtypeStruct((n_seeds,), jnp.uint32), jax.ShapeDtypeStruct((), int)
    order = jax.ShapeDtypeStruct((n_seeds, device.n_train), jnp.int32)
    rows = jax.ShapeDtypeStruct((device.largest_part,), jnp.int32)
    state = jax.eval_shape(population.init._function, hyperparameters, seeds)
    arguments = {
        "init": (hyperparameters, seeds),
        "advance": (state, examples, order, number),
        "evaluate": (state, examples, number, number),
        "measure": (state, examples, rows),
    }
    return {
        name: getattr(population, name)._jitted.trace(*shapes) for name, shapes in arguments.items()
    }


@pytest.mark.parametrize("mesh", [ALONE, EIGHT], ids=["one device", "eight"])
@pytest.mark.parametrize("platform", ["cuda", "tpu"])
def test_programs_lower_for_accelerators(platform, mesh):
    for name, program in traced(mesh).items():
        text = program.lower(lowering_platforms=(platform,)).as_text()
        assert re.search(COLLECTIVES, text) is None, name
        for call in ("jdend_forward", "jdend_matmul"):
            assert call not in text, name  # the native kernel is for CPUs
        assert ("manual_computation" in text) == (mesh is EIGHT), name
