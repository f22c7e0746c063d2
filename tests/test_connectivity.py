"""Rules that draw a dendrite's inputs."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jdend.connectivity import (
    CONNECTIVITIES,
    check_indices,
    default_field_std,
    dendrite_keys,
    draw_indices,
)

IMAGE = (4, 5, 2)
F = 40
RULES = tuple(CONNECTIVITIES)
OF_IMAGES = [rule for rule in RULES if rule.endswith("_receptive_fields")]


@functools.partial(
    jax.jit,
    static_argnums=(1, 2),
    static_argnames=("connectivity", "image_shape", "by_neuron"),
)
def by_name(key, shape, in_features=F, **options):
    return draw_indices(key, shape, in_features, **options)


@functools.partial(jax.jit, static_argnums=(2, 3), static_argnames="image_shape")
def _by_code(key, code, shape, in_features, field_std, *, image_shape):
    return draw_indices(
        key, shape, in_features, connectivity=code, field_std=field_std, image_shape=image_shape
    )


def draw(seed, rule, shape, in_features=F, field_std=2.0, image_shape=IMAGE):
    """By the rule's code, so that one program serves all rules."""
    key, code = jax.random.key(seed), np.int32(RULES.index(rule))
    width = np.float32(field_std)
    return np.asarray(_by_code(key, code, shape, in_features, width, image_shape=image_shape))


local = functools.partial(draw, rule="local_receptive_fields")


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("n_inputs", [1, 7, F])
def test_inputs_are_distinct_and_in_range(rule, n_inputs):
    indices = draw(0, rule, (20, 10, n_inputs))
    assert indices.shape == (20, 10, n_inputs)
    assert indices.dtype == jnp.int32
    check_indices(indices, F)


NASTY_WIDTHS = [1e-45, 1e-38, 1e-20, 1e-6, 0.01, 0.3, 1e3, 1e7, 1e20, 3.4e38]


@pytest.mark.parametrize("rule", OF_IMAGES)
@pytest.mark.parametrize("field_std", NASTY_WIDTHS)
def test_any_width_of_a_field_gives_distinct_inputs(rule, field_std):
    indices = draw(1, rule, (20, 10, 7), field_std=field_std)
    check_indices(indices, F)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("shape", [(1, 1, 1), (5, 1, 8), (2, 3, 5), (1, 4, 9)])
@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.1, 100))
def test_padding_changes_no_draw(rule, shape, seed, field_std):
    n_neurons, n_dendrites, n_inputs = shape
    padded = draw(seed, rule, (5, 4, 9), field_std=field_std)
    exact = draw(seed, rule, shape, field_std=field_std)
    np.testing.assert_array_equal(exact, padded[:n_neurons, :n_dendrites, :n_inputs])


@pytest.mark.parametrize("rule", RULES)
def test_a_traced_code_draws_what_its_name_draws(rule):
    named = by_name(
        jax.random.key(2), (5, 4, 9), connectivity=rule, field_std=2.0, image_shape=IMAGE
    )
    np.testing.assert_array_equal(draw(2, rule, (5, 4, 9)), named)


SHARED = {"shared_inputs": "random", "shared_receptive_fields": "local_receptive_fields"}


@pytest.mark.parametrize(("rule", "of_first"), SHARED.items())
def test_a_neurons_dendrites_share_what_its_first_one_would_draw(rule, of_first):
    drawn, alone = draw(3, rule, (5, 4, 9)), draw(3, of_first, (5, 1, 9))
    np.testing.assert_array_equal(drawn, np.repeat(alone, 4, 1))


@pytest.mark.parametrize(("rule", "of_each"), SHARED.items())
def test_dendrites_without_a_neuron_in_common_share_nothing(rule, of_each):
    drawn, alone = (
        by_name(
            jax.random.key(3), (1, 4, 9), connectivity=name, image_shape=IMAGE, by_neuron=by_neuron
        )
        for name, by_neuron in ((rule, False), (of_each, True))
    )
    np.testing.assert_array_equal(drawn, alone)


@pytest.mark.parametrize(
    "rule", [rule for rule in RULES if rule not in ("fully_connected", *SHARED)]
)
def test_dendrites_and_keys_draw_differently(rule):
    one, other = (draw(seed, rule, (5, 4, 9)) for seed in (0, 1))
    both = np.concatenate([one, other]).reshape(-1, 9)
    assert len(np.unique(both, axis=0)) == len(both)


def test_keys_differ_between_all_dendrites():
    keys = jax.random.key_data(dendrite_keys(jax.random.key(0), 100, 70)).reshape(7000, -1)
    assert len(np.unique(keys, axis=0)) == 7000


