"""Every kernel under every transformation of JAX's, in every dtype, against float64."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jdend.kernels import available, dendritic_layer
from jdend.kernels._registry import KERNELS

TOLERANCE = {"float64": 1e-12, "float32": 1e-5, "float16": 2e-3, "bfloat16": 2e-2}
SLOPES = {"negative_slope": -0.5, "soma_slope": 0.1}
FEW = ("itself", "vmap", "grad", "hessian")
"""The transformations that every kernel goes through in every dtype."""


@functools.cache
def layer(somata: bool) -> dict[str, np.ndarray]:
    """Operands in float64, of values that all dtypes have, so that signs agree."""
    batch, n, d, k, features = 17, 2, 3, 4, 5
    shapes = {"x": (batch, features), "weight": (n, d, k), "bias": (n, d)}
    if somata:
        shapes |= {"soma_weight": (n, d), "soma_bias": (n,)}
    rng = np.random.default_rng(0)
    arrays = {
        name: rng.normal(0.3, 1, shape).astype(jnp.bfloat16).astype(np.float64)
        for name, shape in shapes.items()
    }
    arrays["indices"] = rng.random((n, d, features)).argsort(-1)[..., :k].astype(np.int32)
    return arrays


def transformed(kernel: str, few: bool, x, rest: dict, g) -> dict:
    """What the transformations make of the layer; derivatives are those of ``g``'s product."""
    fixed = {"indices": rest["indices"], "kernel": kernel, **SLOPES}
    moving = {name: array for name, array in rest.items() if name != "indices"}

    def loss(moving, x):
        return jnp.sum(g * dendritic_layer(x, **moving, **fixed).astype(g.dtype))

    def two(x):
        return jnp.stack([x, -x])

    both = (moving, x) if jnp.issubdtype(x.dtype, jnp.floating) else (moving,)

    def of_both(*both):
        return loss(*both) if len(both) == 2 else loss(*both, x)

    every = tuple(range(len(both)))
    gradient = jax.grad(of_both, every)

    def over_networks(*both):
        networks, *rest = both
        return jax.vmap(of_both, in_axes=(0, *[None] * len(rest)))(
            jax.tree.map(two, networks), *rest
        )

    def only(weight):
        return loss({**moving, "weight": weight}, x)

    results = {
        "itself": lambda: dendritic_layer(x, **moving, **fixed),
        "vmap": lambda: over_networks(*both),
        "grad": lambda: gradient(*both),
        "jacfwd": lambda: jax.jacfwd(of_both, every)(*both),
        "jacrev": lambda: jax.jacrev(of_both, every)(*both),
        "hessian": lambda: jax.hessian(of_both)(*both),
        "forward over forward": lambda: jax.jacfwd(jax.jacfwd(of_both, every))(*both),
        "reverse over reverse": lambda: jax.jacrev(jax.jacrev(of_both, every))(*both),
        "reverse over forward": lambda: jax.jacrev(jax.jacfwd(of_both, every))(*both),
        "product with the hessian": lambda: jax.jvp(gradient, both, both)[1],
        "linearize": lambda: jax.linearize(of_both, *both)[1](*both),
        "checkpoint": lambda: jax.grad(jax.checkpoint(of_both), every)(*both),
        "gradient of vmap": lambda: jax.grad(lambda *both: over_networks(*both).sum(), every)(
            *both
        ),
        "vmap of gradient": lambda: jax.vmap(jax.grad(only))(two(moving["weight"])),
        "hessian under vmap": lambda: jax.vmap(jax.hessian(only))(two(moving["weight"])),
        "third derivative": lambda: jax.jacfwd(jax.hessian(only))(moving["weight"]),
    }
    return {name: results[name]() for name in (FEW if few else results)}


@functools.partial(jax.jit, static_argnums=(0, 1))
def compiled(kernel, few, x, rest, g):
    return transformed(kernel, few, x, rest, g)


