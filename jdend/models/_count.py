"""How many trainable parameters a structure has, without building it."""

import functools
import math
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

__all__ = ["count_params", "count_params_of_sizes", "trace_params"]


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
    return int(_polynomial(_frame(structure), _module(structure), tuple(sizes))(**sizes))


def count_params_of_sizes(
    structure: Structure, sizes: Mapping[str, np.ndarray]
) -> Int[np.ndarray, " n"]:
    """The same for many sizes at once.

    Args:
      structure: gives all that is not a size.
      sizes: integers `[n]` by the names of all its sizes.
    """
    count = _polynomial(_frame(structure), _module(structure), tuple(sizes))
    try:
        return np.broadcast_to(count(**sizes), next(iter(sizes.values())).shape)
    except (TypeError, ValueError):  # traced shape by shape, or not a polynomial
        each = zip(*sizes.values(), strict=True)
        return np.array([count(**dict(zip(sizes, map(int, row), strict=True))) for row in each])


def trace_params(structure: Structure) -> int:
    """The same by tracing this very shape: about 25 ms, for a shape that will be trained."""
    return int(_traced_size(structure))


def _frame(structure: Structure) -> Structure:
    """All that is not a size, and plays a part in how many parameters there are."""
    return replace(structure.with_sizes({}), batch_size=1)


def _module(structure: Structure):
    from jdend.models._registry import architecture

    return architecture(structure.architecture).module


@functools.lru_cache(maxsize=256)
def _polynomial(frame: Structure, module, names: tuple[str, ...]) -> Callable[..., Any]:
    """The count as a function of the sizes. `module` tells a name registered anew from the old."""
    inputs = [f"n_dendrite_inputs <= {frame.problem.in_features}"]
    constraints = inputs if "n_dendrite_inputs" in names else []
    try:
        symbols = export.symbolic_shape(", ".join(names), constraints=constraints) if names else ()
        size = _traced_size(frame.with_sizes(dict(zip(names, symbols, strict=True))))
    except Exception:  # what symbols do not allow is the module's own affair
        return _affine(frame, names) or _one_by_one(frame)
    code = _compile(str(size))  # outside of that: if JAX writes symbols anew, this must be seen
    return lambda **sizes: eval(code, {"__builtins__": {}}, {**_FUNCTIONS, **sizes})


def _affine(frame: Structure, names: tuple[str, ...]) -> Callable[..., Any] | None:
    """The count from dimensions that are affine in the sizes; None if they are not.

    A dimension's constant and slopes come from a small shape and one enlarged in each size in turn.
    They are held against shapes further out, odd and even ones.
    """

    def dimensions(sizes: Sequence[int]) -> list[np.ndarray]:
        structure = frame.with_sizes(dict(zip(names, sizes, strict=True)))
        return [np.array(shape) for shape in _traced_shapes(structure)]

    def predicted(sizes) -> list[np.ndarray]:
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
        slopes = []
        for i in range(len(names)):
            enlarged = dimensions([size + (position == i) for position, size in enumerate(base)])
            pairs = zip(enlarged, constants, strict=True)
            slopes.append([more - constant for more, constant in pairs])
        for sizes in further:
            found = predicted(dict(zip(names, sizes, strict=True)))
            if not all(map(np.array_equal, found, dimensions(sizes))):
                return None
    except ValueError:  # arrays come and go with the sizes, or small ones are not allowed
        return None

    def count(**sizes):
        columns = {name: np.asarray(size)[..., None] for name, size in sizes.items()}
        total = sum(np.prod(leaf, axis=-1) for leaf in predicted(columns))
        return total if np.ndim(total) else int(total)

    return count


def _one_by_one(frame: Structure) -> Callable[..., int]:
    @functools.lru_cache(maxsize=100_000)
    def count(**sizes: int) -> int:
        return int(_traced_size(frame.with_sizes(sizes)))

    return count


def _traced_size(structure: Structure):
    """Sum of the parameters' sizes: an int, or an expression in symbolic sizes."""
    return sum(math.prod(shape) for shape in _traced_shapes(structure))


def _traced_shapes(structure: Structure) -> list[tuple[Any, ...]]:
    """The shapes of a network's parameters."""

    def parameters():
        return nnx.to_pure_dict(nnx.state(build(structure, rngs=nnx.Rngs(0)), nnx.Param))

    return [leaf.shape for leaf in jax.tree.leaves(jax.eval_shape(parameters))]


_FUNCTIONS = {
    "max": np.maximum,
    "min": np.minimum,
    "floordiv": lambda a, b: a // b,
    "mod": np.mod,
}


def _compile(expression: str) -> CodeType:
    """A symbolic dimension's text, in Python's syntax."""
    return compile(re.sub(r"\^", "**", expression), "<parameters>", "eval")
