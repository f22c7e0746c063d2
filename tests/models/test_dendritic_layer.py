"""The dendritic layer as a Flax layer among others."""

import doctest

import jax
import jax.flatten_util
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx
from hypothesis import given, settings
from hypothesis import strategies as st

from jdend.connectivity import CONNECTIVITIES, check_indices, draw_indices
from jdend.models import (
    ACTIVATIONS,
    INITIALIZATIONS,
    DendriticLayer,
    SynapseIndex,
    _layer,
    _registry,
)

F, N, D, K = 20, 3, 2, 5
IMAGE = (5, 4, 1)


@pytest.fixture(scope="module")
def layer():
    return DendriticLayer(F, N, D, K, rngs=nnx.Rngs(0))


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(0).normal(size=(8, F)).astype(np.float32)


def in_one_program(*sizes, seed=0, **options):
    """A layer of sizes that few tests have, whose operations are not compiled one by one."""
    return nnx.jit(lambda: DendriticLayer(*sizes, **options, rngs=nnx.Rngs(seed)))()


def leaky(x, slope):
    return np.where(x >= 0, x, slope * x)


def by_formula(layer, x):
    sums = np.einsum("ndk,bndk->bnd", layer.weight, x[:, layer.indices[...]]) + layer.bias
    h = leaky(sums, layer.dendrite_slope)
    return leaky(np.einsum("nd,bnd->bn", layer.soma_weight, h) + layer.soma_bias, layer.soma_slope)


@pytest.mark.parametrize("slopes", [(0.1, 0.1), (-1.0, 0.1), (1.0, 0.1), (0.1, 1.0), (-0.3, -0.6)])
@pytest.mark.parametrize("kernel", ["auto", "gather"])
def test_it_computes_its_formula(layer, x, kernel, slopes):
    biased = nnx.clone(layer)
    biased.kernel = kernel
    biased.dendrite_slope, biased.soma_slope = slopes
    biased.bias[...] = np.random.default_rng(1).normal(size=(N, D))
    biased.soma_bias[...] = np.random.default_rng(2).normal(size=N)
    np.testing.assert_allclose(biased(x), by_formula(biased, x), rtol=1e-5, atol=1e-6)


def test_somata_are_the_kernels_whatever_the_slopes(layer, x, monkeypatch):
    kernel, shapes = _layer.kernels.dendritic_layer, []

    def seen(*arrays, **options):
        out = kernel(*arrays, **options)
        shapes.append(out.shape)
        return out

    monkeypatch.setattr(_layer.kernels, "dendritic_layer", seen)
    for slope in (-1.0, 0.1, 1.0):
        of_slope = nnx.clone(layer)
        of_slope.dendrite_slope = slope
        of_slope(x)
    assert shapes == [(8, N)] * 3


@pytest.mark.parametrize("batch", [(), (1,), (0,), (4, 2), (2, 1, 3)])
def test_it_takes_any_batch_dimensions(layer, batch):
    x = jnp.ones((*batch, F))
    assert layer(x).shape == (*batch, N)


def test_batch_dimensions_are_only_batch(layer, x):
    flat = layer(x)
    np.testing.assert_allclose(layer(x.reshape(4, 2, F)).reshape(8, N), flat, rtol=1e-6)


def test_without_somata_it_returns_one_group_of_dendrites(x):
    bare = in_one_program(F, N, D, K, soma=False)
    assert bare.weight.shape == (1, D, K)
    assert bare.soma_weight is None
    assert bare.soma_bias is None
    assert bare(x).shape == (8, D)
    assert bare(x[0]).shape == (D,)
    assert bare.out_features == D


def test_indices_are_no_parameters(layer):
    params = nnx.to_pure_dict(nnx.state(layer, nnx.Param))
    assert set(params) == {"weight", "bias", "soma_weight", "soma_bias"}
    assert set(nnx.to_pure_dict(nnx.state(layer, SynapseIndex))) == {"indices"}


def test_an_optimizer_moves_every_parameter_and_no_index(layer, x):
    model = nnx.clone(layer)
    model.bias[...] = jnp.ones((N, D))
    before = jax.tree.map(np.asarray, nnx.to_pure_dict(nnx.state(model)))
    optimizer = nnx.Optimizer(model, optax.adamw(1e-3), wrt=nnx.Param)

    @nnx.jit
    def step(model, optimizer, x):
        loss, grads = nnx.value_and_grad(lambda m: (m(x) ** 2).mean())(model)
        optimizer.update(model, grads)
        return loss

    step(model, optimizer, x)
    after = nnx.to_pure_dict(nnx.state(model))
    np.testing.assert_array_equal(after.pop("indices"), before["indices"])
    assert all((after[name] != before[name]).any() for name in after)


