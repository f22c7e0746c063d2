"""What ``dendritic_layer`` promises of every kernel besides its numbers."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from random_layers import Shape, evaluate, layer_of, population, program

from jdend.kernels import available, dendritic_layer, resolve
from jdend.kernels._registry import KERNELS

INDEX_ERRORS = (jax.errors.JaxRuntimeError, ValueError)
"""The second where JAX runs a small program at once instead of queueing it."""

POPULATION = Shape(seeds=2, configurations=3, batch=5)


def one_trial(shape: Shape = POPULATION, **changes) -> dict:
    arrays = {name: a[0, 0] for name, a in population(shape).items() if name != "x"}
    return {"x": population(shape)["x"][0], **arrays, **changes}


@partial(jax.jit, static_argnames="kernel")
def layer(arrays: dict, kernel: str) -> jax.Array:
    return layer_of(POPULATION, arrays, kernel)


def with_index(index: int) -> dict:
    """One trial without padding, one of whose synapses, on neuron 1, reads ``index``."""
    indices = population(POPULATION)["indices"][0, 0].copy()
    indices[1, 0, 2] = index
    return one_trial(indices=indices)


def test_nested_vmap_equals_a_loop(kernel):
    together = evaluate(kernel, POPULATION, 0.0)["out"]
    arrays = population(POPULATION)
    for s, c in np.ndindex(2, 3):
        own = {name: a[s, c] for name, a in arrays.items() if name != "x"}
        alone = layer({"x": arrays["x"][s], **own}, kernel)
        np.testing.assert_allclose(together[s, c], alone, rtol=1e-2, atol=1e-5)


@pytest.mark.parametrize("name", ["weight", "bias", "soma_weight", "soma_bias"])
def test_gradients_beyond_the_true_sizes_are_exactly_0(kernel, name):
    gradient = evaluate(kernel, POPULATION, 0.0)[name]
    for trial in np.ndindex(2, 3):
        sizes = population(POPULATION)["sizes"][trial]
        inside = tuple(slice(size) for size in sizes[: gradient.ndim - 2])
        beyond = gradient[trial].copy()
        beyond[inside] = 0
        assert not beyond.any()


def test_padding_holds_anything(kernel):
    padded = one_trial(sizes=np.array([2, 1, 3], np.int32))
    exact = {
        "x": padded["x"],
        "weight": padded["weight"][:2, :1, :3],
        "bias": padded["bias"][:2, :1],
        "indices": padded["indices"][:2, :1, :3],
        "soma_weight": padded["soma_weight"][:2, :1],
        "soma_bias": padded["soma_bias"][:2],
    }
    for name in ("weight", "bias", "soma_weight"):
        spoilt = np.full_like(padded[name], np.nan)
        spoilt[tuple(slice(length) for length in exact[name].shape)] = exact[name]
        padded[name] = spoilt
    indices = np.full_like(padded["indices"], 10**9)
    indices[:2, :1, :3] = exact["indices"]
    out = layer(padded | {"indices": indices}, kernel)
    expected = layer(exact, kernel)
    np.testing.assert_allclose(out[:, :2], expected, rtol=1e-2, atol=1e-5)


def test_a_slope_of_minus_one_folds_sums_to_their_absolute_values(kernel):
    arrays = one_trial(Shape(seeds=2, configurations=3, batch=5, soma=False))

    def weighted(weight, slope, weights):
        out = dendritic_layer(**{**arrays, "weight": weight}, negative_slope=slope, kernel=kernel)
        return (out * weights).sum(), out

    gradient = jax.jit(jax.grad(weighted, has_aux=True), static_argnums=1)
    _, linear = gradient(arrays["weight"], 1.0, np.ones((5, 3, 2), "f"))
    of_linear, _ = gradient(arrays["weight"], 1.0, np.sign(linear))
    of_folded, folded = gradient(arrays["weight"], -1.0, np.ones((5, 3, 2), "f"))
    np.testing.assert_allclose(folded, np.abs(linear), rtol=1e-2, atol=1e-5)
    np.testing.assert_allclose(of_folded, of_linear, rtol=1e-2, atol=1e-5)


def test_somas_have_the_dendrites_slope_unless_one_of_their_own_is_given(kernel):
    arrays = one_trial(soma_bias=np.full(3, -9, "f"))

    @jax.jit
    def with_each_slope(arrays):
        return [
            dendritic_layer(**arrays, negative_slope=0.3, soma_slope=slope, kernel=kernel)
            for slope in (None, 0.3, 0.1)
        ]

    none, same, own = map(np.asarray, with_each_slope(arrays))
    np.testing.assert_array_equal(none, same)
    assert (none != own).any()


def test_no_sizes_means_no_padding(kernel):
    whole = one_trial(sizes=np.array([3, 2, 5], np.int32))
    bare = {name: array for name, array in whole.items() if name != "sizes"}
    np.testing.assert_array_equal(layer(whole, kernel), layer(bare, kernel))


def test_differentiates_inside_scan(kernel):
    arrays = {name: jnp.asarray(array) for name, array in one_trial().items()}

    def loss(weight, kernel):
        def step(x, _):
            out = layer_of(POPULATION, arrays | {"x": x, "weight": weight}, kernel)
            return x + out.sum(1, keepdims=True) / 100, None

        return jax.lax.scan(step, arrays["x"], None, length=2)[0].sum()

    gradient = jax.jit(jax.grad(loss), static_argnums=1)
    error = gradient(arrays["weight"], kernel) - gradient(arrays["weight"], "gather")
    assert np.abs(error).max() <= 2e-2 * np.abs(gradient(arrays["weight"], "gather")).max()


@pytest.mark.parametrize("index", [20, -1, 2**31 - 1, -(2**31)])
def test_an_index_outside_the_features_is_an_error_or_nan(kernel, index):
    if kernel == "native":
        with pytest.raises(INDEX_ERRORS, match=f"index {index} .* 20 features"):
            jax.block_until_ready(layer(with_index(index), kernel))
    else:
        out = layer(with_index(index), kernel)
        np.testing.assert_array_equal(np.isnan(out).all(0), [False, True, False])


def test_an_index_outside_the_features_leaves_other_neurons_alone(kernel):
    if kernel == "native":
        pytest.skip("it is an error")
    out, expected = layer(with_index(20), kernel), layer(one_trial(), kernel)
    np.testing.assert_array_equal(out[:, 0], expected[:, 0])


def test_the_gradient_of_the_batch_is_dropped_where_nobody_wants_it(kernel):
    arrays, seeds = dict(population(POPULATION)), POPULATION.seeds
    g = np.ones((seeds, POPULATION.configurations, POPULATION.batch, POPULATION.neurons), "f")
    run = program(kernel, POPULATION)

    def without_x(arrays, g):
        return {name: array for name, array in run(arrays, g).items() if name != "x"}

    def costly_operations(function):
        text = jax.jit(function).lower(arrays, g).compile().as_text()
        costly = (
            "jdend_input_gradient",
            " dot(",
            " scatter(",
            " while(",
        )  # or a loop that scatters
        return sum(map(text.count, costly))

    assert costly_operations(without_x) < costly_operations(run)


@pytest.mark.wrong_types
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"kernel": "fast"}, "unknown kernel 'fast'; allowed are auto, native, dense"),
        ({"soma_bias": None}, "together or not at all"),
        ({"bias": np.zeros((3, 4), "f")}, r"bias has shape \(3, 4\)"),
        ({"x": np.zeros(20, "f")}, r"x is \[B, F\]"),
        ({"indices": np.zeros((3, 2, 5), "f")}, "indices are int32; got float32"),
        ({"sizes": np.ones(3, "f")}, "sizes are whole numbers; got float32"),
        ({"sizes": [1, 1, 1]}, "sizes is an array; got list"),
        ({"x": np.zeros((2, 20), "c8")}, "x is of real numbers; got complex64"),
        ({"bias": np.array([["a"]])}, "bias holds real numbers; got <U1"),
        ({"x": np.zeros((2, 0), "f")}, "F, N, D and K are at least 1"),
        ({"negative_slope": "steep"}, "negative_slope is a number"),
        ({"soma_slope": "steep"}, "soma_slope is a number"),
    ],
)
def test_wrong_arguments_are_named(changes, words):
    with pytest.raises((ValueError, TypeError), match=words):
        dendritic_layer(**(one_trial() | changes))


def test_the_environment_variable_overrides_auto(monkeypatch):
    monkeypatch.setenv("JDEND_KERNEL", "gather")
    assert resolve("auto") == "gather"


def test_an_argument_overrides_the_environment_variable(monkeypatch):
    monkeypatch.setenv("JDEND_KERNEL", "gather")
    assert resolve("dense") == "dense"


def test_a_wrong_environment_variable_is_named(monkeypatch):
    monkeypatch.setenv("JDEND_KERNEL", "fast")
    with pytest.raises(ValueError, match="environment variable JDEND_KERNEL"):
        resolve("auto")


@pytest.mark.parametrize("platform", ["cuda", "rocm", "tpu"])
def test_auto_is_dense_on_accelerators(platform, monkeypatch):
    monkeypatch.delenv("JDEND_KERNEL", raising=False)
    assert resolve("auto", platform=platform) == "dense"


def test_available_kernels_are_registered():
    assert set(available()) <= set(KERNELS)


@pytest.mark.parametrize("whole", [np.int64, np.int16])
def test_sizes_may_be_whole_numbers_of_any_type(kernel, whole):
    sizes = np.array([2, 1, 3], np.int32)
    expected = layer(one_trial(sizes=sizes), kernel)
    np.testing.assert_array_equal(layer(one_trial(sizes=sizes.astype(whole)), kernel), expected)


def test_sizes_beyond_int32_mean_no_padding(kernel):
    arrays = one_trial(sizes=np.full(3, 2**40))
    large = jax.jit(lambda x: layer_of(POPULATION, arrays | {"x": x}, kernel))(arrays["x"])
    np.testing.assert_allclose(large, layer(one_trial(sizes=None), kernel), rtol=1e-5)


def test_an_empty_batch_gives_an_empty_batch_and_gradients_of_0(kernel):
    arrays = jax.tree.map(jnp.asarray, one_trial(x=np.zeros((0, POPULATION.features), "f")))

    def loss(weight):
        return layer_of(POPULATION, arrays | {"weight": weight}, kernel).sum()

    assert layer(arrays, kernel).shape == (0, POPULATION.neurons)
    assert not np.asarray(jax.jit(jax.grad(loss))(arrays["weight"])).any()


def test_debugging_of_nan_finds_none_in_a_sound_layer(kernel):
    arrays = jax.tree.map(jnp.asarray, one_trial())

    def loss(weight):
        return layer_of(POPULATION, arrays | {"weight": weight}, kernel).sum()

    with jax.debug_nans(True):
        eager = jax.grad(loss)(arrays["weight"])
        assert np.isfinite(eager).all()
        assert np.isfinite(jax.jit(jax.grad(loss))(arrays["weight"])).all()


@pytest.mark.parametrize("wanted", ["x", "weight"])
def test_it_is_sharded_over_the_batch_by_shard_map(kernel, wanted):
    arrays = jax.tree.map(jnp.asarray, one_trial())
    mesh = jax.make_mesh((1,), ("b",), axis_types=(jax.sharding.AxisType.Auto,))
    batch, whole = jax.sharding.PartitionSpec("b"), jax.sharding.PartitionSpec()

    def own(x, weight):
        return layer_of(POPULATION, arrays | {"x": x, "weight": weight}, kernel)

    specs = {"in_specs": (batch, whole), "out_specs": batch, "check_vma": False}
    sharded = jax.shard_map(own, mesh=mesh, **specs)
    values, gradients = zip(
        *(
            jax.jit(
                jax.value_and_grad(
                    lambda x, w, f=f: (f(x, w) ** 2).sum(), ["x", "weight"].index(wanted)
                )
            )(arrays["x"], arrays["weight"])
            for f in (own, sharded)
        ),
        strict=True,
    )
    np.testing.assert_allclose(*values, rtol=1e-5)
    np.testing.assert_allclose(*gradients, rtol=1e-5, atol=1e-5)
