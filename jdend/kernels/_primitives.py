# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false
"""Two primitives of JAX's: a linear map with a transpose of its own, and a choice at lowering.

Each stands for a function of flat lists of arrays, its parameter ``function``. Under ``vmap`` the
function stays, and ``nest`` gets an entry more: for each array 0, or None where that ``vmap``
leaves it alone. So it is known at any depth what is shared, which a kernel can make use of.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.core import ShapedArray
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

Arrays = Sequence[Any]
Axes = tuple[int | None, ...]
Nest = tuple[Axes, ...]


class Linear(ABC):
    """A function that is linear in the last ``n_linear`` of its arrays; hashable."""

    out: jax.ShapeDtypeStruct  # its only result

    @property
    @abstractmethod
    def n_linear(self) -> int: ...

    @abstractmethod
    def __call__(self, *arrays: Any) -> Arrays: ...

    @abstractmethod
    def transposed(self, *arrays: Any) -> Arrays:
        """From the arrays in which it is not linear, and one cotangent, those of the others."""


@dataclass(frozen=True)
class Choice:
    """Two functions that compute the same: ``here`` in programs for CPUs whose arrays lie where
    they run, ``elsewhere`` in those that the compiler divides among devices, and in all others."""

    here: Callable[..., Arrays]
    elsewhere: Callable[..., Arrays]


def linear(function: Linear, *arrays: Any) -> list[Any]:
    """``function(*arrays)``, whose transpose is ``function.transposed``."""
    return _linear.bind(*map(jnp.asarray, arrays), function=function, nest=())


def chosen(choice: Choice, *arrays: Any) -> list[Any]:
    """What either function of the choice gives."""
    return _choice.bind(*map(jnp.asarray, arrays), function=choice, nest=())


def _over(function: Callable[..., Arrays], nest: Nest) -> Callable[..., Arrays]:
    """The function under a ``vmap`` for each entry of ``nest``, the first one outermost."""
    for axes in reversed(nest):
        function = jax.vmap(function, in_axes=axes)
    return function


@cache
def _compiled(primitive: Primitive, function: Any, nest: Nest) -> Callable[..., Any]:
    return jax.jit(partial(primitive.bind, function=function, nest=nest))


def _primitive(name: str, shapes: Callable[..., list[Any]]) -> Primitive:
    made = Primitive(name)
    made.multiple_results = True

    def compute(*arrays: Any, function: Any, nest: Nest) -> Any:
        return _compiled(made, function, nest)(*arrays)

    made.def_impl(compute)
    made.def_abstract_eval(shapes)
    return made


def _shapes_of_choice(*avals: Any, function: Choice, nest: Nest) -> list[Any]:
    shapes, added = [aval.shape for aval in avals], []
    for axes in nest:
        mapped = [axis is not None for axis in axes]
        added.append(shapes[mapped.index(True)][0])
        shapes = [shape[one:] for shape, one in zip(shapes, mapped, strict=True)]
    results = _shapes_of(function, tuple(zip(shapes, [aval.dtype for aval in avals], strict=True)))
    return [ShapedArray((*added, *shape), dtype) for shape, dtype in results]


@lru_cache(maxsize=4096)
def _shapes_of(function: Choice, arrays: tuple[tuple[Any, Any], ...]) -> list[tuple[Any, Any]]:
    """Shapes and dtypes of its results. What it is ``here`` is a call of a library, which is traced
    in no time."""
    results = jax.eval_shape(function.here, *(jax.ShapeDtypeStruct(*array) for array in arrays))
    return [(result.shape, result.dtype) for result in results]


def _shape_of_linear(*avals: Any, function: Linear, nest: Nest) -> list[Any]:
    added = avals[-1].shape[: len(nest)]  # what it is linear in has every axis
    return [ShapedArray((*added, *function.out.shape), function.out.dtype)]


def _in_front(array: Any, axis: int | None) -> Any:
    return array if axis is None else jnp.moveaxis(array, axis, 0)


_linear = _primitive("jdend_linear", _shape_of_linear)
_choice = _primitive("jdend_choice", _shapes_of_choice)


def _batch_choice(arrays: Arrays, axes: Axes, *, function: Choice, nest: Nest) -> Any:
    arrays = [_in_front(array, axis) for array, axis in zip(arrays, axes, strict=True)]
    entry = tuple(None if axis is None else 0 for axis in axes)
    results = _choice.bind(*arrays, function=function, nest=(entry, *nest))
    return results, [0] * len(results)


def _batch_linear(arrays: Arrays, axes: Axes, *, function: Linear, nest: Nest) -> Any:
    """As above, but what it is linear in has every axis: a transpose has as many results."""
    size = next(
        array.shape[axis] for array, axis in zip(arrays, axes, strict=True) if axis is not None
    )
    first = len(arrays) - function.n_linear
    moved, entry = [], []
    for position, (array, axis) in enumerate(zip(arrays, axes, strict=True)):
        if axis is None and position >= first:
            array, axis = jnp.broadcast_to(array, (size, *array.shape)), 0
        moved.append(_in_front(array, axis))
        entry.append(None if axis is None else 0)
    results = _linear.bind(*moved, function=function, nest=(tuple(entry), *nest))
    return results, [0] * len(results)


def _differentiate_linear(
    primals: Arrays, tangents: Arrays, *, function: Linear, nest: Nest
) -> Any:
    """Of a derivative, by JAX: only plain operations are left."""
    moving = [i for i, tangent in enumerate(tangents) if type(tangent) is not ad.Zero]

    def of_moving(*values: Any) -> Arrays:
        arrays = list(primals)
        for i, value in zip(moving, values, strict=True):
            arrays[i] = value
        return _over(function, nest)(*arrays)

    return jax.jvp(of_moving, [primals[i] for i in moving], [tangents[i] for i in moving])


def _transpose_linear(cotangents: Arrays, *arrays: Any, function: Linear, nest: Nest) -> Any:
    first = len(arrays) - function.n_linear
    fixed, unknown = arrays[:first], arrays[first:]
    (cotangent,) = cotangents
    if type(cotangent) is ad.Zero:
        results: Arrays = [ad.Zero(array.aval) for array in unknown]
    else:
        with_cotangent = tuple((*entry[:first], 0) for entry in nest)
        results = _over(function.transposed, with_cotangent)(*fixed, cotangent)
    return [*[None] * first, *results]


batching.primitive_batchers[_choice] = _batch_choice
batching.primitive_batchers[_linear] = _batch_linear
ad.primitive_jvps[_linear] = _differentiate_linear
ad.primitive_transposes[_linear] = _transpose_linear


def _lower_linear(context: Any, *arrays: Any, function: Linear, nest: Nest) -> Any:
    return mlir.lower_fun(_over(function, nest), multiple_results=True)(context, *arrays)


def _lower_choice(context: Any, *arrays: Any, function: Choice, nest: Nest) -> Any:
    def by_platform(*arrays: Any) -> Arrays:
        return lax.platform_dependent(*arrays, cpu=function.here, default=function.elsewhere)

    taken = function.elsewhere
    if not is_partitioned(context.module_context.axis_context):
        platforms = tuple(context.module_context.platforms)
        taken = function.here if platforms == ("cpu",) else by_platform
    return mlir.lower_fun(_over(taken, nest), multiple_results=True)(context, *arrays)


def is_partitioned(context: Any) -> bool:
    """Whether the compiler divides the program; inside ``shard_map`` it has been divided."""
    if isinstance(context, mlir.ShardingContext):
        return context.num_devices > 1
    if isinstance(context, mlir.SPMDAxisContext):
        return set(context.manual_axes) != set(context.mesh.axis_names)
    return False


mlir.register_lowering(_linear, _lower_linear)
mlir.register_lowering(_choice, _lower_choice)
