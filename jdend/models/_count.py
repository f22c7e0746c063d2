# pyright: reportUnknownMemberType=false
"""Counts the trainable parameters of a structure, and their bytes, without building the network."""

import functools
import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import jax
import numpy as np
from flax import nnx
from jax import export
from jaxtyping import Int

from jdend.models._configuration import Structure, build

__all__ = [
    "bytes_of_variables",
    "count_params",
    "count_params_of_sizes",
    "counts_at_once",
    "trace_params",
]

Sizes = int | np.ndarray


def count_params(structure: Structure) -> int:
    """The number of trainable parameters; indices are not parameters.

    The network's construction is traced once for each architecture, with symbols as its sizes
    (`jax.export.symbolic_shape`). This gives the count as a polynomial in the sizes. Some modules,
    and some initialisers of JAX, compute with sizes in ways that symbols do not allow. For these a
    few concrete shapes are traced, and if all array dimensions are affine in the sizes, the count
    follows from them. Otherwise every shape is traced.

    All three ways are needed. Tracing with symbols takes 40 to 140 ms for an architecture (on two
    cores) and allows products and quotients. Tracing concrete shapes takes three times as long, but
    counts `nnx.Linear` with the initialisers of JAX 0.12. And if the depth of a network is a size,
    no single formula counts it.
    """
    sizes = structure.sizes
    count = _formula(structure, tuple(sizes))
    if count is None:
        return _traced_count(_frame(structure), _module(structure), **sizes)
    return int(count(**sizes))


def count_params_of_sizes(
    structure: Structure, sizes: Mapping[str, Int[np.ndarray, "..."]]
) -> Int[np.ndarray, "..."]:
    """The number of trainable parameters for many sizes at once.

    Args:
      structure: has the fields that are not sizes.
      sizes: for each of its sizes an int64 array; they broadcast together.

    Returns:
      int64 counts in the arrays' broadcast shape.
    """
    columns = np.broadcast_arrays(0, *sizes.values())[1:]
    shape = np.broadcast_shapes(*(column.shape for column in columns))
    count = _formula(structure, tuple(sizes))
    if count is not None:
        return np.broadcast_to(np.asarray(count(**sizes), np.int64), shape)
    rows = np.stack([column.reshape(-1) for column in columns], axis=-1)
    distinct, inverse = np.unique(rows, axis=0, return_inverse=True)
    each = [structure.with_sizes(dict(zip(sizes, row, strict=True))) for row in distinct.tolist()]
    counts = np.array([count_params(shape) for shape in each], np.int64)
    return counts[inverse.reshape(-1)].reshape(shape)


def counts_at_once(structure: Structure) -> bool:
    """Whether `count_params_of_sizes` evaluates a formula, instead of tracing shape by shape."""
    return _formula(structure, tuple(structure.sizes)) is not None


def trace_params(structure: Structure) -> int:
    """The number of trainable parameters by tracing this very shape, which takes about 25 ms."""
    return int(_traced(structure).n_params)


def bytes_of_variables(structure: Structure) -> tuple[int, int]:
    """The bytes of a network's parameters, and those of its other variables, such as indices.

    They follow from the same symbolic shapes as the number of parameters, see `count_params`; where
    there are none, this very shape is traced.
    """
    frame = replace(_frame(structure), extras=structure.extras)
    formulas = _bytes_formulas_of(frame, _module(structure), tuple(structure.sizes))
    if formulas is None:
        variables = _traced(structure)
        return int(variables.param_bytes), int(variables.other_bytes)
    params, others = (int(formula(**structure.sizes)) for formula in formulas)
    return params, others


def _frame(structure: Structure) -> Structure:
    """The structure without its sizes, and without what does not change the count."""
    return replace(structure.with_sizes({}), batch_size=1, extras=())


def _module(structure: Structure) -> type[nnx.Module]:
    from jdend.models._registry import architecture

    return architecture(structure.architecture).module


def _formula(structure: Structure, names: tuple[str, ...]) -> Callable[..., Any] | None:
    """The count as a function of the sizes with these names; None if there is no formula."""
    return _formula_of(_frame(structure), _module(structure), names)


@functools.lru_cache(maxsize=256)
def _formula_of(
    frame: Structure, module: type[nnx.Module], names: tuple[str, ...]
) -> Callable[..., Any] | None:
    """The argument `module` is there for the cache: a name may be registered anew."""
    variables = _symbolic(frame, module, names)
    return _affine(frame, names) if variables is None else _function(variables.n_params, names)


@functools.lru_cache(maxsize=256)
def _bytes_formulas_of(
    frame: Structure, module: type[nnx.Module], names: tuple[str, ...]
) -> tuple[Callable[..., Any], Callable[..., Any]] | None:
    """The bytes of the parameters and of the other variables; None if there is no formula."""
    variables = _symbolic(frame, module, names)
    if variables is None:
        return None
    return _function(variables.param_bytes, names), _function(variables.other_bytes, names)