def test_plain_jit_over_split_state(layer, x):
    graphdef, state = nnx.split(layer)
    out = jax.jit(lambda state, x: nnx.merge(graphdef, state)(x))(state, x)
    np.testing.assert_allclose(out, layer(x), rtol=1e-6)


def test_vmap_over_seeds(x):
    graphdef = nnx.graphdef(nnx.eval_shape(lambda: DendriticLayer(F, N, D, K, rngs=nnx.Rngs(0))))

    def one(seed):
        layer = DendriticLayer(F, N, D, K, rngs=nnx.Rngs(jax.random.key(seed)))
        return nnx.to_pure_dict(nnx.state(layer))

    states = jax.jit(jax.vmap(one))(jnp.arange(4))
    call = jax.vmap(lambda state: nnx.merge(graphdef, state)(x))
    out = np.asarray(jax.jit(call)(states))
    assert out.shape == (4, 8, N)
    third = jax.tree.map(lambda leaf: jnp.asarray(np.asarray(leaf)[2]), states)
    np.testing.assert_allclose(out[2], nnx.merge(graphdef, third)(x), rtol=1e-6)
    check_indices(states["indices"], F)
    assert len(np.unique(np.asarray(states["indices"]).reshape(4, -1), axis=0)) == 4


def test_nnx_vmap_over_seeds(x):
    @nnx.split_rngs(splits=3)
    @nnx.vmap
    def create(rngs):
        return DendriticLayer(F, N, D, K, rngs=rngs)

    layers = nnx.jit(create)(nnx.Rngs(0))
    assert layers.weight.shape == (3, N, D, K)
    out = nnx.jit(nnx.vmap(lambda layer, x: layer(x), in_axes=(0, None)))(layers, x)
    assert out.shape == (3, 8, N)


def test_it_stands_in_a_sequential(x):
    model = nnx.Sequential(
        DendriticLayer(F, N, D, K, rngs=nnx.Rngs(0)), nnx.Linear(N, 4, rngs=nnx.Rngs(1))
    )
    assert model(x).shape == (8, 4)


@pytest.mark.parametrize("module", [_layer, _registry])
def test_the_docstrings_examples_print_what_they_say(module):
    failed, tried = doctest.testmod(module)
    assert tried
    assert not failed


def test_given_indices_are_used():
    indices = np.arange(N * D * K).reshape(N, D, K) % F
    layer = DendriticLayer(F, N, D, K, indices=indices, rngs=nnx.Rngs(0))
    np.testing.assert_array_equal(layer.indices[...], indices)
    assert layer.indices[...].dtype == jnp.int32


@pytest.mark.parametrize(
    ("indices", "message"),
    [
        (np.full((N, D, K), 1), "twice"),
        (np.arange(N * D * K).reshape(N, D, K), "index 29 is outside"),
        (np.zeros((N, D, 1), int), r"indices must be \[3, 2, 5\], got \[3, 2, 1\]"),
        (np.zeros((N, D, K)), "integers"),
    ],
)
def test_wrong_indices_are_refused(indices, message):
    with pytest.raises(ValueError, match=message):
        DendriticLayer(F, N, D, K, indices=indices, rngs=nnx.Rngs(0))


@pytest.mark.parametrize(
    "position", range(4), ids=["in_features", "n_neurons", "n_dendrites", "n_dendrite_inputs"]
)
@pytest.mark.parametrize(
    "value", [0, -1, 2.0, np.float32(2.5), True, np.bool_(True), "3", None, np.nan]
)
def test_sizes_must_be_positive_integers(position, value):
    sizes = [F, N, D, K]
    sizes[position] = value
    with pytest.raises(ValueError, match="must be a positive integer, got"):
        DendriticLayer(*sizes, rngs=nnx.Rngs(0))


@pytest.mark.parametrize(
    ("sizes", "options", "message"),
    [
        ((F, N, D, F + 1), {}, "n_dendrite_inputs must be at most the number of inputs, 20, got"),
        ((np.int64(F), N, D, np.int32(F + 1)), {}, "at most the number of inputs, 20, got 21"),
        ((F, 2**16 + 1, D, K), {}, "n_neurons must be at most 65536"),
        ((F, N, D, K), {"connectivity": "loca"}, "unknown connectivity 'loca'"),
        ((F, N, D, K), {"connectivity": "local_receptive_fields"}, "image_shape"),
        ((F, N, D, K), {"connectivity": "global_receptive_fields"}, "image_shape"),
        ((F, N, D, K), {"initialization": "he"}, "unknown initialization 'he'"),
        ((F, N, D, K), {"image_shape": (4, 4, 1)}, r"\(4, 4, 1\) has 16 features.*20"),
    ],
)
def test_impossible_layers_are_refused(sizes, options, message):
    with pytest.raises(ValueError, match=message):
        DendriticLayer(*sizes, **options, rngs=nnx.Rngs(0))


