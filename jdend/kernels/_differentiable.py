# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownLambdaType=false
"""Makes a kernel's separate passes one operation that can be differentiated in any way.

Reverse mode, which training takes, runs the kernel's own backward passes. Forward mode and second
derivatives are those of a plain definition, by JAX.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
import numpy as np
from jax import dtypes
from jax.custom_derivatives import SymbolicZero
from jaxtyping import Array, Float, UInt32

from jdend.kernels._operands import Gradients, Operands, Settings
from jdend.kernels._primitives import Linear, linear

Apply = Callable[[Operands, Settings], Array]
# What the backward pass needs beside the operands: the prepared batch and the signs.
Saved = tuple[Any, UInt32[Array, "tiles R"]]


class Passes(NamedTuple):
    """A kernel written pass by pass; all but ``prepare`` take the settings last.

    Attributes:
      prepare: ``x -> prepared``, a pytree: work on the batch alone. A vmap over configurations
        does not touch it, so it is done once a seed.
      forward: ``(operands, prepared, settings) -> (out, signs)``; the signs as of ``pack_signs``,
        with rows for all dendrites, then for the somas if there are any.
      parameter_gradients: ``(operands, prepared, signs, g, settings) -> Gradients``.
      input_gradient: ``(operands, prepared, signs, g, settings)`` -> the gradient of x.
    """

    prepare: Callable[[Array], Any]
    forward: Callable[[Operands, Any, Settings], tuple[Array, UInt32[Array, "tiles R"]]]
    parameter_gradients: Callable[[Operands, Any, Array, Array, Settings], Gradients]
    input_gradient: Callable[[Operands, Any, Array, Array, Settings], Float[Array, "B F"]]


@dataclass(frozen=True)
class Differentiable:
    """The passes as one function of operands and settings, with all its derivatives.

    Attributes:
      passes: what is computed.
      plain: a definition of the same in operations that JAX differentiates.
    """

    passes: Passes
    plain: Apply

    def __call__(self, operands: Operands, settings: Settings, prepared: Any = None) -> Array:
        """The layer; ``prepared`` is what ``passes.prepare`` gives for its x, if it is there."""
        # A constant of a program is no array to JAX yet, but a literal.
        operands = jax.tree.map(jnp.asarray, operands)
        if any(map(varies, jax.tree.leaves(operands))):
            return self.plain(operands, settings)
        return cast(Array, _layer(self, settings, operands, prepared))


@dataclass(frozen=True)
class Directional(Linear):
    """The derivative of a layer in a direction, linear in the direction.

    Its arrays are the leaves of the operands and of what the forward pass saved, then the
    direction's, one for each name.
    """

    kernel: Differentiable
    settings: Settings
    fixed: Any  # the structure of (operands, saved)
    names: tuple[str, ...]
    out: jax.ShapeDtypeStruct

    @property
    def n_linear(self) -> int:
        return len(self.names)

    def __call__(self, *arrays: Array) -> list[Array]:
        leaves, direction = arrays[: -self.n_linear], arrays[-self.n_linear :]
        operands, _ = jax.tree.unflatten(self.fixed, leaves)

        def layer(*values: Array) -> Array:
            moved = operands._replace(**dict(zip(self.names, values, strict=True)))
            return self.kernel.plain(moved, self.settings)

        at = [getattr(operands, name) for name in self.names]
        return [jax.jvp(layer, at, list(direction))[1]]

    def transposed(self, *arrays: Array) -> list[Array]:
        *leaves, g = arrays
        operands, saved = jax.tree.unflatten(self.fixed, leaves)
        return list(_gradients(self, operands, saved, g))


@partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def _layer(kernel: Differentiable, settings: Settings, operands: Operands, prepared: Any) -> Array:
    return _forward(kernel, settings, operands, prepared)[0]


@partial(_layer.defjvp, symbolic_zeros=True)
def _layer_jvp(kernel: Differentiable, settings: Settings, primals: Any, tangents: Any) -> Any:
    # How what is prepared moves is not asked: all derivatives are those by the operands.
    (operands, prepared), (direction, _) = primals, tangents
    out, saved = _forward(kernel, settings, operands, prepared)
    moving = {
        name: tangent
        for name, tangent in direction._asdict().items()
        if tangent is not None and not isinstance(tangent, SymbolicZero) and _is_real(tangent)
    }
    if not moving:
        return out, jnp.zeros_like(out)
    leaves, fixed = jax.tree.flatten((operands, saved))
    function = Directional(kernel, settings, fixed, tuple(moving), _struct(out))
    return out, linear(function, *leaves, *moving.values())[0]


@partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def _forward(
    kernel: Differentiable, settings: Settings, operands: Operands, prepared: Any
) -> tuple[Array, Saved]:
    if prepared is None:
        prepared = kernel.passes.prepare(operands.x)
    out, signs = kernel.passes.forward(operands, prepared, settings)
    return out, (prepared, signs)


@_forward.defjvp
def _forward_jvp(kernel: Differentiable, settings: Settings, primals: Any, tangents: Any) -> Any:
    """The output's derivative; nothing but ``_gradients`` reads the rest, by its own derivative."""
    out, saved = _forward(kernel, settings, *primals)
    (operands, _), (moving, _) = primals, tangents
    direction = _derivative(lambda given: kernel.plain(given, settings), (operands,), (moving,))
    return (out, saved), (direction, jax.tree.map(_no_tangent, saved))


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _gradients(of: Directional, operands: Operands, saved: Saved, g: Array) -> tuple[Array, ...]:
    """The cotangents of the operands that are named, from that of the output."""
    arguments = (operands, *saved, g, of.settings)
    passes = of.kernel.passes
    found: dict[str, Any] = {}
    if set(of.names) - {"x"}:
        found = passes.parameter_gradients(*arguments)._asdict()
    if "x" in of.names:
        found["x"] = passes.input_gradient(*arguments)
    return tuple(found[name] for name in of.names)


