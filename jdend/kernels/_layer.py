# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
"""The one public operation: a dendritic layer, forward and backward, by the kernel of choice."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import PartitionSpec, auto_axes
from jax.typing import DTypeLike
from jaxtyping import Array, Float, Int, Shaped

from jdend.kernels._choice import for_lowering
from jdend.kernels._operands import Operands, PrecisionLike, Settings
from jdend.kernels._precision import algorithm
from jdend.kernels._registry import KERNELS
from jdend.kernels._rows import Packed

AnyArray = Array | np.ndarray


def dendritic_layer(
    x: Shaped[AnyArray, "B F"] | Packed,
    weight: Float[AnyArray, "N D K"],
    bias: Float[AnyArray, "N D"],
    indices: Int[AnyArray, "N D K"],
    soma_weight: Float[AnyArray, "N D"] | None = None,
    soma_bias: Float[AnyArray, " N"] | None = None,
    *,
    sizes: Int[AnyArray, "3"] | None = None,
    negative_slope: float = 0.1,
    soma_slope: float | None = None,
    dtype: DTypeLike | None = None,
    precision: PrecisionLike = None,
    kernel: str = "auto",
) -> Float[Array, "..."]:
    """Dendrites that each read K of F features and, if there are soma weights, their somas.

    `B` denotes the batch, `F` features, `N` neurons, `D` dendrites per neuron, `K` synapses per
    dendrite::

        h[b, n, d] = leaky(sum_k weight[n, d, k] * x[b, indices[n, d, k]] + bias[n, d])
        s[b, n]    = leaky(sum_d soma_weight[n, d] * h[b, n, d] + soma_bias[n])

    It works under ``vmap`` over any operands, however deep. Fastest is an inner ``vmap`` over
    configurations that leaves ``x`` unbatched, inside an outer one over seeds. It has derivatives
    of every order, in forward and in reverse mode; the kernel's own code computes the first in
    reverse mode, JAX the others. A batch that is sharded over devices stays sharded.
    Within ``shard_map`` give that ``check_vma=False``.

    Args:
      x: [B, F] inputs, of any real dtype; or rows of a data set, see
        :func:`jdend.kernels.packed_rows`.
      weight: [N, D, K] synaptic weights.
      bias: [N, D] dendrites' biases.
      indices: [N, D, K] int32, the feature each synapse reads; distinct within a dendrite is usual
        and not required.
      soma_weight: [N, D] the somas' weights, or None for a layer without somas.
      soma_bias: [N] the somas' biases; given together with ``soma_weight`` or not at all.
      sizes: [3] whole numbers, the true ``(n, d, k)`` inside padded arrays; may be traced. What
        lies beyond them is not read: its output and its gradients are exactly 0. None means no
        padding.
      negative_slope: the slope of dendrites' LeakyReLU below 0, any number: with 1 they are linear,
        with less than 0 not monotonic, with -1 absolute values.
      soma_slope: that of somas' LeakyReLU; by default ``negative_slope``.
      dtype: of the result, and what the operands of products may be rounded to: float16, bfloat16,
        float32 or, with `jax_enable_x64`, float64. By default the dtype that JAX promotes the
        arrays to, whole numbers being taken for float32, and an x of 8-bit floats for that of the
        parameters. Sums are those of float32, or float64.
      precision: of products of matrices, where the kernel has some, see ``jax.lax.Precision``; by
        default float32 is multiplied exactly, on accelerators, too, unless
        ``jax.default_matmul_precision`` is "BF16_BF16_F32" or "TF32_TF32_F32".
      kernel: the implementation's name, or "auto" for the fastest one for platform and shape, which
        the environment variable ``JDEND_KERNEL`` overrides; ``python -m jdend.kernels`` lists them.

    Returns:
      [B, N] with somas, [B, N, D] without, of the dtype above.

    An index outside ``[0, F)`` is never read. The native kernel stops the program with an error
    that names the synapse (a ``jax.errors.JaxRuntimeError``, or from a small program that JAX runs
    at once a ``ValueError``); the others make the outputs that depend on it NaN.

    Raises:
      ValueError: if ``kernel`` is unknown, only one of the soma's arrays is given, or shapes
        disagree, or F, N, D or K is 0; a batch may be empty.
      TypeError: if ``indices`` are not int32, ``sizes`` not whole, a slope no number or traced,
        anything else no array of real numbers, or ``dtype`` none of those above.
      RuntimeError: if ``kernel`` names one that cannot be used here, and why.
    """
    tiles = None
    if isinstance(x, Packed):
        x, tiles = x.x, x.tiles
    arrays: tuple[Any, ...] = (x, weight, bias, indices, soma_weight, soma_bias, sizes)
    operands = Operands(*arrays)
    _check_types(operands)
    _check_shapes(operands)
    dtype = result_dtype(x, weight, bias, soma_weight, soma_bias, dtype=dtype)
    sums = jnp.promote_types(dtype, jnp.float32)
    if precision is None and sums == jnp.float32:
        precision = algorithm()
    dendrite_slope = _as_number("negative_slope", negative_slope)
    if soma_slope is not None:
        soma_slope = _as_number("soma_slope", soma_slope)
    settings = Settings(
        dendrite_slope, dendrite_slope if soma_slope is None else soma_slope, dtype, precision
    )
    chosen = KERNELS[for_lowering(kernel, precision)]
    real = {
        name: jnp.asarray(array).astype(sums)
        for name, array in operands._asdict().items()
        if array is not None and name not in ("indices", "sizes")
    }
    sizes_of_int32 = _as_int32(operands.sizes, operands.weight.shape)
    operands = operands._replace(**real, sizes=sizes_of_int32)
    if tiles is not None and chosen.apply_to_tiles is not None and sums == jnp.float32:
        return chosen.apply_to_tiles(operands, settings, tiles).astype(dtype)
    return _with_sharding(lambda operands: chosen.apply(operands, settings), operands).astype(dtype)


def result_dtype(x: Any, *parameters: Any, dtype: DTypeLike | None = None) -> np.dtype:
    """The dtype of a layer's result; the arguments are as those of :func:`dendritic_layer`."""
    if not (jnp.issubdtype(x.dtype, np.number) or x.dtype == bool) or jnp.iscomplexobj(x):
        raise TypeError(f"x is of real numbers; got {x.dtype}")
    if dtype is None:
        given = [array.dtype for array in parameters if array is not None]
        if not _is_narrow(x.dtype):  # JAX promotes floats of 8 bits to nothing
            given.append(x.dtype)
        dtype = jnp.result_type(*given)
        if not jnp.issubdtype(dtype, jnp.floating):
            dtype = jnp.promote_types(dtype, jnp.float32)
    check_dtype(dtype)
    return jax.dtypes.canonicalize_dtype(dtype)