def test_an_unknown_kernel_is_refused(x):
    with pytest.raises(ValueError, match="unknown kernel 'fast'"):
        DendriticLayer(F, N, D, K, kernel="fast", rngs=nnx.Rngs(0))(x)


def test_an_input_of_another_width_is_refused(layer):
    with pytest.raises(ValueError, match="reads 20 features, got 19"):
        layer(jnp.ones((2, 19)))


@pytest.mark.parametrize("initialization", INITIALIZATIONS)
def test_weights_are_drawn_with_the_scale_of_their_fan(initialization):
    n, d, k, f = 40, 25, 30, 400
    layer = in_one_program(f, n, d, k, initialization=initialization, seed=3)
    fan, soma_fan = {"reference": (f, n * d), "fan_in": (k, d)}[initialization]
    assert np.std(layer.weight[...]) == pytest.approx((2 / fan) ** 0.5, rel=0.03)
    assert np.std(layer.soma_weight[...]) == pytest.approx((2 / soma_fan) ** 0.5, rel=0.1)
    correlation = np.corrcoef(layer.soma_weight[...].ravel(), layer.weight[..., 0].ravel())[0, 1]
    assert abs(correlation) < 0.15
    assert not layer.bias[...].any()
    assert not layer.soma_bias[...].any()


def made(sizes, seed, connectivity, initialization, true=None):
    """The arrays of a layer, made by traced codes, so that shapes alone ask for a program."""

    def make(seed, connectivity, initialization, true):
        layer = DendriticLayer(
            F,
            *sizes,
            connectivity=connectivity,
            initialization=initialization,
            image_shape=IMAGE,
            sizes=true,
            rngs=nnx.Rngs(jax.random.key(seed)),
        )
        return nnx.to_pure_dict(nnx.state(layer))

    if (sizes, true is None) not in _MADE:
        _MADE[sizes, true is None] = jax.jit(make)
    return _MADE[sizes, true is None](
        np.uint32(seed), np.int32(connectivity), np.int32(initialization), true
    )


_MADE = {}


@pytest.mark.parametrize("sizes", [(1, 1, 1), (3, 1, 4), (2, 2, 6)])
@settings(max_examples=10, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(0, len(CONNECTIVITIES) - 1),
    st.integers(0, len(INITIALIZATIONS) - 1),
)
def test_padding_changes_no_initial_value(sizes, seed, connectivity, initialization):
    exact = made(sizes, seed, connectivity, initialization)
    padded = made((4, 2, 6), seed, connectivity, initialization, np.array(sizes, np.int32))
    for name, values in exact.items():
        inside = tuple(slice(size) for size in values.shape)
        # A product of two roundings, each of 2 units in the last place: 3.07e-7 was seen.
        np.testing.assert_allclose(padded[name][inside], values, rtol=5e-7, err_msg=name)
        if name != "indices":
            beyond = np.array(padded[name])
            beyond[inside] = 0
            assert not beyond.any()


@pytest.mark.parametrize("param_dtype", ["float16", "bfloat16", "float32"])
@pytest.mark.parametrize("dtype", [None, "bfloat16", "float32"])
def test_dtypes_are_those_of_linear(x, dtype, param_dtype):
    def made_and_called(*inputs):
        layer = DendriticLayer(F, N, D, K, dtype=dtype, param_dtype=param_dtype, rngs=nnx.Rngs(0))
        linear = nnx.Linear(F, N, dtype=dtype, param_dtype=param_dtype, rngs=nnx.Rngs(0))
        params = nnx.to_pure_dict(nnx.state(layer, nnx.Param))
        return params, [(layer(x), linear(x)) for x in inputs]

    params, outputs = jax.eval_shape(made_and_called, x, x.astype("u1"), x.astype(jnp.bfloat16))
    assert {leaf.dtype for leaf in jax.tree.leaves(params)} == {jnp.dtype(param_dtype)}
    assert all(of_layer.dtype == of_linear.dtype for of_layer, of_linear in outputs)