def far(results, expected, tolerance) -> list:
    """What differs by more than the tolerance, in units of an array's largest value."""

    def error(a, b):
        a, b = np.asarray(a, np.float64), np.asarray(b)
        return np.abs(a - b).max() / max(np.abs(b).max(), 1e-3)

    errors = jax.tree.map(error, results, expected)
    leaves = jax.tree_util.tree_leaves_with_path(errors)
    return [(jax.tree_util.keystr(path), float(e)) for path, e in leaves if not e <= tolerance]


def check(kernel, arrays, dtype) -> None:
    rest = {name: array for name, array in arrays.items() if name != "x"}
    batch, (n, d, _) = len(arrays["x"]), rest["weight"].shape
    rng = np.random.default_rng(0)
    g = rng.uniform(0.5, 1.5, (batch, n) if "soma_weight" in rest else (batch, n, d))
    # All kernels go through every transformation in float32, and one does so in every dtype.
    with_somata_in_float32 = dtype == "float32" and "soma_weight" in rest
    few = kernel != available()[0] and not with_somata_in_float32
    exact = compiled("gather", False, arrays["x"], rest, g)
    narrow = {n: a if n == "indices" else a.astype(dtype) for n, a in rest.items()}
    tolerance = max(TOLERANCE[dtype], KERNELS[kernel].tolerance if "bf16" in kernel else 0)
    results = compiled(kernel, few, arrays["x"].astype(dtype), narrow, g)
    assert results["itself"].dtype == dtype
    assert far(results, {name: exact[name] for name in results}, tolerance) == []


@pytest.mark.parametrize("kernel", available())
@pytest.mark.parametrize(
    ("dtype", "somata"), [*((dtype, True) for dtype in TOLERANCE), ("float32", False)]
)
def test_derivatives_of_every_kind(dtype, somata, kernel):
    with jax.enable_x64(True):
        check(kernel, layer(somata), dtype)


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int32", "uint16", "bool", "float8_e4m3fn"])
def test_whole_numbers_and_narrow_inputs_are_taken_as_they_are(kernel, dtype):
    x = jnp.asarray(np.random.default_rng(0).integers(0, 2, (6, 5)), dtype)
    rng = np.random.default_rng(1)
    weight = rng.normal(size=(2, 3, 4)).astype(np.float32)
    indices = rng.random((2, 3, 5)).argsort(-1)[..., :4].astype(np.int32)

    def loss(weight, x, kernel):
        return dendritic_layer(x, weight, weight[..., 0], indices, kernel=kernel).sum()

    both = [jax.value_and_grad(loss)(weight, each, kernel) for each in (x, x.astype("f"))]
    jax.tree.map(np.testing.assert_array_equal, *both)


@pytest.mark.wrong_types
@pytest.mark.parametrize(
    ("x", "dtype", "words"),
    [
        (np.zeros((2, 1), complex), None, "x is of real numbers; got complex128"),
        (np.zeros((2, 1), "f"), "int32", "computes in float16, .*; got dtype int32"),
        (
            np.zeros((2, 1), "f"),
            "float8_e4m3fn",
            "computes in float16, .*; got dtype float8_e4m3fn",
        ),
    ],
)
def test_other_dtypes_are_one_line(x, dtype, words):
    weight = np.zeros((1, 1, 1), "f")
    with pytest.raises(TypeError, match=words) as error:
        dendritic_layer(x, weight, weight[0], weight.astype(np.int32), dtype=dtype)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("asked", ["float16", "bfloat16", "float32"])
def test_the_result_has_the_dtype_that_is_asked_for(kernel, asked):
    weight = np.ones((1, 1, 1), "f")
    out = dendritic_layer(
        np.ones((2, 1), "f"),
        weight,
        weight[0],
        np.zeros((1, 1, 1), "i"),
        dtype=asked,
        kernel=kernel,
    )
    assert out.dtype == asked
