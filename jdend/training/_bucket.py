# pyright: reportUnknownMemberType=false
"""Buckets, and the static part of each bucket's network."""

import functools
from dataclasses import dataclass
from typing import Any, cast

import jax
import jax.numpy as jnp
from flax import nnx

from jdend import kernels
from jdend._messages import OneLineError
from jdend.models import (
    DendriticLayer,
    Structure,
    SynapseIndex,
    TrueSizes,
    architecture,
    build,
)

__all__ = ["Bucket", "Network", "PrecisionError", "check_precision", "network", "outline"]

Path = tuple[Any, ...]


@dataclass(frozen=True)
class Bucket:
    """What the configurations that train in one program have in common.

    Attributes:
      structure: their structure; in a padded bucket the capacity, which no member's sizes exceed.
      padded: whether members may be smaller than `structure`.
      kernel: the kernel that computes dendrites, see `jdend.kernels`.
      precision: how the products of matrices are computed in training steps: float32, bfloat16 or
        tf32. Networks are measured in float32.
    """

    structure: Structure
    padded: bool = False
    kernel: str = "auto"
    precision: str = "float32"

    @property
    def at_first(self) -> Structure:
        """The structure as training begins: with room for the synapses that are removed later."""
        density = int(self.structure.extra("initial_density") or 1)
        sizes, (_, features) = self.structure.sizes, self.structure.patches
        if density == 1 or "n_dendrite_inputs" not in sizes:
            return self.structure
        room = min(density * sizes["n_dendrite_inputs"], features)
        return self.structure.with_sizes({**sizes, "n_dendrite_inputs": room})

    @property
    def has_true_sizes(self) -> bool:
        """Whether its networks say how much of their arrays is real."""
        return self.padded or self.structure.extra("initial_density") is not None

    def fits(self, structure: Structure) -> bool:
        """Whether a configuration of this structure can train in this bucket."""
        sizes, room = structure.sizes, self.structure.sizes
        smaller = sizes.keys() == room.keys() and all(sizes[name] <= room[name] for name in sizes)
        return structure == self.structure or (
            self.padded and smaller and structure.family == self.structure.family
        )

    def check_fits(self, structure: Structure) -> None:
        """Raises `ValueError` unless a configuration of this structure can train in this bucket."""
        if not self.fits(structure):
            kind = "a padded bucket" if self.padded else "a bucket"
            raise ValueError(f"{structure} does not fit {kind} of {self.structure}")


class PrecisionError(OneLineError):
    """Products of matrices cannot be computed so; the message says what to do."""


def check_precision(bucket: Bucket, device: Any) -> None:
    """Raises `PrecisionError` unless the bucket's kernel, and a device, have its precision."""
    if bucket.precision == "float32":
        return
    try:
        kernels.resolve(bucket.kernel, precision=bucket.precision)
        kernels.check_precision(bucket.precision, device)
    except (ValueError, RuntimeError) as error:
        raise PrecisionError(str(error)) from None


@dataclass(frozen=True)
class Network:
    """The static part of a bucket's NNX module: all but its arrays.

    Attributes:
      training, evaluating: its definitions for the two modes; they differ if it has, say, dropout.
      layers: its dendritic layers, each with its path in the module.
      pruned: those of these layers that lose synapses while they learn.
      stateful: whether it has variables that a forward pass changes, such as running statistics.
      takes_packed: whether it takes a `jdend.kernels.Packed`, see `register_architecture`.
    """

    training: nnx.GraphDef[nnx.Module]
    evaluating: nnx.GraphDef[nnx.Module]
    layers: tuple[tuple[Path, DendriticLayer], ...]
    pruned: tuple[tuple[Path, DendriticLayer], ...]
    stateful: bool
    takes_packed: bool = False


def network(bucket: Bucket) -> Network:
    """A bucket's network, traced when it is first asked for; no arrays are allocated."""
    arch = architecture(bucket.structure.architecture)
    return _traced(bucket, (arch.module, arch.fields, arch.context))


@functools.lru_cache(maxsize=64)
def _traced(bucket: Bucket, _registered: object) -> Network:
    """The network of a bucket whose architecture is registered so; names may be so anew."""
    structure = bucket.at_first
    model = outline(bucket, structure)
    layers = _dendritic_layers(model)
    pruned: tuple[tuple[Path, DendriticLayer], ...] = ()
    if bucket.structure.extra("initial_density") is not None:
        fewest = structure.with_sizes({**structure.sizes, "n_dendrite_inputs": 1})
        others = _dendritic_layers(outline(bucket, fewest))
        pairs = zip(layers, others, strict=True)
        pruned = tuple(one for one, few in pairs if one[1].weight.shape != few[1].weight.shape)
    changes = nnx.Not(nnx.Any(nnx.Param, SynapseIndex, TrueSizes))
    changeable: list[Any] = jax.tree.leaves(nnx.state(model, changes))
    model.eval()
    evaluating = nnx.graphdef(model)
    model.train()
    return Network(
        training=nnx.graphdef(model),
        evaluating=evaluating,
        layers=layers,
        pruned=pruned,
        stateful=bool(changeable),
        takes_packed=_takes_packed(model),
    )


def _takes_packed(model: nnx.Module) -> bool:
    """What its own class says: one derived from that may do something else with its inputs."""
    own = vars(cast(type, type(model)))
    return "takes_packed" in own and bool(getattr(model, "takes_packed"))  # noqa: B009


def outline(bucket: Bucket, structure: Structure) -> nnx.Module:
    """A structure's network without arrays."""
    sizes = dict.fromkeys(structure.sizes, jnp.int32(1)) if bucket.has_true_sizes else None
    return nnx.eval_shape(
        lambda: build(structure, kernel=bucket.kernel, sizes=sizes, rngs=nnx.Rngs(0))
    )


def _dendritic_layers(model: nnx.Module) -> tuple[tuple[Path, DendriticLayer], ...]:
    return tuple((p, m) for p, m in nnx.iter_modules(model) if isinstance(m, DendriticLayer))