@_gradients.defjvp
def _gradients_jvp(of: Directional, primals: Any, tangents: Any) -> Any:
    def gradients(operands: Operands, g: Array) -> tuple[Array, ...]:
        def layer(*values: Array) -> Array:
            moved = operands._replace(**dict(zip(of.names, values, strict=True)))
            return of.kernel.plain(moved, of.settings)

        return jax.vjp(layer, *(getattr(operands, name) for name in of.names))[1](g)

    operands, _, g = primals
    direction, _, g_direction = tangents
    return (
        _gradients(of, *primals),
        _derivative(gradients, (operands, g), (direction, g_direction)),
    )


def _derivative(function: Callable[..., Any], primals: Any, tangents: Any) -> Any:
    """The directional derivative, where some arguments are whole numbers."""
    leaves, tree = jax.tree.flatten(primals)
    directions = jax.tree.leaves(tangents)
    moving = [i for i, direction in enumerate(directions) if _is_real(direction)]

    def of_moving(*values: Array) -> Any:
        arrays = list(leaves)
        for i, value in zip(moving, values, strict=True):
            arrays[i] = value
        return function(*jax.tree.unflatten(tree, arrays))

    at, along = [leaves[i] for i in moving], [directions[i] for i in moving]
    return jax.jvp(of_moving, at, along)[1]


def _struct(array: Array) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(array.shape, array.dtype)


def varies(array: Array) -> bool:
    """Whether its type says over which axes of a ``shard_map`` it varies; calls of a library, and
    primitives that are not JAX's, lose that."""
    of_axes = getattr(jax.typeof(array), "manual_axis_type", None)
    return of_axes is not None and bool(of_axes.varying)


def _is_real(tangent: Any) -> bool:
    return tangent.dtype != dtypes.float0


def _no_tangent(array: Array) -> Any:
    real = jnp.issubdtype(array.dtype, jnp.floating)
    return jnp.zeros_like(array) if real else np.zeros(array.shape, dtypes.float0)