@pytest.mark.parametrize("in_features", [1, 784, 12288])
def test_fully_connected_reads_all_in_order(in_features):
    indices = by_name(
        jax.random.key(3), (2, 1, in_features), in_features, connectivity="fully_connected"
    )
    np.testing.assert_array_equal(indices, np.tile(np.arange(in_features), (2, 1, 1)))


def test_random_inputs_are_uniform():
    indices = draw(4, "random", (100, 100, 3))
    counts = np.bincount(np.asarray(indices).ravel(), minlength=F)
    assert_same_law(counts, np.full(F, 3e4 / F), exact=True)


def rejection(rng, n, image_shape, field_std, n_inputs):
    """The reference's loop, honestly: draw around a centre until `n_inputs` are distinct."""
    height, width, channels = image_shape
    drawn = np.empty((n, n_inputs), int)
    for dendrite in drawn:
        row, column = rng.integers(height), rng.integers(width)
        seen: dict[int, None] = {}
        while len(seen) < n_inputs:
            r = np.clip(np.round(rng.normal(row, field_std, 64)), 0, height - 1)
            c = np.clip(np.round(rng.normal(column, field_std, 64)), 0, width - 1)
            inputs = (r * width + c) * channels + rng.integers(channels, size=64)
            seen.update(dict.fromkeys(inputs.astype(int).tolist()))
        dendrite[:] = list(seen)[:n_inputs]
    return drawn


def assert_same_law(counts, expected, *, exact=False):
    """Pearson's chi-square of two histograms, or of one and its expectation, within five sigma."""
    counts, expected = np.ravel(counts), np.ravel(expected)
    kept = counts + expected >= 10
    counts, expected = (np.append(h[kept], h[~kept].sum()) for h in (counts, expected))
    variance = expected if exact else counts + expected
    chi_square = np.sum((counts - expected) ** 2 / np.maximum(variance, 1))
    freedom = len(counts) - 1
    assert chi_square < freedom + 5 * (2 * freedom) ** 0.5


FIELDS = [
    pytest.param((3, 4, 1), 0.4, id="narrow"),
    pytest.param((3, 4, 1), 1.3, id="wide"),
    pytest.param((3, 4, 1), 8.0, id="mostly clipped"),
    pytest.param((2, 3, 3), 0.9, id="channels"),
    pytest.param((1, 9, 1), 1.0, id="one row"),
]


@pytest.mark.parametrize(("image_shape", "field_std"), FIELDS)
def test_local_fields_have_the_law_of_the_rejection_loop(image_shape, field_std):
    n_features = int(np.prod(image_shape))
    drawn = local(
        5,
        shape=(100, 100, 2),
        in_features=n_features,
        field_std=field_std,
        image_shape=image_shape,
    )
    simulated = rejection(np.random.default_rng(5), 10_000, image_shape, field_std, 2)

    drawn, simulated = (
        histogram_of_pairs(np.asarray(indices).reshape(-1, 2), n_features)
        for indices in (drawn, simulated)
    )
    assert_same_law(drawn, simulated)


def test_local_fields_include_each_pixel_as_often_as_the_rejection_loop():
    image_shape, n = (5, 4, 1), 4000
    drawn = local(6, shape=(40, 100, 8), in_features=20, field_std=1.5, image_shape=image_shape)
    simulated = rejection(np.random.default_rng(6), n, image_shape, 1.5, 8)
    drawn, simulated = (np.bincount(np.ravel(i), minlength=20) / n for i in (drawn, simulated))
    assert np.abs(drawn - simulated).max() < 5 * (2 * 0.25 / n) ** 0.5


@pytest.mark.parametrize("field_std", [1e-45, 1e-30, 1e-3, 0.05])
def test_a_tiny_field_reads_its_centre_and_then_the_nearest(field_std):
    indices = local(
        7, shape=(20, 10, 5), in_features=81, field_std=field_std, image_shape=(9, 9, 1)
    )
    rows, columns = (np.asarray(p).reshape(-1, 5) for p in divmod(indices, 9))
    inside = ((rows[:, 0] % 8 > 0) & (columns[:, 0] % 8 > 0)).nonzero()[0]
    distance = np.abs(rows - rows[:, :1]) + np.abs(columns - columns[:, :1])
    np.testing.assert_array_equal(distance[inside, 1:], 1)
    assert len(np.unique(indices[..., 0])) > 60


def first_inputs(**options):
    """Which of 12 pixels each of two dendrites of many neurons reads, as a joint histogram."""
    drawn = by_name(
        jax.random.key(11),
        (20_000, 2, 1),
        12,
        connectivity="global_receptive_fields",
        field_std=0.8,
        image_shape=(3, 4, 1),
        **options,
    )
    return histogram_of_pairs(np.asarray(drawn).reshape(-1, 2), 12)


