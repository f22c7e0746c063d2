# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false
# pyright: reportUnknownVariableType=false, reportUnknownLambdaType=false
"""Products of small matrices, as linear layers have them, by the native kernel on CPUs.

One primitive of JAX's, whose derivatives are products again: so XLA's products and the library's
are taken for the same places, and which of them is decided when a program is lowered.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, cast

import jax
import jax.numpy as jnp
from jax import lax
from jax.core import ShapedArray
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir
from jaxtyping import Array, Float

from jdend.kernels._choice import for_lowering
from jdend.kernels._differentiable import varies
from jdend.kernels._native import load, missing
from jdend.kernels._precision import algorithm, dot_general
from jdend.kernels._primitives import is_partitioned

OF_A_LINEAR_LAYER = (((1,), (0,)), ((), ()))
MOST_PRODUCTS = 1 << 25
"""Multiplications of numbers, in one trial's product of matrices that the library computes."""


@dataclass(frozen=True)
class DotGeneral:
    """The product of a linear layer, for ``nnx.Linear(…, dot_general=DotGeneral(kernel))``.

    What :func:`jdend.kernels.dot_general` computes. Where the kernel is ``native``, products
    ``[B, in] x [in, out]`` of float32 are the library's in programs for one CPU, if their shapes
    are of those that it is faster at; sums are then over the inputs in order.

    Attributes:
      kernel: as of :func:`jdend.kernels.dendritic_layer`.
    """

    kernel: str = "auto"

    def __call__(self, a: Array, b: Array, dimension_numbers: Any, **others: Any) -> Array:
        precision = others.get("precision")
        if not self._may_be_native(a, b, dimension_numbers, precision, others):
            return dot_general(a, b, dimension_numbers, **others)
        if precision is None:
            precision = cast(Any, jax.config).jax_default_matmul_precision
        return _product(a, b, precision)

    def _may_be_native(
        self, a: Array, b: Array, dimension_numbers: Any, precision: Any, others: dict[str, Any]
    ) -> bool:
        return (
            dimension_numbers == OF_A_LINEAR_LAYER
            and a.ndim == b.ndim == 2
            and a.dtype == b.dtype == jnp.float32
            and a.shape[1] == b.shape[0]
            and algorithm(precision) is None
            and all(value is None for name, value in others.items() if name != "precision")
            and not any(map(_is_typed, (a, b)))
            and missing() is None
            and for_lowering(self.kernel) == "native"
        )


def _is_typed(array: Array) -> bool:
    """Whether its type says how it is divided among devices, which the primitive's would not."""
    return varies(array) or _is_sharded(array)


def _is_sharded(array: Any) -> bool:
    return any(jax.typeof(array).sharding.spec)


def _product(a: Array, b: Array, precision: Any) -> Float[Array, "M N"]:
    return _matmul.bind(a, b, a_transposed=False, b_transposed=False, precision=precision)


_matmul = Primitive("jdend_matmul")
"""``a [*, M, K], b [*, K, N] -> [*, M, N]``, whose leading axes are equal or of length 1.

``a_transposed`` says that a is [*, K, M], ``b_transposed`` that b is [*, N, K].
"""


@cache
def _compiled(**parameters: Any) -> Callable[..., Any]:
    return jax.jit(partial(_matmul.bind, **parameters))


@_matmul.def_impl
def _compute(a: Any, b: Any, **parameters: Any) -> Any:
    return _compiled(**parameters)(a, b)


@_matmul.def_abstract_eval
def _shape(a: Any, b: Any, *, a_transposed: bool, b_transposed: bool, precision: Any) -> Any:
    leading = [y if x == 1 else x for x, y in zip(a.shape[:-2], b.shape[:-2], strict=True)]
    m, n = a.shape[-1 if a_transposed else -2], b.shape[-2 if b_transposed else -1]
    return ShapedArray((*leading, m, n), a.dtype)


def _a_cotangent(
    g: Any, a: Any, b: Any, *, a_transposed: bool, b_transposed: bool, precision: Any
) -> Any:
    both, transposed = ((b, g), (b_transposed, True)) if a_transposed else (
        (g, b), (False, not b_transposed)
    )  # fmt: skip
    return _of_shape(a.aval.shape, *both, *transposed, precision)


