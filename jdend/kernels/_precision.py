# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownLambdaType=false
"""How the products of matrices are computed: in float32, or of numbers that are rounded first.

JAX's own setting says which, ``jax.default_matmul_precision``, so that every module obeys it. Sums
are float32 whatever is multiplied.
"""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import cache, wraps
from typing import Any, TypeVar, TypeVarTuple, cast

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from jdend.kernels._operands import PrecisionLike

__all__ = ["PRECISIONS", "algorithm", "check_precision", "dot_general", "multiplying_in"]

PRECISIONS = {"float32": None, "bfloat16": "BF16_BF16_F32", "tf32": "TF32_TF32_F32"}
"""By name, the `jax.lax.DotAlgorithmPreset` of a product; None leaves JAX's default."""
BFLOAT16 = PRECISIONS["bfloat16"]
ROUNDING = tuple(name for name in PRECISIONS.values() if name is not None)

T = TypeVar("T")
Arguments = TypeVarTuple("Arguments")
Matrix = Float[Array, "..."]


def multiplying_in(
    precision: str, function: Callable[[*Arguments], T]
) -> Callable[[*Arguments], T]:
    """The function, whose products are of this precision when it is traced.

    Args:
      precision: a name of `PRECISIONS`; for float32 the function is returned as it is.
      function: a function of arrays, not jitted.
    """
    if PRECISIONS[precision] is None:
        return function

    @wraps(function)
    def traced(*arguments: *Arguments) -> T:
        with _products_in(precision):
            return function(*arguments)

    return traced


def algorithm(precision: PrecisionLike = None) -> str | None:
    """The name in `PRECISIONS` of a precision that rounds what is multiplied; None for others.

    Args:
      precision: as of JAX's products; None for what its setting says.
    """
    setting = cast(Any, jax.config).jax_default_matmul_precision
    said: Any = setting if precision is None else precision
    name = str(getattr(said, "name", said))
    return name if name in ROUNDING else None


def check_precision(precision: str, device: Any = None) -> None:
    """Raises unless products can be computed so.

    Args:
      precision: a name of `PRECISIONS`.
      device: where; None not to ask a device.

    Raises:
      ValueError: if there is none of that name.
      RuntimeError: if the device lacks it; the message says what to do.
    """
    if precision not in PRECISIONS:
        allowed = ", ".join(PRECISIONS)
        raise ValueError(f"unknown precision {precision!r}; allowed are {allowed}")
    if device is None or PRECISIONS[precision] is None or _has(precision, device):
        return
    others = [p for p in PRECISIONS if p != precision and (p == "float32" or _has(p, device))]
    raise RuntimeError(
        f"precision {precision!r} is not to be had on this device, {device.device_kind}: give "
        f"{' or '.join(reversed(others))}{', or train on a newer GPU' * (precision == 'tf32')}"
    )


def dot_general(a: Matrix, b: Matrix, dimension_numbers: Any, **others: Any) -> Matrix:
    """``jax.lax.dot_general`` that, where JAX's setting asks for bfloat16, rounds what is
    multiplied on every device, in both passes. XLA's own does so on GPUs and TPUs alone."""
    if algorithm(others.get("precision")) != BFLOAT16 or a.dtype != jnp.float32:
        return lax.dot_general(a, b, dimension_numbers, **others)
    rounded = cast(Array, _operand(a)), cast(Array, _operand(b))
    return cast(Array, _result(lax.dot_general(*rounded, dimension_numbers, **others)))


@contextmanager
def _products_in(precision: str) -> Generator[None]:
    with jax.default_matmul_precision(PRECISIONS[precision]):
        yield


@cache
def _has(precision: str, device: Any) -> bool:
    """Whether XLA compiles such a product for a device."""
    numbers = jax.device_put(jnp.zeros((16, 16)), device)
    try:
        with _products_in(precision):
            jax.jit(lambda x: x @ x).lower(numbers).compile()  # pyright: ignore
    except (ValueError, NotImplementedError, jax.errors.JaxRuntimeError):
        return False
    return True


def _rounded(x: Matrix) -> Matrix:
    return lax.reduce_precision(x, exponent_bits=8, mantissa_bits=7)


@jax.custom_vjp
def _operand(x: Matrix) -> Matrix:
    """Rounded; the gradient is that of the number itself."""
    return _rounded(x)


@jax.custom_vjp
def _result(y: Matrix) -> Matrix:
    """Unchanged; what the backward pass multiplies is rounded."""
    return y


_operand.defvjp(lambda x: (_rounded(x), None), lambda _, g: (g,))
_result.defvjp(lambda y: (y, None), lambda _, g: (_rounded(g),))