@functools.lru_cache(maxsize=256)
def _symbolic(
    frame: Structure, module: type[nnx.Module], names: tuple[str, ...]
) -> "_Variables | None":
    """A network's variables with symbols as its sizes; None if that cannot be traced."""
    within = f"n_dendrite_inputs <= {frame.problem.in_features}"
    constraints = [within] if "n_dendrite_inputs" in names else []
    symbols = export.symbolic_shape(", ".join(names), constraints=constraints) if names else ()
    try:
        return _traced(frame.with_sizes(dict(zip(names, symbols, strict=True))))
    except Exception:  # a module may compute with its sizes, and raise, whatever it likes
        return None


@functools.lru_cache(maxsize=100_000)
def _traced_count(frame: Structure, module: type[nnx.Module], **sizes: int) -> int:
    return int(_traced(frame.with_sizes(sizes)).n_params)


def _affine(frame: Structure, names: tuple[str, ...]) -> Callable[..., Any] | None:
    """The count from array dimensions that are affine in the sizes; None if they are not.

    The constant and slopes of a dimension come from a small shape and from shapes with one size
    enlarged. They are then compared with two larger shapes, whose sizes are odd and even.
    """

    def dimensions(sizes: Sequence[int]) -> list[np.ndarray]:
        structure = frame.with_sizes(dict(zip(names, sizes, strict=True)))
        return [np.array(leaf.shape) for leaf in _traced(structure).params]

    def predicted(sizes: Mapping[str, Sizes]) -> list[np.ndarray]:
        ahead = zip(names, base, strict=True)
        steps = [sizes[name] - start for name, start in ahead]
        return [
            constant + sum(step * slope for step, slope in zip(steps, leaf, strict=True))
            for constant, leaf in zip(constants, zip(*slopes, strict=True), strict=True)
        ]

    base = [2] * len(names)
    further = [[5 + i for i in range(len(names))], [8 + 3 * i for i in range(len(names))]]
    try:
        constants = dimensions(base)
        slopes: list[list[np.ndarray]] = []
        for i in range(len(names)):
            enlarged = dimensions([size + (position == i) for position, size in enumerate(base)])
            pairs = zip(enlarged, constants, strict=True)
            slopes.append([more - constant for more, constant in pairs])
        for sizes in further:
            expected = predicted(dict(zip(names, sizes, strict=True)))
            if not all(map(np.array_equal, expected, dimensions(sizes))):
                return None
    except ValueError:  # the number of arrays depends on the sizes, or small ones are not allowed
        return None

    def count(**sizes: Sizes) -> Sizes:
        columns = {name: np.asarray(size)[..., None] for name, size in sizes.items()}
        total = sum(np.prod(leaf, axis=-1) for leaf in predicted(columns))
        return total if np.ndim(total) else int(total)

    return count


@dataclass(frozen=True)
class _Variables:
    """The shapes and dtypes of a network's variables: of its parameters, and of the others. Sums
    are ints, or expressions in symbolic sizes."""

    params: tuple[Any, ...]
    others: tuple[Any, ...]

    @property
    def n_params(self) -> Any:
        return sum(math.prod(leaf.shape) for leaf in self.params)

    @property
    def param_bytes(self) -> Any:
        return sum(math.prod(leaf.shape) * leaf.dtype.itemsize for leaf in self.params)

    @property
    def other_bytes(self) -> Any:
        return sum(math.prod(leaf.shape) * leaf.dtype.itemsize for leaf in self.others)


def _traced(structure: Structure) -> _Variables:
    def variables() -> tuple[dict[Any, Any], dict[Any, Any]]:
        _, params, others = cast(
            tuple[object, nnx.State[Any, Any], nnx.State[Any, Any]],
            nnx.split(build(structure, rngs=nnx.Rngs(0)), nnx.Param, ...),
        )
        return nnx.to_pure_dict(params), nnx.to_pure_dict(others)

    params, others = jax.eval_shape(variables)
    return _Variables(tuple(jax.tree.leaves(params)), tuple(jax.tree.leaves(others)))


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "max": np.maximum,
    "min": np.minimum,
    "floordiv": operator.floordiv,
    "mod": np.mod,
}


def _function(expression: Any, names: tuple[str, ...]) -> Callable[..., Any]:
    """A function of the sizes with these names, from a symbolic dimension.

    Raises:
      RuntimeError: if this version of JAX writes it in a form that is not expected.
    """
    try:
        code = compile(re.sub(r"\^", "**", str(expression)), "<sizes>", "eval")
    except SyntaxError:
        code = None
    if code is None or not {*code.co_names} <= {*names, *_FUNCTIONS}:
        raise RuntimeError(
            f"JAX {jax.__version__} writes a symbolic size as {str(expression)!r}, which this "
            "version of jdend cannot read: install a newer jdend, or an older JAX"
        )

    def value(**sizes: Sizes) -> Any:
        return eval(code, {"__builtins__": {}}, {**_FUNCTIONS, **sizes})

    return value
