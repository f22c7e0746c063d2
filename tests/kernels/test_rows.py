"""Batches that the native kernel gathers, normalises and lays out in one call."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jdend.kernels import Packed, _native, dendritic_layer, packed_rows
from jdend.kernels._operands import TILE

LIBRARY = _native.load()
needs_library = pytest.mark.skipif(isinstance(LIBRARY, str), reason=str(LIBRARY))
N = 50


def drawn(features, batch, dtype, per_feature, seed=0):
    """Examples, rows of two seeds, offset and scale."""
    rng = np.random.default_rng(seed)
    examples = rng.integers(0, 256, (N, features)).astype(dtype)
    if dtype != np.uint8:
        examples += rng.normal(size=examples.shape).astype(dtype)
    shape = (features,) if per_feature else ()
    offset = rng.normal(100, 30, shape).astype(np.float32)
    scale = rng.uniform(0.01, 2, shape).astype(np.float32)
    return examples, rng.integers(0, N, (2, batch)).astype(np.int32), offset, scale


def normalised(examples, rows, offset, scale):
    return jnp.asarray((examples[rows].astype(np.float32) - offset) * scale)


# One program for all instruction sets: which is used is found out when it runs.
of_seeds = jax.jit(jax.vmap(packed_rows, in_axes=(None, 0, None, None)))


@jax.jit
def of_batches(batches):
    return [of_seeds(*arrays) for arrays in batches]


def assert_same_bits(one, other):
    one, other = np.asarray(one), np.asarray(other)
    np.testing.assert_array_equal(one.view(np.uint32), other.view(np.uint32))


def in_tiles(x):
    seeds, batch, features = x.shape
    padded = np.zeros((seeds, -(-batch // TILE) * TILE, features), np.float32)
    padded[:, :batch] = x
    tiles = padded.reshape(seeds, -1, TILE, features)
    return np.ascontiguousarray(tiles.transpose(0, 1, 3, 2))


def bytes_of(tiles, batch):
    """The bytes that tiles hold in a quarter of their memory, `[seeds, batch, features]`.

    Byte 16 q + 4 j + i of a feature is sample 16 j + 4 q + i of a tile's 64.
    """
    seeds, _, features, _ = tiles.inputs.shape
    n_tiles = -(-batch // 64)
    held = np.ascontiguousarray(tiles.inputs).view(np.uint8).reshape(seeds, -1)
    held = held[:, : n_tiles * features * 64].reshape(seeds, n_tiles, features, 4, 4, 4)
    samples = held.transpose(0, 1, 4, 3, 5, 2).reshape(seeds, n_tiles * 64, features)
    assert not samples[:, batch:].any()
    return samples[:, :batch]


def assert_hold(tiles, examples, rows, offset, scale):
    """That tiles hold the inputs to the last bit: these, or bytes and what normalises them."""
    if not np.asarray(tiles.form)[:, 2].any():
        assert_same_bits(tiles.inputs, in_tiles(normalised(examples, rows, offset, scale)))
        return
    assert examples.dtype == np.uint8
    np.testing.assert_array_equal(bytes_of(tiles, rows.shape[1]), examples[rows])
    assert_same_bits(
        tiles.form, np.tile([*np.ravel(offset), *np.ravel(scale), np.float32(1)], (len(rows), 1))
    )


@pytest.mark.parametrize("per_feature", [False, True])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("features", [1, 3, 15, 16, 17, 127, 130, 784])
def test_tiles_are_those_of_jax_to_the_last_bit(instruction_set, features, dtype, per_feature):
    batches = [drawn(features, batch, dtype, per_feature) for batch in (1, 31, 32, 33, 64, 70)]
    for packed, arrays in zip(of_batches(batches), batches, strict=True):
        assert_same_bits(packed.x, normalised(*arrays))
        assert_hold(packed.tiles, *arrays)


def test_bytes_with_one_offset_and_scale_stay_bytes_for_vnni_alone(instruction_set):
    for dtype, per_feature in ((np.uint8, False), (np.uint8, True), (np.float32, False)):
        form = of_seeds(*drawn(20, 40, dtype, per_feature)).tiles.form
        stay = instruction_set == "avx512_vnni" and dtype == np.uint8 and not per_feature
        np.testing.assert_array_equal(form[:, 2], float(stay))


def test_bytes_of_more_features_than_sums_hold_become_floats(instruction_set):
    form = of_seeds(*drawn(32769, 2, np.uint8, per_feature=False)).tiles.form
    assert not np.asarray(form)[:, 2].any()


def test_a_batch_of_bytes_is_not_read_by_another_instruction_set():
    if LIBRARY.instruction_sets[0] != "avx512_vnni":
        pytest.skip("no processor with AVX-512 VNNI")
    packed = packed_rows(*_first_seed(drawn(20, 40, np.uint8, per_feature=False)))
    before = LIBRARY.instruction_set
    LIBRARY.use_instruction_set("avx512_vnni")
    try:
        packed = jax.block_until_ready(
            packed_rows(*_first_seed(drawn(20, 40, np.uint8, per_feature=False)))
        )
        LIBRARY.use_instruction_set("plain")
        with pytest.raises((ValueError, jax.errors.JaxRuntimeError), match="another instruction"):
            jax.block_until_ready(layer(packed, *layer_arrays(20), kernel="native"))
    finally:
        LIBRARY.use_instruction_set(before)


def _first_seed(drawn):
    examples, rows, offset, scale = drawn
    return examples, rows[0], offset, scale


@needs_library
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_rows_outside_are_those_that_jax_takes(dtype):
    examples, _, offset, scale = drawn(20, 40, dtype, per_feature=True)
    least, most = np.iinfo(np.int32).min, np.iinfo(np.int32).max
    outside = [0, -1, -N, -N - 1, N - 1, N, N + 1, 10**6, -(10**6), least, most]
    rows = np.array([outside], np.int32)
    taken = np.asarray(jnp.asarray(examples)[rows])
    expected = in_tiles((taken.astype(np.float32) - offset) * scale)
    assert_same_bits(of_seeds(examples, rows, offset, scale).tiles.inputs, expected)


@needs_library
def test_examples_of_other_types_and_wider_numbers_are_packed_by_jax():
    examples, rows, offset, scale = drawn(20, 40, np.uint8, per_feature=False)
    expected = in_tiles(normalised(examples, rows, offset, scale))
    tiles = of_seeds(examples.astype(np.int16), rows, offset, scale).tiles
    assert_same_bits(tiles.inputs, expected)


def layer_arrays(features, seed=1, synapses=5):
    rng = np.random.default_rng(seed)
    weight = rng.normal(size=(3, 2, synapses)).astype(np.float32)
    indices = rng.integers(0, features, (3, 2, synapses)).astype(np.int32)
    rest = [rng.normal(size=shape).astype(np.float32) for shape in ((3, 2), (3, 2), (3,))]
    return weight, rest[0], indices, rest[1], rest[2]


def layer(x, weight, bias, indices, soma_weight, soma_bias, kernel="auto"):
    return dendritic_layer(x, weight, bias, indices, soma_weight, soma_bias, kernel=kernel)


@functools.partial(jax.jit, static_argnames=("packs", "kernel", "slopes"))
def computed(rows_of, trained, fixed, *, packs, kernel, slopes):
    """The value and the gradients of a function of a layer of these rows, packed or plain."""
    examples, rows, offset, scale = rows_of

    def loss(trained):
        out = dendritic_layer(x, kernel=kernel, **trained, **fixed, **dict(slopes))
        return jnp.square(out).sum()

    if packs:
        x = packed_rows(examples, rows, offset, scale)
    else:
        x = (examples[rows].astype(jnp.float32) - offset) * scale
    return jax.value_and_grad(loss)(trained)


def packed_and_plain(kernel, arrays, per_feature, batch=40, n_features=20, sizes=None, **slopes):
    """What is computed of packed rows and of plain ones."""
    examples, rows, offset, scale = drawn(n_features, batch, np.uint8, per_feature)
    weight, bias, indices, *somas = arrays
    trained = {"weight": weight, "bias": bias}
    if somas:
        trained |= {"soma_weight": somas[0], "soma_bias": somas[1]}
    fixed = {"indices": indices, "sizes": sizes}
    settings = {"kernel": kernel, "slopes": tuple(slopes.items())}
    return tuple(
        computed((examples, rows[0], offset, scale), trained, fixed, packs=packs, **settings)
        for packs in (True, False)
    )


def test_every_kernel_takes_packed_rows(kernel):
    jax.tree.map(assert_same_bits, *packed_and_plain(kernel, layer_arrays(20), per_feature=True))


def assert_same_inputs(arrays, **settings):
    """That bytes are the same inputs as floats; they are rounded at other places."""

    def close(one, other):
        np.testing.assert_allclose(one, other, rtol=0, atol=2e-6 * np.abs(other).max())

    jax.tree.map(close, *packed_and_plain("native", arrays, per_feature=False, **settings))


@pytest.mark.parametrize("soma", [True, False])
@pytest.mark.parametrize("batch", [1, 40, 64, 70, 256, 300])
def test_bytes_that_stay_bytes_are_the_same_inputs(instruction_set, batch, soma):
    assert_same_inputs(layer_arrays(20)[: 5 if soma else 3], batch=batch)


@pytest.mark.parametrize("synapses", [1, 2, 4, 15, 16, 17, 48, 300])
def test_bytes_of_so_many_synapses_are_the_same_inputs(instruction_set, synapses):
    arrays = layer_arrays(20, synapses=synapses)
    assert_same_inputs(arrays, batch=70)
    assert_same_inputs(arrays, batch=70, sizes=np.array([2, 1, max(1, synapses - 3)]))


def test_bytes_pass_dendrites_that_amplify(instruction_set):
    assert_same_inputs(layer_arrays(20), batch=70, negative_slope=-3.0, soma_slope=2.0)


def test_weights_far_apart_are_as_near_as_their_dendrites_largest(instruction_set):
    weight, *others = layer_arrays(20)
    weight *= np.float32(10) ** np.array([[-38, -20], [0, 9], [-9, 5]])[..., None]
    weight[0, 1] = 0
    assert_same_inputs((weight, *others), batch=70)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_weight_that_is_not_finite_makes_its_own_outputs_so_of_bytes(instruction_set, value):
    examples, rows, offset, scale = drawn(20, 70, np.uint8, per_feature=False)
    weight, bias, indices, *_ = layer_arrays(20)
    weight[1, 0, 2] = value
    packed = packed_rows(examples, rows[0], offset, scale)
    out = np.isfinite(dendritic_layer(packed, weight, bias, indices, kernel="native"))
    assert not out[:, 1, 0].any()
    assert np.delete(out.reshape(70, 6), 2, axis=1).all()


@pytest.mark.parametrize("kernel", ["auto", "dense"])
def test_derivatives_are_those_of_the_inputs(kernel):
    examples, rows, offset, scale = drawn(20, 40, np.float32, per_feature=True)
    arrays = layer_arrays(20)

    def loss(x, weight):
        return jnp.sin(layer(x, weight, *arrays[1:], kernel=kernel)).mean()

    def of_packed(examples, offset, scale, weight):
        return loss(packed_rows(examples, rows[0], offset, scale), weight)

    def of_plain(examples, offset, scale, weight):
        return loss((examples[rows[0]] - offset) * scale, weight)

    at = tuple(map(jnp.asarray, (examples / 100, offset / 100, scale, arrays[0])))
    every = (0, 1, 2, 3)
    gradients = (jax.jit(jax.grad(of, every))(*at) for of in (of_packed, of_plain))
    for one, other in zip(*gradients, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)

    def twice(function):
        def slope(weight, offset):
            return jax.grad(function, 1)(at[0], offset, at[2], weight)

        return jax.jit(jax.jacfwd(slope, (0, 1)))(at[3], at[1])

    for one, other in zip(twice(of_packed), twice(of_plain), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-5)


def test_the_gradient_by_packed_rows_is_in_their_inputs():
    examples, rows, offset, scale = drawn(20, 40, np.uint8, per_feature=False)
    arrays = layer_arrays(20)
    packed = packed_rows(examples, rows[0], offset, scale)
    gradient = jax.grad(lambda x: layer(x, *arrays).sum())(packed)
    expected = jax.grad(lambda x: layer(x, *arrays).sum())(packed.x)
    np.testing.assert_allclose(gradient.x, expected, rtol=1e-6, atol=1e-6)
    assert not any(leaf.any() for leaf in jax.tree.leaves(gradient.tiles))


@needs_library
def test_the_program_reads_rows_in_one_call_and_gathers_nothing_else():
    examples, rows, offset, scale = drawn(20, 40, np.uint8, per_feature=False)
    weight, *rest = layer_arrays(20)

    def step(examples, rows, offset, scale, weight):
        def of_seed(rows, weight):
            x = packed_rows(examples, rows, offset, scale)
            return jax.grad(lambda weight: layer(x, weight, *rest, kernel="native").sum())(weight)

        return jax.vmap(of_seed)(rows, weight)

    weights = np.stack([weight, weight])
    compiled = jax.jit(step).lower(examples, rows, offset, scale, weights).compile().as_text()
    assert compiled.count('custom_call_target="jdend_pack_rows"') == 1
    assert 'custom_call_target="jdend_pack"' not in compiled
    assert " gather(" not in compiled


@needs_library
@pytest.mark.parametrize("platform", ["cuda", "tpu"])
def test_accelerators_get_the_inputs_alone(platform):
    examples, rows, offset, scale = drawn(20, 40, np.uint8, per_feature=False)
    arrays = layer_arrays(20)

    def out(rows):
        return layer(packed_rows(examples, rows, offset, scale), *arrays, kernel="native")

    exported = jax.export.export(jax.jit(out), platforms=[platform])(rows[0])
    assert "custom_call" not in exported.mlir_module()


def test_without_the_library_there_are_no_tiles(monkeypatch):
    monkeypatch.setattr(_native, "missing", lambda: "not built")
    examples, rows, offset, scale = drawn(20, 40, np.uint8, per_feature=False)
    packed = packed_rows(examples, rows[0], offset, scale)
    assert packed.tiles is None
    arrays = layer_arrays(20)
    assert_same_bits(layer(packed, *arrays), layer(packed.x, *arrays))


def test_packed_rows_are_a_pytree():
    packed = Packed(jnp.ones((3, 2)), None)
    assert jax.tree.map(lambda x: 2 * x, packed).x.sum() == 12


@pytest.mark.wrong_types
@pytest.mark.parametrize(
    ("examples", "rows", "offset", "error", "says"),
    [
        (np.zeros((0, 4)), [0], 0.0, ValueError, r"at least one of each.*\(0, 4\)"),
        (np.zeros((5, 4)), [[0]], 0.0, ValueError, r"rows \[B\].*\(1, 1\)"),
        (np.zeros((5, 4)), [0], np.zeros(3), ValueError, r"offset is .* 4 features; got.*\(3,\)"),
        (np.zeros((5, 4)), [0.0], 0.0, TypeError, "rows are int32; got float32"),
    ],
)
def test_what_is_no_rows_is_said_in_a_line(examples, rows, offset, error, says):
    rows = np.asarray(rows)
    rows = rows.astype(np.int32 if rows.dtype.kind == "i" else np.float32)
    with pytest.raises(error, match=says):
        packed_rows(examples, rows, jnp.asarray(offset, jnp.float32), jnp.float32(1))
