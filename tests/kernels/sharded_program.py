"""A batch on four devices; prints how results are sharded, and what the program does for it."""

import json
import os
import sys

os.environ["XLA_FLAGS"] = (
    f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count=4"
)

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, NamedSharding
from jax.sharding import PartitionSpec as P

from jdend.kernels import dendritic_layer

rng = np.random.default_rng(0)
WEIGHT = rng.normal(size=(3, 2, 5)).astype(np.float32)
INDICES = rng.random((3, 2, 20)).argsort(-1)[..., :5].astype(np.int32)
X = rng.normal(size=(24, 20)).astype(np.float32)
BIAS = np.zeros((3, 2), np.float32)
SOMA = np.ones((3, 2), np.float32), np.zeros(3, np.float32)


def layer(weight, x):
    return dendritic_layer(x, weight, BIAS, INDICES, *SOMA)


def gradient(weight, x):
    return jax.grad(lambda *both: (layer(*both) ** 2).sum(), (0, 1))(weight, x)


def found(function, x, compiled):
    out = jax.tree.leaves((jax.jit(function) if compiled else function)(WEIGHT, x))[-1]
    text = jax.jit(function).lower(WEIGHT, x).compile().as_text()
    one = jax.tree.leaves((gradient if function is gradient else layer)(WEIGHT, X))[-1]
    return {
        "pieces": sorted({shard.data.shape for shard in out.addressable_shards}),
        "gathers": text.count(" all-gather("),
        "native": text.count('custom_call_target="jdend_forward"'),
        "error": float(np.abs(np.asarray(out) - np.asarray(one)).max()),
    }


mesh = jax.make_mesh((4,), ("data",), axis_types=(AxisType[sys.argv[1]],))
with jax.set_mesh(mesh):
    x = jax.device_put(jnp.asarray(X), NamedSharding(mesh, P("data")))
    of_shards = {"in_specs": (P(), P("data")), "out_specs": P("data")}
    mapped = jax.shard_map(layer, **of_shards)
    unchecked = jax.shard_map(layer, check_vma=False, **of_shards)
    results = {
        "layer": found(layer, x, compiled=False),
        "compiled layer": found(layer, x, compiled=True),
        "gradient": found(gradient, x, compiled=False),
        "compiled gradient": found(gradient, x, compiled=True),
        "shard_map": found(mapped, x, compiled=True),
        "shard_map without checks": found(unchecked, x, compiled=True),
    }
print(json.dumps(results))