def _b_cotangent(
    g: Any, a: Any, b: Any, *, a_transposed: bool, b_transposed: bool, precision: Any
) -> Any:
    both, transposed = ((g, a), (True, a_transposed)) if b_transposed else (
        (a, g), (not a_transposed, False)
    )  # fmt: skip
    return _of_shape(b.aval.shape, *both, *transposed, precision)


def _of_shape(
    shape: tuple[int, ...], a: Any, b: Any, a_transposed: bool, b_transposed: bool, precision: Any
) -> Any:
    """The product, summed over the axes that an operand of this shape is shared over."""
    result = _matmul.bind(
        a, b, a_transposed=a_transposed, b_transposed=b_transposed, precision=precision
    )
    shared = [i for i, length in enumerate(shape[:-2]) if length == 1 != result.shape[i]]
    return jnp.sum(result, shared, keepdims=True) if shared else result


ad.defbilinear(_matmul, _a_cotangent, _b_cotangent)


def _batch(arrays: Any, axes: Any, **parameters: Any) -> Any:
    """A new axis in front, of length 1 where an operand is shared."""
    if any(map(_is_sharded, arrays)):
        return jax.vmap(partial(_by_xla, **parameters), in_axes=axes)(*arrays), 0
    in_front = [
        jnp.expand_dims(array, 0) if axis is None else jnp.moveaxis(array, axis, 0)
        for array, axis in zip(arrays, axes, strict=True)
    ]
    return _matmul.bind(*in_front, **parameters), 0


batching.primitive_batchers[_matmul] = _batch


def _by_xla(
    a: Array, b: Array, *, a_transposed: bool, b_transposed: bool, precision: Any
) -> Float[Array, "* M N"]:
    """As JAX has it, whose product reads a shared operand once."""
    if a.ndim == 2:
        contracted = (((0 if a_transposed else 1,), (1 if b_transposed else 0,)), ((), ()))
        return lax.dot_general(a, b, contracted, precision=precision)
    shared = [array.shape[0] == 1 for array in (a, b)]
    function = partial(
        _by_xla, a_transposed=a_transposed, b_transposed=b_transposed, precision=precision
    )
    if all(shared):
        return function(a[0], b[0])[None]
    operands = [array[0] if alone else array for array, alone in zip((a, b), shared, strict=True)]
    axes = tuple(None if alone else 0 for alone in shared)
    return jax.vmap(function, in_axes=axes)(*operands)


def _by_library(
    a: Array, b: Array, *, a_transposed: bool, b_transposed: bool, precision: Any
) -> Float[Array, "* M N"]:
    out = _shape(a, b, a_transposed=a_transposed, b_transposed=b_transposed, precision=precision)
    result = jax.ShapeDtypeStruct(out.shape, out.dtype)
    called = cast(Callable[..., Any], jax.ffi.ffi_call("jdend_matmul", result))
    return called(a, b, a_transposed=a_transposed, b_transposed=b_transposed)


def _is_faster(out: Any, terms: int) -> bool:
    """Whether the library is, as measured (docs/performance.md): not without vectors of the
    processor's own, nor in large products, whose operands XLA cuts to the caches' sizes."""
    library = load()
    has_vectors = not isinstance(library, str) and library.instruction_set != "plain"
    return has_vectors and out.shape[-2] * out.shape[-1] * terms <= MOST_PRODUCTS


def _lower(context: Any, a: Any, b: Any, **parameters: Any) -> Any:
    return mlir.lower_fun(partial(_by_xla, **parameters), multiple_results=False)(context, a, b)


def _lower_for_cpu(context: Any, a: Any, b: Any, *, a_transposed: bool, **others: Any) -> Any:
    of_a, of_b = context.avals_in
    (out,) = context.avals_out
    known = all(isinstance(length, int) for length in (*of_a.shape, *of_b.shape))
    alone = not is_partitioned(context.module_context.axis_context)
    by_library = known and alone and _is_faster(out, of_a.shape[-2 if a_transposed else -1])
    function = partial(_by_library if by_library else _by_xla, a_transposed=a_transposed, **others)
    return mlir.lower_fun(function, multiple_results=False)(context, a, b)


mlir.register_lowering(_matmul, _lower)
mlir.register_lowering(_matmul, _lower_for_cpu, platform="cpu")
