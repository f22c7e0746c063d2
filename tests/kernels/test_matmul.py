"""The products of linear layers: the library's, and where XLA's take their place."""

import json
import subprocess
import sys
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from hypothesis import given, settings
from hypothesis import strategies as st

from jdend.kernels import DotGeneral, _matmul, _native

LIBRARY = _native.load()
needs_library = pytest.mark.skipif(isinstance(LIBRARY, str), reason=str(LIBRARY))
INSTRUCTION_SETS = [] if isinstance(LIBRARY, str) else LIBRARY.instruction_sets
MATRICES = (((1,), (0,)), ((), ()))
PROGRAM = Path(__file__).with_name("sharded_products.py")


def normal(seed, *shape):
    return np.random.default_rng((seed, *shape)).normal(size=shape).astype(np.float32)


def product(a, b, kernel="native"):
    return DotGeneral(kernel)(jnp.asarray(a), jnp.asarray(b), MATRICES)


def calls(function, *arrays, **lowering):
    return jax.jit(function).trace(*arrays).lower(**lowering).as_text().count("@jdend_matmul")


@contextmanager
def using(instruction_set):
    before = LIBRARY.instruction_set
    LIBRARY.use_instruction_set(instruction_set)
    yield
    LIBRARY.use_instruction_set(before)


@partial(jax.jit, static_argnums=(2, 3))
def compiled(a, b, a_transposed, b_transposed):
    return _matmul._by_library(
        a, b, a_transposed=a_transposed, b_transposed=b_transposed, precision=None
    )


def by_library(instruction_set, a, b, a_transposed=False, b_transposed=False):
    with using(instruction_set):
        return np.asarray(compiled(a, b, a_transposed, b_transposed))


every_instruction_set = pytest.mark.parametrize("instruction_set", INSTRUCTION_SETS)


@st.composite
def operands(draw, most=40):
    """Two operands as they are stored, whether each is transposed, and their product in float64."""
    length = st.integers(1, most)
    m, k, n = draw(length), draw(length), draw(length)
    leading = draw(st.lists(st.integers(0, 3), max_size=2))
    shared = [[draw(st.booleans()) for _ in leading] for _ in range(2)]
    of_a, of_b = ([1 if s else x for s, x in zip(each, leading, strict=True)] for each in shared)
    a, b = normal(0, *of_a, m, k), normal(1, *of_b, k, n)
    exact = np.matmul(a, b, dtype=np.float64)
    a_transposed, b_transposed = draw(st.booleans()), draw(st.booleans())
    stored = [
        np.ascontiguousarray(x.swapaxes(-1, -2)) if transposed else x
        for x, transposed in ((a, a_transposed), (b, b_transposed))
    ]
    return *stored, a_transposed, b_transposed, exact


@every_instruction_set
@settings(max_examples=15, deadline=None)
@given(operands())
def test_it_is_numpys_product(instruction_set, drawn):
    *arguments, exact = drawn
    np.testing.assert_allclose(by_library(instruction_set, *arguments), exact, rtol=1e-5, atol=1e-5)


@every_instruction_set
@pytest.mark.parametrize("shape", [(256, 150, 24), (97, 33, 65), (7, 300, 129)])
@pytest.mark.parametrize("transposed", [(False, False), (False, True), (True, False), (True, True)])
def test_products_that_threads_share_are_as_exact(instruction_set, shape, transposed):
    m, k, n = shape
    a, b = normal(0, 2, m, k), normal(1, 2, k, n)
    exact = np.matmul(a, b, dtype=np.float64)
    stored = [x.swapaxes(1, 2) if t else x for x, t in zip((a, b), transposed, strict=True)]
    np.testing.assert_allclose(
        by_library(instruction_set, *stored, *transposed), exact, rtol=1e-4, atol=1e-4
    )


def padded(x, *lengths):
    return np.pad(x, [(0, more) for more in lengths])


