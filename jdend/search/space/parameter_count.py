"""Counts the trainable parameters of one network, of many at once, or of one in two ways.

All counts come from `jdend.models`, which traces the construction of an architecture once, with
symbols in place of its sizes.
"""

import functools
import math
from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Int

from jdend.fields import Derived
from jdend.models import (
    Problem,
    Structure,
    configure,
    count_params,
    count_params_of_sizes,
    counts_at_once,
    structure_of,
    trace_params,
)
from jdend.models import architecture as find_architecture
from jdend.search.errors import SpaceError

__all__ = ["confirmed_params", "count_points", "counts_many", "dendritic_params", "estimate_params"]


def estimate_params(
    in_dim: int,
    n_neurons: int | None = None,
    n_dendrites: int | None = None,
    n_dendrite_inputs: int | None = None,
    soma_enabled: bool = True,
    n_classes: int = 10,
    architecture: str = "dendritic_simple",
    hidden_dim: int | None = None,
    *,
    image_shape: tuple[int, int, int] | None = None,
    **fields: object,
) -> int:
    """The number of trainable parameters of a network, which is not built for that.

    The arguments have the order of the older toolkit.

    Args:
      in_dim: `F`, the number of the data's features.
      n_neurons, n_dendrites, n_dendrite_inputs, soma_enabled, hidden_dim: the network's sizes. The
        architecture ignores those that it does not read, and has defaults for those that are None.
      n_classes: the number of logits.
      architecture: the name of a registered architecture.
      image_shape: `(H, W, C)` of the data, which architectures for images alone need.
      **fields: further fields, such as `connectivity`, or those of an architecture of your own.

    Raises:
      SpaceError: for an unknown name, an impossible size, or an image shape that is missing or has
        not `in_dim` features.
    """
    if not isinstance(soma_enabled, bool):
        raise SpaceError(f"soma_enabled must be True or False, got {soma_enabled!r}")
    for name, size in (("in_dim", in_dim), ("n_classes", n_classes)):
        if isinstance(size, bool) or not isinstance(size, int | np.integer) or size < 1:
            raise SpaceError(f"{name} must be a positive integer, got {size!r}")
    params = {
        "architecture": architecture,
        "n_neurons": n_neurons,
        "n_dendrites": n_dendrites,
        "n_dendrite_inputs": n_dendrite_inputs,
        "soma_enabled": soma_enabled,
        "hidden_dim": hidden_dim,
        **fields,
    }
    if image_shape is not None and math.prod(image_shape) != in_dim:
        raise SpaceError(f"image_shape={tuple(image_shape)} has not {in_dim} features")
    try:
        if image_shape is None and find_architecture(architecture).needs_images:
            raise SpaceError(f"{architecture!r} is for images: give image_shape=(H, W, C)")
        # Without a shape, the features as an image of one row allow every connectivity.
        problem = Problem(in_dim, n_classes, image_shape or (1, in_dim, 1))
        return count_params(configure(params, problem).structure)
    except ValueError as error:
        raise SpaceError(str(error)) from None


def dendritic_params(
    n_neurons: int,
    n_dendrites: int,
    n_dendrite_inputs: int,
    soma_enabled: bool,
    linear_layers: Sequence[tuple[int, int]],
) -> int:
    """The number of trainable parameters of a dendritic layer and the linear layers after it.

    Args:
      n_neurons, n_dendrites, n_dendrite_inputs, soma_enabled: of the dendritic layer.
      linear_layers: `(inputs, outputs)` of each; inputs of -1 mean the outputs of the layer before.
    """
    dendrites = n_dendrites * (n_dendrite_inputs + 1)
    total = n_neurons * (dendrites + n_dendrites + 1) if soma_enabled else dendrites
    width = n_neurons if soma_enabled else n_dendrites
    for n_in, n_out in linear_layers:
        total += ((width if n_in == -1 else n_in) + 1) * n_out
        width = n_out
    return int(total)