def check_dtype(dtype: DTypeLike) -> None:
    """Raises `TypeError` unless a dendritic layer computes in the dtype."""
    if jnp.dtype(dtype) not in ALLOWED_DTYPES:
        allowed = ", ".join(str(each) for each in ALLOWED_DTYPES)
        raise TypeError(f"a dendritic layer computes in {allowed}; got dtype {jnp.dtype(dtype)}")


ALLOWED_DTYPES = tuple(map(jnp.dtype, ("float16", "bfloat16", "float32", "float64")))


def _is_narrow(dtype: np.dtype) -> bool:
    return jnp.issubdtype(dtype, jnp.floating) and int(jnp.finfo(dtype).bits) <= 8


def _with_sharding(compute: Callable[[Operands], Array], operands: Operands) -> Array:
    """Where types say how arrays are sharded (``AxisType.Explicit``), the compiler is left to
    choose it inside, and the result is sharded as the batch is."""
    spec = jax.typeof(operands.x).sharding.spec
    if not any(spec):
        return compute(operands)
    axes = 2 if operands.soma_weight is not None else 3
    out = PartitionSpec(spec[0], *[None] * (axes - 1))
    # What is kept for the backward pass has a type outside, too; the compiler merges the rest.
    kept_outside = jax.checkpoint(auto_axes(compute, out_sharding=out), prevent_cse=False)
    return jax.jit(kept_outside)(operands)


def _check_types(operands: Operands) -> None:
    for name, array in operands._asdict().items():
        if array is None and name in ("soma_weight", "soma_bias", "sizes"):
            continue
        dtype = getattr(array, "dtype", None)
        if dtype is None:
            raise TypeError(f"{name} is an array; got {type(array).__name__}")
        if name == "indices" and dtype != "int32":
            raise TypeError(f"indices are int32; got {dtype}")
        if name == "sizes" and not jnp.issubdtype(dtype, jnp.integer):
            raise TypeError(f"sizes are whole numbers; got {dtype}")
        if name != "x" and np.dtype(dtype).kind in "OcSUmM":
            raise TypeError(f"{name} holds real numbers; got {dtype}")


def _as_int32(sizes: Any, shape: tuple[int, ...]) -> Any:
    """Sizes of other types, which may hold more than int32 does, cut to the arrays' shape."""
    if sizes is None or sizes.dtype == "int32":
        return sizes
    xp: Any = np if isinstance(sizes, np.ndarray) else jnp
    return jnp.asarray(xp.clip(sizes, 0, xp.asarray(shape)).astype(np.int32))


def _as_number(name: str, slope: Any) -> float:
    try:
        return float(slope)
    except (TypeError, ValueError):  # JAX's error of traced arrays is a TypeError
        raise TypeError(
            f"{name} is a number, known when a program is traced; got {type(slope).__name__}"
        ) from None


def _check_shapes(operands: Operands) -> None:
    x, weight, bias, indices, soma_weight, soma_bias, sizes = operands
    if (soma_weight is None) != (soma_bias is None):
        raise ValueError("soma_weight and soma_bias are given together or not at all")
    if x.ndim != 2 or weight.ndim != 3:
        raise ValueError(f"x is [B, F] and weight [N, D, K]; got {x.shape} and {weight.shape}")
    n, d, k = weight.shape
    if 0 in (x.shape[1], n, d, k):
        raise ValueError(f"F, N, D and K are at least 1; got {x.shape} and {weight.shape}")
    expected = {
        "bias": (bias, (n, d)),
        "indices": (indices, (n, d, k)),
        "soma_weight": (soma_weight, (n, d)),
        "soma_bias": (soma_bias, (n,)),
        "sizes": (sizes, (3,)),
    }
    for name, (array, shape) in expected.items():
        if array is not None and array.shape != shape:
            raise ValueError(
                f"{name} has shape {array.shape}, and weight {weight.shape} asks for {shape}"
            )