@every_instruction_set
@settings(max_examples=10, deadline=None)
@given(st.tuples(*[st.integers(1, 40)] * 3), st.tuples(*[st.integers(0, 20)] * 3), st.booleans())
def test_padding_changes_no_bit(instruction_set, shape, more, b_transposed):
    (m, k, n), (more_m, more_k, more_n) = shape, more
    a, b = normal(0, m, k), normal(1, k, n)
    small = by_library(instruction_set, a, b.T if b_transposed else b, b_transposed=b_transposed)
    a, b = padded(a, more_m, more_k), padded(b, more_k, more_n)
    large = by_library(instruction_set, a, b.T if b_transposed else b, b_transposed=b_transposed)
    np.testing.assert_array_equal(large[:m, :n], small)
    assert not large[m:].any()
    assert not large[:, n:].any()


@every_instruction_set
def test_alone_is_together_to_the_last_bit(instruction_set):
    a, b = normal(0, 3, 1, 70, 50), normal(1, 3, 4, 50, 21)
    together = by_library(instruction_set, a, b)
    for s in range(3):
        for c in range(4):
            np.testing.assert_array_equal(
                by_library(instruction_set, a[s, 0], b[s, c]), together[s, c]
            )


@every_instruction_set
@pytest.mark.parametrize("shape", [(0, 3, 2), (3, 0, 2), (3, 2, 0)])
def test_no_examples_inputs_or_outputs(instruction_set, shape):
    m, k, n = shape
    for transposed in (False, True):
        b = np.ones((n, k) if transposed else (k, n), np.float32)
        out = by_library(instruction_set, np.ones((m, k), np.float32), b, b_transposed=transposed)
        np.testing.assert_array_equal(out, np.zeros((m, n)))


@needs_library
def test_shapes_that_do_not_fit_are_refused():
    program = jax.jit(
        lambda a, b: jax.ffi.ffi_call("jdend_matmul", jax.ShapeDtypeStruct((2, 4), jnp.float32))(
            a, b, a_transposed=False, b_transposed=False
        )
    )
    with pytest.raises((jax.errors.JaxRuntimeError, ValueError), match="matmul: the shape of b"):
        jax.block_until_ready(program(np.ones((2, 3), "f"), np.ones((5, 4), "f")))


@pytest.mark.parametrize("batched", [None, (0, None), (None, 0), (0, 0), (2, 1)])
def test_derivatives(batched):
    """Of any order and mode, against those of JAX's own product."""
    shapes = [[3, 4], [4, 2]]
    for shape, axis in zip(shapes, batched or (None, None), strict=True):
        if axis is not None:
            shape.insert(axis, 2)
    both = [normal(i, *shape) for i, shape in enumerate(shapes)]

    @partial(jax.jit, static_argnums=0)
    def derivatives(multiply, a, b):
        def loss(a, b):
            each = multiply if batched is None else jax.vmap(multiply, in_axes=batched)
            return jnp.sum(jnp.sin(each(a, b)))

        gradient = jax.grad(loss, (0, 1))
        return (
            gradient(a, b),
            jax.jacfwd(loss, (0, 1))(a, b),
            jax.hessian(loss, (0, 1))(a, b),
            jax.jacrev(gradient, (0, 1))(a, b),
            jax.jvp(gradient, (a, b), (b.sum() * a, a.sum() * b)),
        )

    found, exact = (derivatives(multiply, *both) for multiply in (product, jnp.matmul))
    jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-4), found, exact)


@pytest.mark.parametrize("batched", [(None, 0), (0, None), (0, 0)])
def test_products_in_products_are_xlas_with_another_kernel(batched):
    """Under two vmaps, the outer one over both."""
    a = normal(0, *([3, 4] if batched[0] == 0 else [3]), 6, 5)
    b = normal(1, *([3, 4] if batched[1] == 0 else [3]), 5, 2)

    def loss(kernel, a, b):
        inner = jax.vmap(partial(product, kernel=kernel), in_axes=batched)
        return (jax.vmap(inner)(a, b) ** 2).sum()

    for argnums in (0, 1):
        found, exact = (
            jax.jit(jax.grad(partial(loss, kernel), argnums))(a, b)
            for kernel in ("native", "dense")
        )
        np.testing.assert_allclose(found, exact, rtol=1e-5, atol=1e-4)