def count_points(
    frame: Mapping[str, object], sizes: Mapping[str, np.ndarray], problem: Problem
) -> Int[np.ndarray, "..."]:
    """The numbers of parameters of many networks at once.

    Args:
      frame: the fields that all of them share, under canonical names, such as `architecture`.
      sizes: by field, the values of its size: int64 arrays that broadcast together.
      problem: the data's features, classes and image shape.

    Returns:
      int64 counts in the arrays' broadcast shape.
    """
    structure = _smallest(frame, sizes, problem)
    shape = np.broadcast_shapes(*(column.shape for column in sizes.values()))
    if not sizes:
        return np.full(shape, count_params(structure), np.int64)
    if not _has_one_formula(structure, sizes):
        return _count_one_by_one(frame, sizes, problem)
    columns = {name: _column(name, structure, frame, sizes) for name in structure.sizes}
    return np.broadcast_to(count_params_of_sizes(structure, columns), shape)


def counts_many(
    frame: Mapping[str, object], sizes: Mapping[str, np.ndarray], problem: Problem
) -> bool:
    """Whether `count_points` evaluates one formula, instead of tracing shape by shape."""
    structure = _smallest(frame, sizes, problem)
    return counts_at_once(structure) and _has_one_formula(structure, sizes)


def confirmed_params(structure: Structure) -> int:
    """The number of parameters of a program's shape, counted in two ways: from symbolic sizes, like
    those of the trials that are padded to this shape, and by tracing this very shape. Each shape is
    traced once per process.

    Raises:
      RuntimeError: if the counts differ.
    """
    return _confirm(structure, find_architecture(structure.architecture).module)


@functools.lru_cache(maxsize=10_000)
def _confirm(structure: Structure, module: type) -> int:
    """The argument `module` is there for the cache: a name may be registered anew."""
    counted, traced = count_params(structure), trace_params(structure)
    if counted != traced:
        raise RuntimeError(f"{structure} has {traced} parameters, but {counted} were counted")
    return traced


def _smallest(
    frame: Mapping[str, object], sizes: Mapping[str, np.ndarray], problem: Problem
) -> Structure:
    """The structure of the network in which each size has its smallest value."""
    smallest = {field: int(column.min()) for field, column in sizes.items()}
    return structure_of({**frame, **smallest}, problem)


def _column(
    name: str, structure: Structure, frame: Mapping[str, object], sizes: Mapping[str, np.ndarray]
) -> np.ndarray:
    """The values of one size of a structure: those in `sizes`, those that follow from another size,
    or the one that the other fields fix."""
    arch, fixed = find_architecture(structure.architecture), structure.sizes[name]
    field = arch.field(name)
    if field.capped_by and name not in sizes:  # counting caps it at each value of the other size
        return np.asarray(frame.get(name, arch.defaults.get(name)), np.int64)
    if name in sizes:
        # Fully connected dendrites have all features.
        varies = fixed == sizes[name].min() or field.capped_by
        return sizes[name] if varies else np.asarray(fixed, np.int64)
    left_out = frame.get(name) is None and arch.defaults.get(name) is None
    if left_out and isinstance(field.default, Derived) and field.default.source in sizes:
        return np.asarray(field.default.formula(sizes[field.default.source]), np.int64)
    return np.asarray(fixed, np.int64)


def _has_one_formula(structure: Structure, sizes: Mapping[str, np.ndarray]) -> bool:
    """Whether only true sizes vary: no whole numbers that stand for other values. And which fields
    the architecture ignores must not depend on the sizes."""
    if not structure.options.keys().isdisjoint(sizes):
        return False
    try:
        find_architecture(structure.architecture).ignores(structure.options)
    except (KeyError, TypeError):  # it reads a size to tell
        return False
    return True


def _count_one_by_one(
    frame: Mapping[str, object], sizes: Mapping[str, np.ndarray], problem: Problem
) -> Int[np.ndarray, "..."]:
    columns = np.broadcast_arrays(*sizes.values())
    rows = zip(*(column.reshape(-1).tolist() for column in columns), strict=True)
    params = ({**frame, **dict(zip(sizes, row, strict=True))} for row in rows)
    counts = [count_params(structure_of(p, problem)) for p in params]
    return np.array(counts, np.int64).reshape(columns[0].shape)
