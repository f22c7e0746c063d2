"""Exports to StableHLO by `jax.export`: a program that JAX, or any XLA, runs without jdend."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from flax import nnx
from jax import Array, export

from jdend.kernels import DotGeneral
from jdend.models import DendriticLayer, TrainedModel

__all__ = ["PLATFORMS", "portable", "serialized"]

PLATFORMS = ("cpu", "cuda", "tpu")
KERNEL = "gather"  # needs JAX only, and allows any number of examples


def portable(model: TrainedModel) -> Callable[[Array], Array]:
    """The function from raw examples `[B, F]` to logits `[B, classes]`, of regression to the target
    `[B, 1]` in its own units, for converters of JAX functions. It contains weights and
    normalisation, and uses only JAX's own operations."""
    module = nnx.clone(model.module)
    module.eval()
    for _, part in nnx.iter_modules(module):
        if isinstance(part, DendriticLayer):
            part.kernel = KERNEL
        elif isinstance(part, nnx.Linear):
            part.dot_general = DotGeneral(KERNEL)
    graphdef, state = nnx.split(module)
    offset, scale = jnp.asarray(model.offset), jnp.asarray(model.scale)
    mean, deviation = map(jnp.float32, model.target or (0.0, 1.0))

    def logits(x: Array) -> Array:
        outputs = nnx.merge(graphdef, state)((x.astype(jnp.float32) - offset) * scale)
        return outputs if model.target is None else outputs * deviation + mean

    return logits


def serialized(model: TrainedModel) -> bytes:
    """The function `portable` as a program of StableHLO, for any `B`."""
    features = model.configuration.structure.problem.in_features
    shape = export.symbolic_shape(f"B, {features}")
    examples = jax.ShapeDtypeStruct(shape, jnp.dtype(model.inputs))
    exported = export.export(jax.jit(portable(model)), platforms=PLATFORMS)(examples)
    return bytes(exported.serialize())
