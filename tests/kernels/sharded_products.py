"""Products of operands on four devices; prints how they are computed and how results lie."""

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

from jdend.kernels import DotGeneral

A = np.random.default_rng(0).normal(size=(8, 12, 6)).astype(np.float32)
B = np.random.default_rng(1).normal(size=(8, 6, 4)).astype(np.float32)


def product(a, b):
    return DotGeneral()(a, b, (((1,), (0,)), ((), ())))


def gradient(a, b):
    return jax.grad(lambda b: (product(a, b) ** 2).sum())(b)


def found(function, exact, a, b):
    out = jax.jit(function)(a, b)
    text = jax.jit(function).lower(a, b).compile().as_text()
    (pieces,) = {shard.data.shape for shard in out.addressable_shards}
    return {
        "pieces": pieces,
        "whole": exact.shape,
        "quarter": (exact.shape[0] // 4, *exact.shape[1:]),
        "calls": text.count('custom_call_target="jdend_matmul"'),
        "error": float(np.abs(np.asarray(out) - exact).max() / np.abs(exact).max()),
    }


mesh = jax.make_mesh((4,), ("data",), axis_types=(AxisType[sys.argv[1]],))
with jax.set_mesh(mesh):
    divided = NamedSharding(mesh, P("data"))
    a, trials, weights = (jax.device_put(jnp.asarray(x), divided) for x in (A[0], A, B))
    of_shards = {"in_specs": (P("data"), P()), "out_specs": P("data")}
    results = {
        "rows": found(product, A[0] @ B[0], a, B[0]),
        "gradient": found(gradient, 2 * A[0].T @ (A[0] @ B[0]), a, B[0]),
        "trials": found(jax.vmap(product), A @ B, trials, weights),
        "shard_map": found(jax.shard_map(product, **of_shards), A[0] @ B[0], a, B[0]),
        "unchecked": found(
            jax.shard_map(product, check_vma=False, **of_shards), A[0] @ B[0], a, B[0]
        ),
    }
print(json.dumps(results))
