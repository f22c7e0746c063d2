"""StableHLO by way of `jax.export`: a program that JAX, or any XLA, runs without jdend."""

import jax
import jax.numpy as jnp
from flax import nnx
from jax import export

from jdend.models import DendriticLayer, TrainedModel

__all__ = ["PLATFORMS", "serialized"]

PLATFORMS = ("cpu", "cuda", "tpu")
KERNEL = "gather"  # in JAX alone, and of nothing that a free number of examples forbids


def serialized(model: TrainedModel) -> bytes:
    """The program from raw examples `[B, F]` to logits, `B` free, weights and all."""
    module = nnx.clone(model.module)
    module.eval()
    for _, part in nnx.iter_modules(module):
        if isinstance(part, DendriticLayer):
            part.kernel = KERNEL
    graphdef, state = nnx.split(module)
    offset, scale = jnp.asarray(model.offset), jnp.asarray(model.scale)

    def logits(x):
        return nnx.merge(graphdef, state)((x.astype(jnp.float32) - offset) * scale)

    features = model.configuration.structure.problem.in_features
    examples = jax.ShapeDtypeStruct(
        export.symbolic_shape(f"B, {features}"), jnp.dtype(model.inputs)
    )
    return bytes(export.export(jax.jit(logits), platforms=PLATFORMS)(examples).serialize())
