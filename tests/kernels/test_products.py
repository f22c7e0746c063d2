"""Products of matrices in float32, bfloat16 and TF32: what JAX's own setting says, everywhere."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from random_layers import Shape, population

from jdend.kernels import PRECISIONS, check_precision, dendritic_layer, multiplying_in, resolve
from jdend.kernels import dot_general as own_dot_general
from jdend.kernels._precision import algorithm

SHAPE = Shape(batch=40, features=30, neurons=4, dendrites=3, synapses=12)
MATRICES = (((1,), (0,)), ((), ()))
CPU = jax.devices("cpu")[0]


def arrays():
    own = {name: array[0, 0] for name, array in population(SHAPE).items() if name != "x"}
    return {"x": population(SHAPE)["x"][0].astype(np.float32), **own}


def out_and_gradients(kernel, precision="float32"):
    given = arrays()
    trained = {name: given.pop(name) for name in ("weight", "bias", "soma_weight", "soma_bias")}

    def loss(trained, x):
        out = dendritic_layer(**{**given, "x": x}, **trained, kernel=kernel)
        return (out**2).sum(), out

    of_both = jax.grad(loss, argnums=(0, 1), has_aux=True)
    return jax.jit(multiplying_in(precision, of_both))(trained, given["x"])


def equal(one, other):
    same = jax.tree.map(np.array_equal, one, other)
    return all(jax.tree.leaves(same))


def test_bfloat16_is_that_of_the_kernel_of_this_name_to_the_last_bit():
    rounded = out_and_gradients("dense", "bfloat16")
    assert equal(rounded, out_and_gradients("dense_bf16"))
    assert not equal(rounded, out_and_gradients("dense"))


def test_float32_leaves_a_function_as_it_is():
    def function(x):
        return x

    assert multiplying_in("float32", function) is function


def test_auto_multiplies_matrices_where_they_are_to_be_rounded(monkeypatch):
    assert equal(out_and_gradients("auto", "bfloat16"), out_and_gradients("dense", "bfloat16"))
    assert resolve(platform="cpu", precision="tf32") == "dense"
    monkeypatch.setenv("JDEND_KERNEL", "gather")
    with pytest.raises(RuntimeError, match=r"'gather' in the .* computes in float32 alone: with"):
        resolve(precision="bfloat16")


def rounded(x):
    return np.asarray(jnp.asarray(x).astype(jnp.bfloat16).astype(jnp.float32), np.float64)


def test_a_linear_layer_multiplies_rounded_numbers_in_both_passes():
    rng = np.random.default_rng(0)
    x, w, g = (rng.normal(size=s).astype(np.float32) for s in ((7, 9), (9, 4), (7, 4)))

    def passes(x, w, g):
        out, pull = jax.vjp(lambda *both: own_dot_general(*both, MATRICES), x, w)
        return out, *pull(g)

    results = jax.jit(multiplying_in("bfloat16", passes))(x, w, g)
    exact = rounded(x) @ rounded(w), rounded(g) @ rounded(w).T, rounded(x).T @ rounded(g)
    for result, expected in zip(results, exact, strict=True):
        assert result.dtype == np.float32
        np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-5)
    assert np.abs(results[0] - x @ w).max() > 1e-3
    assert equal(jax.jit(passes)(x, w, g)[0], jax.jit(jnp.matmul)(x, w))


def test_tf32_is_asked_of_a_gpu_in_both_passes():
    def lowered(precision):
        given = arrays()

        def loss(weight, x, head):
            out = dendritic_layer(**{**given, "x": x, "weight": weight}, kernel="dense")
            return own_dot_general(out, head, MATRICES).sum()

        traced = jax.jit(multiplying_in(precision, jax.grad(loss, argnums=(0, 1, 2)))).trace(
            given["weight"], given["x"], np.ones((4, 2), np.float32)
        )
        return traced.lower(lowering_platforms=("cuda",)).as_text()

    text = lowered("tf32")
    assert text.count("lhs_precision_type = tf32") == text.count("stablehlo.dot_general") > 3
    assert "tf32" not in lowered("float32")


def test_dendrites_of_float64_are_multiplied_as_ever():
    with jax.enable_x64(True):
        given = {
            name: array if array.dtype.kind == "i" else jnp.asarray(array, jnp.float64)
            for name, array in arrays().items()
        }

        def layer(x):
            return dendritic_layer(**{**given, "x": x}, kernel="dense")

        assert layer(given["x"]).dtype == jnp.float64
        assert equal(multiplying_in("bfloat16", layer)(given["x"]), layer(given["x"]))


def test_a_setting_of_jax_that_rounds_nothing_is_not_one_of_these():
    assert [algorithm(p) for p in ("highest", "float32", None, ("high", "high"))] == [None] * 4
    assert algorithm(jax.lax.DotAlgorithmPreset.TF32_TF32_F32) == PRECISIONS["tf32"]


def test_what_a_device_lacks_is_one_line_that_says_what_to_do():
    for precision in (None, CPU):
        check_precision("float32", precision)
        check_precision("bfloat16", precision)
    check_precision("tf32")
    with pytest.raises(RuntimeError) as raised:
        check_precision("tf32", CPU)
    assert str(raised.value) == (
        f"precision 'tf32' is not to be had on this device, {CPU.device_kind}: give bfloat16 or "
        "float32, or train on a newer GPU"
    )
    with pytest.raises(ValueError, match="unknown precision 'half'; allowed are float32, bfloat16"):
        check_precision("half")
