# pyright: reportUnknownMemberType=false
"""How many trainable parameters a structure has, without building it."""

import functools
import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import CodeType
from typing import Any

import jax
import numpy as np
from flax import nnx
from jax import export
from jaxtyping import Int

from jdend.models._configuration import Structure, build

__all__ = ["count_params", "count_params_of_sizes", "counts_at_once", "trace_params"]

Sizes = int | np.ndarray


def count_params(structure: Structure) -> int:
    """The number of trainable parameters; indices are none.

    The network's construction is traced once an architecture with symbolic sizes
    (`jax.export.symbolic_shape`), which gives the count as a polynomial in them. Where a module, or
    an initialiser of JAX's own, computes with sizes in ways that symbols do not allow, a few
    concrete shapes are traced instead: if all array dimensions prove affine in the sizes, the count
    follows from these. Otherwise every shape is traced.

    Each of the three is needed: symbols take 40 to 140 ms an architecture (on two cores) and know
    products and quotients; concrete shapes take three times as long, but count `nnx.Linear` with
    the initialisers of JAX 0.12; and a network whose depth is a size has no one formula.
    """
    sizes = structure.sizes
    count = _formula(structure, tuple(sizes))
    if count is None:
        return _traced_count(_frame(structure), _module(structure), **sizes)
    return int(count(**sizes))


def count_params_of_sizes(
    structure: Structure, sizes: Mapping[str, Int[np.ndarray, "..."]]
) -> Int[np.ndarray, "..."]:
    """The same for many sizes at once.

    Args:
      structure: gives all that is not a size.
      sizes: int64 arrays by the names of all its sizes, which broadcast together.

    Returns:
      int64 counts in the arrays' broadcast shape.
    """
    columns = np.broadcast_arrays(*sizes.values())
    count = _formula(structure, tuple(sizes))
    if count is not None:
        return np.broadcast_to(np.asarray(count(**sizes), np.int64), columns[0].shape)
    rows = np.stack([column.reshape(-1) for column in columns], axis=-1)
    distinct, inverse = np.unique(rows, axis=0, return_inverse=True)
    each = [structure.with_sizes(dict(zip(sizes, row, strict=True))) for row in distinct.tolist()]
    counts = np.array([count_params(shape) for shape in each], np.int64)
    return counts[inverse.reshape(-1)].reshape(columns[0].shape)


def counts_at_once(structure: Structure) -> bool:
    """Whether `count_params_of_sizes` evaluates a formula, and does not trace shape by shape."""
    return _formula(structure, tuple(structure.sizes)) is not None


def trace_params(structure: Structure) -> int:
    """The same by tracing this very shape: about 25 ms, for a shape that will be trained."""
    return int(_traced_size(structure))


def _frame(structure: Structure) -> Structure:
    """All that is not a size, and plays a part in how many parameters there are."""
    return replace(structure.with_sizes({}), batch_size=1, extras=())


def _module(structure: Structure) -> type[nnx.Module]:
    from jdend.models._registry import architecture

    return architecture(structure.architecture).module


def _formula(structure: Structure, names: tuple[str, ...]) -> Callable[..., Any] | None:
    """The count as a function of the sizes of those names; None if there is no formula."""
    return _formula_of(_frame(structure), _module(structure), names)


@functools.lru_cache(maxsize=256)
def _formula_of(
    frame: Structure, module: type[nnx.Module], names: tuple[str, ...]
) -> Callable[..., Any] | None:
    """`module` tells a name registered anew from the old."""
    within = f"n_dendrite_inputs <= {frame.problem.in_features}"
    constraints = [within] if "n_dendrite_inputs" in names else []
    symbols = export.symbolic_shape(", ".join(names), constraints=constraints) if names else ()
    try:
        size = _traced_size(frame.with_sizes(dict(zip(names, symbols, strict=True))))
    except Exception:  # how a module computes with its sizes, and what it raises, is its own affair
        return _affine(frame, names)
    code = _compile(str(size), names)  # outside of that: if JAX writes symbols anew, it is seen

    def count(**sizes: Sizes) -> Any:
        return eval(code, {"__builtins__": {}}, {**_FUNCTIONS, **sizes})

    return count


@functools.lru_cache(maxsize=100_000)
def _traced_count(frame: Structure, module: type[nnx.Module], **sizes: int) -> int:
    return int(_traced_size(frame.with_sizes(sizes)))


def _affine(frame: Structure, names: tuple[str, ...]) -> Callable[..., Any] | None:
    """The count from dimensions that are affine in the sizes; None if they are not.

    A dimension's constant and slopes come from a small shape and one enlarged in each size in turn.
    They are held against shapes further out, odd and even ones.
    """

    def dimensions(sizes: Sequence[int]) -> list[np.ndarray]:
        structure = frame.with_sizes(dict(zip(names, sizes, strict=True)))
        return [np.array(shape) for shape in _traced_shapes(structure)]

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
    except ValueError:  # arrays come and go with the sizes, or small ones are not allowed
        return None

    def count(**sizes: Sizes) -> Sizes:
        columns = {name: np.asarray(size)[..., None] for name, size in sizes.items()}
        total = sum(np.prod(leaf, axis=-1) for leaf in predicted(columns))
        return total if np.ndim(total) else int(total)

    return count


def _traced_size(structure: Structure) -> Any:
    """Sum of the parameters' sizes: an int, or an expression in symbolic sizes."""
    return sum(math.prod(shape) for shape in _traced_shapes(structure))


def _traced_shapes(structure: Structure) -> list[tuple[Any, ...]]:
    """The shapes of a network's parameters."""

    def parameters() -> Any:
        return nnx.to_pure_dict(nnx.state(build(structure, rngs=nnx.Rngs(0)), nnx.Param))

    shapes: Any = jax.eval_shape(parameters)
    return [leaf.shape for leaf in jax.tree.leaves(shapes)]


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "max": np.maximum,
    "min": np.minimum,
    "floordiv": operator.floordiv,
    "mod": np.mod,
}


def _compile(expression: str, names: tuple[str, ...]) -> CodeType:
    """A symbolic dimension's text, in Python's syntax.

    Raises:
      RuntimeError: if it is no longer written as it was in the versions of JAX that are known.
    """
    try:
        code = compile(re.sub(r"\^", "**", expression), "<parameters>", "eval")
    except SyntaxError:
        code = None
    if code is None or not {*code.co_names} <= {*names, *_FUNCTIONS}:
        raise RuntimeError(
            f"JAX {jax.__version__} writes a symbolic size as {expression!r}, which this version "
            "of jdend cannot read: install a newer jdend, or an older JAX"
        )
    return code