def histogram_of_pairs(pairs, n):
    histogram = np.zeros((n, n))
    np.add.at(histogram, tuple(pairs.T), 1)
    return histogram


def around(rng, centre, std, size):
    return np.clip(np.round(rng.normal(centre, std)), 0, size - 1)


def nested_fields(rng, n_neurons, n_dendrites, image_shape, field_std):
    """A centre a neuron, one near it for each dendrite, and an input near that one, honestly."""
    pixel = 0
    for size in image_shape[:2]:
        of_neuron = rng.integers(size, size=(n_neurons, 1)).repeat(n_dendrites, 1)
        of_dendrite = around(rng, of_neuron, field_std, size)
        pixel = pixel * size + around(rng, of_dendrite, field_std, size)
    return pixel.astype(int)


def test_global_fields_of_a_neuron_have_the_law_of_the_nested_draw():
    rng = np.random.default_rng(11)
    simulated = nested_fields(rng, 20_000, 2, (3, 4, 1), 0.8)
    assert_same_law(first_inputs(), histogram_of_pairs(simulated, 12))


def test_without_a_neuron_in_common_global_fields_are_independent():
    rng = np.random.default_rng(12)
    simulated = nested_fields(rng, 40_000, 1, (3, 4, 1), 0.8).reshape(-1, 2)
    assert_same_law(first_inputs(by_neuron=False), histogram_of_pairs(simulated, 12))


def test_a_huge_field_reads_the_corners():
    indices = local(8, shape=(20, 10, 5), in_features=81, field_std=1e20, image_shape=(9, 9, 1))
    corners = np.sort(indices[..., :4], -1)
    np.testing.assert_array_equal(corners, np.tile([0, 8, 72, 80], (20, 10, 1)))


def test_the_default_width_is_the_references():
    assert float(default_field_std(96)) == pytest.approx(96**0.5)
    unsaid = by_name(
        jax.random.key(9),
        (5, 4, 9),
        connectivity="local_receptive_fields",
        image_shape=IMAGE,
    )
    np.testing.assert_array_equal(unsaid, local(9, shape=(5, 4, 9), field_std=3.0))


def test_an_unknown_rule_is_refused():
    with pytest.raises(ValueError, match=r"unknown connectivity 'locl'; allowed are random"):
        draw_indices(jax.random.key(0), (1, 1, 2), 4, connectivity="locl")


@pytest.mark.parametrize("rule", OF_IMAGES)
def test_fields_without_images_are_refused(rule):
    with pytest.raises(ValueError, match=f"{rule} needs images: give image_shape"):
        draw_indices(jax.random.key(0), (1, 1, 2), 4, connectivity=rule)


def test_an_image_shape_of_another_size_is_refused():
    with pytest.raises(ValueError, match=r"\(2, 3, 1\).*6.*4"):
        draw_indices(
            jax.random.key(0),
            (1, 1, 2),
            4,
            connectivity="local_receptive_fields",
            image_shape=(2, 3, 1),
        )


@pytest.mark.parametrize("rule", OF_IMAGES)
def test_a_traced_code_without_images_draws_fields_at_random(rule):
    of_any = "shared_inputs" if rule in SHARED else "random"
    np.testing.assert_array_equal(
        draw(10, rule, (5, 4, 9), image_shape=None), draw(10, of_any, (5, 4, 9))
    )


@pytest.mark.parametrize(
    ("indices", "message"),
    [
        ([[0, 4]], "index 4 is outside.*0 to 3"),
        ([[-1, 2]], "index -1 is outside"),
        ([[0, 1], [3, 3]], r"dendrite \(1,\) reads input 3 twice"),
        ([[[0, 1], [2, 2]]], r"dendrite \(0, 1\) reads input 2 twice"),
        ([[3, 1, 3]], "input 3 twice"),
        ([[0.0, 1.0]], "integers, got float64"),
        ([[np.nan, 1.0]], "integers"),
        ([[True, False]], "integers, got bool"),
    ],
)
def test_wrong_indices_are_refused(indices, message):
    with pytest.raises(ValueError, match=message):
        check_indices(np.array(indices), 4)


@settings(deadline=None)
@given(st.integers(1, 50).flatmap(lambda n: st.tuples(st.just(n), st.permutations(range(n)))))
def test_right_indices_pass(case):
    n, order = case
    check_indices(np.array(order, np.int64), n)
    check_indices(jnp.array([order[: n // 2], order[n // 2 :][: n // 2]], jnp.int32), n)