def test_under_x64_a_layer_has_the_same_float32_parameters(layer):
    with jax.enable_x64(True):
        same = in_one_program(F, N, D, K)
    for one, other in zip(*(jax.tree.leaves(nnx.state(m)) for m in (layer, same)), strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_allclose(one, other, rtol=1e-6)


@pytest.mark.parametrize("option", ["dtype", "param_dtype"])
def test_a_dtype_that_is_not_of_floats_is_one_line(option):
    with pytest.raises(TypeError, match=r"computes in float16, bfloat16, .*got dtype int32"):
        DendriticLayer(F, N, D, K, **{option: jnp.int32}, rngs=nnx.Rngs(0))


@pytest.mark.parametrize("soma", ["leaky_relu", "tanh", "linear"])
@pytest.mark.parametrize("dendrite", [*ACTIVATIONS, jnp.sin])
def test_activations_by_name_or_as_functions(x, dendrite, soma):
    layer = DendriticLayer(
        F, N, D, K, dendrite_activation=dendrite, soma_activation=soma, rngs=nnx.Rngs(0)
    )
    function = ACTIVATIONS.get(dendrite, dendrite)
    sums = np.einsum("ndk,bndk->bnd", layer.weight, x[:, layer.indices[...]])
    expected = ACTIVATIONS[soma](np.einsum("nd,bnd->bn", layer.soma_weight, function(sums)))
    np.testing.assert_allclose(layer(x), expected, rtol=1e-4, atol=1e-6)


def test_beyond_its_true_sizes_a_layer_is_0_whatever_its_activations(x):
    layer = in_one_program(F, N, D, K, soma=False, dendrite_activation="sigmoid", sizes=[1, 1, 3])
    out = np.asarray(nnx.jit(lambda layer, x: layer(x))(layer, x))
    assert out[:, 0].all()
    assert not out[:, 1:].any()


def test_an_unknown_activation_is_refused():
    with pytest.raises(ValueError, match=r"unknown soma_activation 'tan'.*tanh"):
        DendriticLayer(F, N, D, K, soma_activation="tan", rngs=nnx.Rngs(0))


def test_an_initializer_sees_fan_ins_as_of_linear():
    shapes = []

    def init(key, shape, dtype):
        shapes.append(shape)
        return jnp.broadcast_to(jnp.arange(shape[0], dtype=dtype)[:, None], shape)

    layer = DendriticLayer(F, N, D, K, kernel_init=init, rngs=nnx.Rngs(0))
    assert shapes == [(K, N * D), (D, N)]
    np.testing.assert_array_equal(layer.weight[...], np.broadcast_to(np.arange(K), (N, D, K)))
    np.testing.assert_array_equal(layer.soma_weight[...], np.broadcast_to(np.arange(D), (N, D)))


def test_one_stream_of_keys_is_enough(x):
    assert DendriticLayer(F, N, D, K, rngs=nnx.Rngs(params=0))(x).shape == (8, N)


@pytest.mark.parametrize("image_shape", [(5, 4), (5, 4, 1), (5, 2, 2)])
def test_images_may_be_given_as_images(x, image_shape):
    layer = in_one_program(
        F, N, D, K, connectivity="local_receptive_fields", image_shape=image_shape
    )
    np.testing.assert_array_equal(layer(x.reshape(2, 4, *image_shape)).reshape(8, N), layer(x))
    with pytest.raises(ValueError, match=r"reads 20 features or images \(5, .*got \(4, 5\)"):
        layer(np.zeros((4, 5), "f"))


@pytest.mark.parametrize("soma", [True, False])
def test_dendrites_have_a_neuron_in_common_where_there_are_somata(soma):
    fields = {"connectivity": "global_receptive_fields", "field_std": 1.0, "image_shape": (5, 4, 1)}
    layer = in_one_program(F, N, D, K, soma=soma, **fields)
    shape = (N if soma else 1, D, K)
    draw = jax.jit(lambda key: draw_indices(key, shape, F, by_neuron=soma, **fields))
    drawn = draw(nnx.Rngs(0)["connectivity"]())
    np.testing.assert_array_equal(layer.indices[...], drawn)


def test_an_image_has_two_axes_or_three():
    with pytest.raises(ValueError, match=r"\(H, W, C\) or \(H, W\), got \(20,\)"):
        DendriticLayer(F, N, D, K, image_shape=(20,), rngs=nnx.Rngs(0))


def test_a_bfloat16_network_of_two_layers_has_a_hessian():
    first = in_one_program(6, 3, 2, 4, param_dtype="bfloat16")
    second = in_one_program(3, 2, 2, 2, param_dtype="bfloat16", dendrite_activation="tanh", seed=1)
    graph, params, rest = nnx.split(nnx.List([first, second]), nnx.Param, ...)
    flat, back = jax.flatten_util.ravel_pytree(params)

    def loss(flat):
        one, two = nnx.merge(graph, back(flat), rest)
        return jnp.sum(two(one(jnp.ones((2, 6), jnp.bfloat16))).astype(jnp.float32) ** 2)

    hessian = jax.jit(jax.hessian(loss))(flat)
    assert hessian.shape == (flat.size, flat.size)
    assert jnp.isfinite(hessian).all()