@needs_library
def test_a_step_of_a_linear_layer_is_three_calls():
    def step(a, b):
        return jax.grad(lambda *both: (jax.vmap(product)(*both) ** 2).sum(), (0, 1))(a, b)

    a, b = normal(0, 3, 8, 5), normal(1, 3, 5, 4)
    assert calls(step, a, b) == 3
    assert calls(step, a, b, lowering_platforms=("cuda",)) == 0
    exported = jax.export.export(jax.jit(step), platforms=["tpu"])(a, b).mlir_module()
    assert "custom_call" not in exported
    assert exported.count("stablehlo.dot_general") == 3


@needs_library
@pytest.mark.parametrize(
    ("a", "b", "others"),
    [
        (np.ones((2, 3), "f"), np.ones((3, 4), np.float16), {}),
        (np.ones((2, 3), "f"), np.ones((3, 4), "f"), {"preferred_element_type": jnp.bfloat16}),
        (np.ones((2, 3), "f"), np.ones((3, 4), "f"), {"precision": "BF16_BF16_F32"}),
        (np.ones((2, 2, 3), "f"), np.ones((3, 4), "f"), {}),
        (np.ones((2048, 512), "f"), np.ones((512, 512), "f"), {}),
    ],
    ids=["float16", "another result", "bfloat16", "more axes", "large"],
)
def test_what_else_is_xlas(a, b, others):
    numbers = (((a.ndim - 1,), (0,)), ((), ()))

    def function(a, b):
        return DotGeneral()(jnp.asarray(a), jnp.asarray(b), numbers, **others)

    assert calls(function, a, b) == 0
    assert jax.jit(function)(a, b).shape == (*a.shape[:-1], b.shape[1])


def test_shapes_that_disagree_are_jaxs_error():
    with pytest.raises(TypeError, match="contracting dimensions"):
        product(np.ones((2, 3), "f"), np.ones((4, 5), "f"))


@needs_library
def test_a_kernel_that_is_asked_for_is_obeyed(monkeypatch):
    a, b = np.ones((2, 3), "f"), np.ones((3, 4), "f")
    assert [calls(partial(product, kernel=k), a, b) for k in ("auto", "native", "gather")] == [
        1, 1, 0,
    ]  # fmt: skip
    monkeypatch.setenv("JDEND_KERNEL", "dense")
    assert calls(partial(product, kernel="auto"), a, b) == 0


@needs_library
def test_without_vectors_of_its_own_a_processor_multiplies_by_xla():
    with using("plain"):
        assert calls(product, np.ones((2, 3), "f"), np.ones((3, 4), "f")) == 0


@needs_library
def test_the_precision_that_jax_is_set_to_is_that_of_other_platforms():
    with jax.default_matmul_precision("highest"):
        traced = jax.jit(product).trace(np.ones((2, 3), "f"), np.ones((3, 4), "f"))
    text = traced.lower(lowering_platforms=("cuda",)).as_text()
    assert "precision = [HIGHEST, HIGHEST]" in text
    assert traced.lower().as_text().count("@jdend_matmul") == 1


@needs_library
def test_any_number_of_examples():
    rows, _ = jax.export.symbolic_shape("B, C")
    a = jax.ShapeDtypeStruct((rows, 3), jnp.float32)
    exported = jax.export.export(jax.jit(product))(a, np.ones((3, 4), "f"))
    np.testing.assert_array_equal(exported.call(np.ones((5, 3), "f"), np.ones((3, 4), "f")), 3.0)


def test_networks_of_one_shape_have_one_structure():
    def graphdef():
        return nnx.graphdef(nnx.Linear(2, 3, dot_general=DotGeneral("dense"), rngs=nnx.Rngs(0)))

    assert graphdef() == graphdef()
    assert hash(graphdef()) == hash(graphdef())


@cache
def on_four_devices(mode):
    command = [sys.executable, str(PROGRAM), mode]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("mode", ["Auto", "Explicit"])
@pytest.mark.parametrize("way", ["rows", "gradient", "trials", "shard_map", "unchecked"])
def test_operands_that_are_divided_among_devices(mode, way):
    found = on_four_devices(mode)[way]
    assert found["error"] < 1e-5
    own_programs = way == "unchecked" and not isinstance(LIBRARY, str)
    assert found["calls"] == (1 if own_programs else 0)
    assert found["pieces"] == (found["whole"] if way == "gradient" else found["quarter"])
