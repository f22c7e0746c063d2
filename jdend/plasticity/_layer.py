# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
"""Resampling of a layer of a Flax module, in place, with what its optimizer keeps."""

from typing import Any

import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Bool, Key

from jdend.plasticity._resample import NEW_MOMENTS, resample

__all__ = ["resample_layer"]


def resample_layer(
    layer: Any,
    optimizer: nnx.Optimizer[Any],
    key: Key[Array, ""],
    *,
    model: nnx.Module | None = None,
    moments: str = "zero",
    **options: Any,
) -> Bool[Array, "N D K"]:
    """Replaces weak synapses of a layer in place, inside ``nnx.jit`` or not.

    Args:
      layer: a `jdend.models.DendriticLayer`.
      optimizer: that of `model`.
      key: this resampling's key.
      model: the module that has the layer; the layer itself if None.
      moments: of new synapses in the optimizer, a name of `NEW_MOMENTS`: `zero`, or `kept`.
      options: further arguments of :func:`resample`, such as `percentage` and `rule`.

    Returns:
      True where a synapse is new.

    Raises:
      ValueError: if `model` does not have the layer, or `moments` is another word.
    """
    if moments not in NEW_MOMENTS:
        raise ValueError(f"unknown moments {moments!r}; allowed are {', '.join(NEW_MOMENTS)}")
    owner: nnx.Module = layer if model is None else model
    place = next((path for path, module in nnx.iter_modules(owner) if module is layer), None)
    if place is None:
        raise ValueError(f"the model, {type(owner).__name__}, does not have this layer")
    known: dict[str, Any] = {"in_features": layer.in_features, "image_shape": layer.image_shape}
    if layer.sizes is not None:
        known |= {"sizes": layer.sizes[:3], "true_features": layer.sizes[3]}
    arrays = layer.weight[...], layer.indices[...]
    layer.weight[...], layer.indices[...], replaced = resample(key, *arrays, **known | options)
    if moments == "zero":
        for kept in _of_parameter(optimizer, owner, (*place, "weight")):
            kept[...] = jnp.where(replaced, 0, kept[...])
    return replaced


def _of_parameter(
    optimizer: nnx.Optimizer[Any], model: nnx.Module, place: tuple[Any, ...]
) -> list[Any]:
    """What the optimizer keeps of a parameter: under names of its own, then the parameter's path,
    which may be the end of another one's."""
    parameters = nnx.to_flat_state(nnx.state(model, nnx.Param))
    others = [path for path, _ in parameters if path != place and path[-len(place) :] == place]
    return [
        variable
        for path, variable in nnx.iter_graph(optimizer.opt_state)
        if isinstance(variable, nnx.Variable)
        and path[-len(place) :] == place
        and not any(path[-len(other) :] == other for other in others)
    ]
