"""Replacing weak synapses by new ones."""

import functools
import itertools
from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from jdend.connectivity import check_indices, log_probabilities_around
from jdend.kernels import THREEFRY
from jdend.plasticity import (
    GRADIENTS,
    NEW_WEIGHTS,
    PROPOSALS,
    RULES,
    SHARES,
    resample,
    resampling_at,
    resamplings_until,
    share_at,
    sharpness_at,
)

IMAGE = (4, 3, 2)
F = 24
SHAPE = (3, 2, 6)
MANY = 2**22  # so many features that proposals hardly ever meet


@functools.partial(jax.jit, static_argnames=("in_features", "image_shape", "rule", "proposals"))
def compiled(key, weight, indices, **options):
    return resample(key, weight, indices, **options)


@functools.partial(jax.jit, static_argnames=("in_features", "image_shape"))
def compiled_by_code(key, weight, indices, **options):
    return resample(key, weight, indices, **options)


def key_of(seed):
    """One whose draws are those of JAX's own, and less to compile."""
    return jax.random.key(seed, impl=THREEFRY)


def resampled(
    seed,
    weight,
    indices,
    *,
    percentage=0.25,
    rule="flat",
    proposals="uniform",
    n_resampled=0,
    field_std=2.0,
    sizes=None,
    **options,
):
    """All that can be traced is, so that one program serves all rules at a shape; of too many
    features a program holds one rule, for draws over all of them would not fit into memory."""
    by_name = options["in_features"] >= MANY
    out = (compiled if by_name else compiled_by_code)(
        key_of(seed),
        np.asarray(weight, np.float32),
        np.asarray(indices, np.int32),
        percentage=np.float32(percentage),
        rule=rule if by_name else np.int32(RULES.index(rule)),
        proposals=proposals if by_name else np.int32(PROPOSALS.index(proposals)),
        n_resampled=np.int32(n_resampled),
        field_std=np.float32(field_std),
        sizes=np.asarray(np.shape(weight) if sizes is None else sizes, np.int32),
        **options,
    )
    return tuple(np.asarray(x) for x in out)


small = functools.partial(resampled, in_features=F, image_shape=IMAGE)


def random_indices(seed, shape=SHAPE, in_features=F):
    rng = np.random.default_rng(seed)
    keys = rng.random((*shape[:2], in_features))
    return np.argsort(keys, -1)[..., : shape[2]].astype(np.int32)


def numbered(n_dendrites, n_inputs):
    """Weights that grow with the synapse's position."""
    weight = np.arange(1, n_inputs + 1, dtype=np.float32)
    return np.broadcast_to(weight, (n_dendrites, 1, n_inputs)).copy()


weights = arrays.arrays(
    np.float32,
    SHAPE,
    elements=st.one_of(
        st.floats(width=32), st.sampled_from([0.0, -0.0, 1.0, np.inf, np.nan, 1e-45, 3e38])
    ),
)
percentages = st.one_of(st.sampled_from([0.0, 1.0, 0.29, 1e-30]), st.floats(0, 1))
some_rules = st.sampled_from(RULES)
some_proposals = st.sampled_from(PROPOSALS)
seeds = st.integers(0, 2**32 - 1)


@settings(max_examples=60, deadline=None)
@given(seeds, weights, percentages, some_rules, some_proposals, st.floats(1e-30, 1e30))
def test_inputs_stay_distinct_through_many_resamplings(
    seed, weight, percentage, rule, proposals, field_std
):
    indices = random_indices(seed)
    for m in range(8):
        weight, indices, replaced = small(
            (seed + m) % 2**32,
            weight,
            indices,
            percentage=percentage,
            rule=rule,
            proposals=proposals,
            n_resampled=m,
            field_std=field_std,
        )
        assert weight.shape == indices.shape == replaced.shape == SHAPE
        check_indices(indices, F)


@settings(max_examples=60, deadline=None)
@given(seeds, weights, percentages, some_rules, some_proposals)
def test_what_is_not_replaced_is_left_as_it_was(seed, weight, percentage, rule, proposals):
    indices = random_indices(seed)
    new_weight, new_indices, replaced = small(
        seed, weight, indices, percentage=percentage, rule=rule, proposals=proposals
    )
    np.testing.assert_array_equal(new_weight[~replaced], weight[~replaced])
    np.testing.assert_array_equal(new_indices[~replaced], indices[~replaced])
    assert np.isfinite(new_weight[replaced]).all()


@settings(max_examples=60, deadline=None)
@given(seeds, weights, percentages, some_rules, some_proposals)
def test_every_replaced_synapse_reads_an_input_new_to_its_dendrite(
    seed, weight, percentage, rule, proposals
):
    indices = random_indices(seed)
    _, new_indices, replaced = small(
        seed, weight, indices, percentage=percentage, rule=rule, proposals=proposals
    )
    known = (new_indices[..., :, None] == indices[..., None, :]).any(-1)
    np.testing.assert_array_equal(known, ~replaced)


@settings(max_examples=60, deadline=None)
@given(seeds, weights, percentages, st.sampled_from(["flat", "shrinking"]))
def test_only_the_weakest_are_replaced(seed, weight, percentage, rule):
    weight = np.nan_to_num(weight)
    weight[np.abs(weight) < 1e-37] = 0  # XLA may take subnormal numbers for zero
    _, _, replaced = small(seed, weight, random_indices(seed), percentage=percentage, rule=rule)
    n_weakest = int(np.floor(6 * np.float64(np.float32(percentage)) + 1e-4))
    threshold = np.sort(np.abs(weight), -1)[..., n_weakest - 1, None]
    assert not replaced[np.abs(weight) > threshold].any()
    assert (replaced.sum(-1) <= n_weakest).all()


CAPACITY = (8, 1, 128)


def largest_number_replaced(seed, n_inputs, **options):
    """Over eight dendrites, in hardly any of which proposals meet."""
    weight, indices = numbered(8, 128), np.broadcast_to(np.arange(128), CAPACITY)
    *_, replaced = resampled(
        seed, weight, indices, in_features=MANY, sizes=(8, 1, n_inputs), **options
    )
    return replaced.sum(-1).max()


@settings(max_examples=150, deadline=None)
@given(seeds, st.integers(1, 128), st.integers(0, 100))
def test_flat_takes_the_floor_of_its_percentage(seed, n_inputs, percent):
    expected = n_inputs * percent // 100
    assert largest_number_replaced(seed, n_inputs, percentage=percent / 100) == expected


def test_29_percent_of_100_synapses_are_29():
    assert largest_number_replaced(0, 100, percentage=0.29) == 29


@settings(max_examples=150, deadline=None)
@given(seeds, st.integers(1, 128), st.integers(0, 100), st.integers(0, 60))
def test_shrinking_divides_its_percentage(seed, n_inputs, percent, m):
    expected = int(n_inputs * Fraction(percent, 100) / (1 + Fraction(m, 10)))
    replaced = largest_number_replaced(
        seed, n_inputs, percentage=percent / 100, rule="shrinking", n_resampled=m
    )
    assert replaced == expected


@pytest.mark.parametrize(
    ("rule", "falls"),
    [("sigmoid", lambda m: 2 / (1 + np.exp(m))), ("laplace", lambda m: np.exp(-m))],
)
@pytest.mark.parametrize("percentage", [0.1, 0.5, 1.0])
def test_probabilities_fall_with_relative_magnitude(rule, falls, percentage):
    n, relative = 10_000, np.array([0.0, -0.5, 1.0, 2.5])
    weight = np.broadcast_to(3 * relative, (n, 1, 4))
    indices = np.broadcast_to(np.arange(4), (n, 1, 4))
    *_, replaced = resampled(1, weight, indices, in_features=MANY, rule=rule, percentage=percentage)
    expected = percentage * falls(np.abs(relative))
    margin = 5 * np.sqrt(expected * (1 - expected) / n) + 1e-4
    assert (np.abs(replaced.mean((0, 1)) - expected) <= margin).all()


@pytest.mark.parametrize("rule", ["sigmoid", "laplace"])
def test_weights_that_are_all_zero_have_the_whole_percentage(rule):
    weight, indices = np.zeros((10_000, 1, 4)), np.broadcast_to(np.arange(4), (10_000, 1, 4))
    *_, replaced = resampled(2, weight, indices, in_features=MANY, rule=rule, percentage=0.5)
    assert abs(replaced.mean() - 0.5) < 0.02


@pytest.mark.parametrize("rule", RULES)
def test_a_percentage_of_zero_replaces_nothing(rule):
    *_, replaced = small(3, np.zeros(SHAPE), random_indices(3), percentage=0.0, rule=rule)
    assert not replaced.any()


def test_a_percentage_of_one_may_replace_every_synapse():
    assert largest_number_replaced(4, 128, percentage=1.0) == 128


@pytest.mark.parametrize("rule", RULES)
def test_a_dendrite_that_reads_all_inputs_keeps_them(rule):
    indices = random_indices(5, in_features=6)
    _, kept, replaced = resampled(
        5, np.zeros(SHAPE), indices, in_features=6, percentage=1.0, rule=rule
    )
    assert not replaced.any()
    np.testing.assert_array_equal(kept, indices)


def of_features(features, n_inputs, seed, weight, indices, percentage=1.0):
    """Of 4000 dendrites of so many features and inputs, by one program for all such numbers."""
    sizes = (4000, 1, n_inputs)
    numbers = {"sizes": sizes, "true_features": np.int32(features), "percentage": percentage}
    out = resampled(seed, weight, indices, in_features=26, **numbers)
    return tuple(x[..., :n_inputs] for x in out)


def test_a_single_synapse_moves_to_any_other_input():
    _, new, replaced = of_features(5, 1, 6, np.ones((4000, 1, 6)), np.full((4000, 1, 6), 2))
    counts = np.bincount(new.ravel(), minlength=5)
    assert np.abs(counts - 800).max() < 5 * (4000 * 0.16) ** 0.5
    np.testing.assert_array_equal(replaced, new != 2)


def test_proposals_made_twice_are_dropped():
    """One input is free: it is taken by a dendrite if exactly one of its candidates proposes it."""
    n, k = 4000, 6
    indices = np.broadcast_to(np.arange(k), (n, 1, k))
    _, new, replaced = of_features(k + 1, k, 7, np.ones((n, 1, k)), indices)
    assert (new[replaced] == k).all()
    expected = k / (k + 1) * (k / (k + 1)) ** (k - 1)
    margin = 5 * (expected * (1 - expected) / n) ** 0.5
    assert abs(replaced.any(-1).mean() - expected) < margin


def test_uniform_proposals_are_uniform():
    indices = np.broadcast_to(np.arange(6), (4000, 1, 6))
    _, new, replaced = of_features(26, 6, 8, numbered(4000, 6), indices, percentage=0.17)
    counts = np.bincount(new[replaced], minlength=26)[6:]
    mean = 4000 / 26
    assert np.abs(counts - mean).max() < 5 * mean**0.5


@pytest.mark.parametrize("field_std", [0.8, 2.5])
def test_local_proposals_lie_near_the_mean_of_the_inputs(field_std):
    height, width, channels = 40, 40, 3
    # Four corners of a square around (20, 12), which is no input itself.
    pixels = np.array([(16, 8), (16, 16), (24, 8), (24, 16)]) @ [width, 1]
    indices = np.broadcast_to(pixels * channels, (4000, 1, 4))
    _, new, replaced = resampled(
        9,
        np.ones((4000, 1, 4)),
        indices,
        in_features=height * width * channels,
        image_shape=(height, width, channels),
        proposals="local",
        field_std=field_std,
        percentage=0.25,
    )
    row, column, channel = np.unravel_index(new[replaced], (height, width, channels))
    n = len(row)
    assert n > 3500
    for position, centre in ((row, 20), (column, 12)):
        std = (field_std**2 + 1 / 12) ** 0.5
        assert abs(position.mean() - centre) < 5 * std / n**0.5
        assert position.std() == pytest.approx(std, rel=0.06)
    assert np.abs(np.bincount(channel, minlength=3) - n / 3).max() < 5 * (n * 2 / 9) ** 0.5


def test_local_proposals_are_clipped_to_the_image():
    weight, indices = np.ones((4000, 1, 1)), np.zeros((4000, 1, 1))
    _, new, _ = resampled(
        10,
        weight,
        indices,
        in_features=12,
        image_shape=(4, 3, 1),
        proposals="local",
        percentage=1.0,
        field_std=1e10,
    )
    assert set(new.ravel().tolist()) == {0, 2, 9, 11}


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("proposals", PROPOSALS)
@pytest.mark.parametrize("sizes", [(1, 1, 1), (2, 1, 5), (3, 2, 4)])
@settings(max_examples=4, deadline=None)
@given(seeds, st.floats(0.1, 1), st.integers(0, 9))
def test_padding_changes_nothing(rule, proposals, sizes, seed, percentage, m):
    rng = np.random.default_rng(seed)
    real = tuple(slice(size) for size in sizes)
    weight, indices = rng.normal(size=SHAPE).astype(np.float32), random_indices(seed)
    options = {
        "rule": rule, "proposals": proposals, "percentage": percentage, "n_resampled": m
    }  # fmt: skip
    exact = small(seed, weight[real], indices[real], **options)
    padded = small(seed, weight, indices, sizes=sizes, **options)
    # The last bit of a drawn weight depends on how the program is compiled.
    np.testing.assert_allclose(exact[0], padded[0][real], rtol=1e-6)
    for one, other in zip(exact[1:], padded[1:], strict=True):
        np.testing.assert_array_equal(one, other[real])


@settings(max_examples=60, deadline=None)
@given(seeds, weights, some_rules, some_proposals, st.tuples(*(st.integers(1, n) for n in SHAPE)))
def test_padding_itself_is_left_alone(seed, weight, rule, proposals, sizes):
    indices = random_indices(seed)
    _, _, replaced = small(
        seed, weight, indices, rule=rule, proposals=proposals, sizes=sizes, percentage=1.0
    )
    beyond = np.ones(SHAPE, bool)
    beyond[tuple(slice(size) for size in sizes)] = False
    assert not replaced[beyond].any()


WITHOUT_GRADIENT = [name for name in PROPOSALS if name not in GRADIENTS]


# Rules do not know of proposals: each of either is enough.
@pytest.mark.parametrize(
    ("rule", "proposals"),
    [*zip(RULES, itertools.cycle(WITHOUT_GRADIENT)), ("flat", WITHOUT_GRADIENT[-1])],
)
def test_a_traced_code_does_what_its_name_does(rule, proposals):
    weight = np.random.default_rng(11).normal(size=SHAPE).astype(np.float32)
    options = {"in_features": F, "image_shape": IMAGE, "percentage": 0.5, "n_resampled": 2}
    named = compiled(
        key_of(11), weight, random_indices(11), rule=rule, proposals=proposals, **options
    )
    traced = resampled(11, weight, random_indices(11), rule=rule, proposals=proposals, **options)
    for one, other in zip(named, traced, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("options", "std"), [({}, (2 / MANY) ** 0.5), ({"weight_std": np.float32(0.3)}, 0.3)]
)
def test_new_weights_are_normal(options, std):
    weight, indices = numbered(200, 128), np.broadcast_to(np.arange(128), (200, 1, 128))
    new, _, replaced = resampled(12, weight, indices, in_features=MANY, percentage=1.0, **options)
    drawn = new[replaced] / std
    n = drawn.size
    assert n > 25_000
    assert abs(drawn.mean()) < 5 / n**0.5
    assert abs(drawn.var() - 1) < 5 * (2 / n) ** 0.5
    assert abs((np.abs(drawn) < 1).mean() - 0.6827) < 5 * (0.2166 / n) ** 0.5
    assert np.abs(drawn).max() < 6


def test_keys_and_dendrites_draw_differently():
    weight, indices = np.ones((40, 1, 6)), np.broadcast_to(np.arange(6), (40, 1, 6))
    new = [resampled(seed, weight, indices, in_features=MANY, percentage=1.0)[0] for seed in (0, 1)]
    assert len(np.unique(np.concatenate(new))) == 2 * weight.size


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rule": "flet"}, "unknown rule 'flet'; allowed are flat"),
        ({"proposals": "near"}, "unknown proposals 'near'; allowed are uniform"),
        ({"proposals": "local"}, "local proposals need images"),
    ],
)
def test_names_that_cannot_be_followed_are_refused(options, message):
    refused = functools.partial(resample, in_features=F, **options)
    with pytest.raises(ValueError, match=message):
        jax.eval_shape(refused, key_of(0), np.ones(SHAPE, np.float32), random_indices(0))


FREE = ("uniform_free", "local_free")


@pytest.mark.parametrize("proposals", FREE)
def test_every_candidate_moves_to_a_free_input_of_its_own(proposals):
    old = random_indices(5)
    _, indices, replaced = small(5, np.zeros(SHAPE), old, percentage=1.0, proposals=proposals)
    assert replaced.all()
    check_indices(indices, F)
    assert not (indices[..., :, None] == old[..., None, :]).any()


@pytest.mark.parametrize("proposals", FREE)
def test_no_more_candidates_move_than_inputs_are_free(proposals):
    shape = (3, 2, 20)  # of 24 inputs
    _, indices, replaced = small(
        6, np.zeros(shape), random_indices(6, shape), percentage=1.0, proposals=proposals
    )
    assert (replaced.sum(-1) == 4).all()
    check_indices(indices, F)


@pytest.mark.parametrize("proposals", FREE)
def test_free_inputs_are_drawn_alike_in_padded_arrays(proposals):
    sizes, true_features = np.array([2, 2, 4]), 20
    image = {} if proposals == "uniform_free" else {"image_shape": IMAGE}
    n_features = true_features if proposals == "uniform_free" else F
    old = random_indices(7, (2, 2, 4), n_features)
    padded = np.zeros(SHAPE, np.int32)
    padded[:2, :2, :4] = old
    options = {"percentage": 0.5, "proposals": proposals, **image}
    weight, indices, _ = resampled(8, np.ones((2, 2, 4)), old, in_features=n_features, **options)
    of_padded = resampled(
        8,
        np.ones(SHAPE),
        padded,
        in_features=F,
        sizes=sizes,
        true_features=np.int32(n_features),
        **options,
    )
    np.testing.assert_allclose(of_padded[0][:2, :2, :4], weight, rtol=1e-6)
    np.testing.assert_array_equal(of_padded[1][:2, :2, :4], indices)


def test_free_local_inputs_have_the_field_as_their_law():
    n, image = 4000, (4, 6, 1)
    old = np.array([1, 8, 15], np.int32)  # around row 1, column 2
    weight = np.array([0.0, 1.0, 1.0])  # the first one moves
    _, indices, _ = resampled(
        9,
        np.broadcast_to(weight, (n, 1, 3)),
        np.broadcast_to(old, (n, 1, 3)),
        percentage=0.34,
        proposals="local_free",
        field_std=1.5,
        in_features=24,
        image_shape=image,
    )
    expected = np.exp(np.array(log_probabilities_around((1.0, 2.0), image, 1.5)))
    expected[old] = 0
    expected /= expected.sum()
    share = np.bincount(indices[:, 0, 0], minlength=24) / n
    assert (np.abs(share - expected) <= 5 * np.sqrt(expected / n) + 1e-4).all()


def test_new_weights_may_be_zero():
    weight, _, replaced = small(
        10,
        np.ones(SHAPE),
        random_indices(10),
        proposals="uniform_free",
        new_weights=np.int32(NEW_WEIGHTS.index("zero")),
    )
    assert replaced.any()
    np.testing.assert_array_equal(weight, np.where(replaced, 0.0, 1.0))


def test_a_share_falls_by_a_cosine_to_nothing_at_its_end():
    progress = jnp.array([0.0, 0.25, 0.5, 0.75])
    share = share_at(progress, 0.4, SHARES.index("cosine"), 0.5)
    np.testing.assert_allclose(share, [0.4, 0.2, 0.0, 0.0], atol=1e-6)


def test_a_constant_share_ends_at_its_end():
    progress = jnp.array([0.0, 0.5, 0.51])
    share = share_at(progress, 0.4, SHARES.index("constant"), 0.5)
    np.testing.assert_allclose(share, [0.4, 0.4, 0.0])


def by_gradient(proposals, gradient, **options):
    return small(
        0, numbered(6, 6).reshape(SHAPE), random_indices(0), gradient=gradient,
        proposals=proposals, **{"percentage": 0.5, **options},
    )  # fmt: skip


def test_new_inputs_are_those_of_the_largest_gradients_that_are_free():
    gradient = np.random.default_rng(0).normal(size=(*SHAPE[:2], F)).astype(np.float32)
    _, indices, replaced = by_gradient("gradient", gradient)
    for place in np.ndindex(SHAPE[:2]):
        free = np.setdiff1d(np.arange(F), random_indices(0)[place])
        best = free[np.argsort(-np.abs(gradient[place][free]))][:3]
        assert replaced[place].sum() == 3
        np.testing.assert_array_equal(indices[place][replaced[place]], best)


def test_of_equal_gradients_the_nearest_inputs_are_taken():
    indices = np.arange(4, dtype=np.int32).reshape(1, 1, 4)
    weight, gradient = numbered(1, 4), np.ones((1, 1, 24), np.float32)
    _, new, replaced = resampled(
        0, weight, indices, in_features=24, image_shape=(1, 24, 1), percentage=0.25,
        proposals="local_gradient", gradient=gradient, field_std=1.0,
    )  # fmt: skip
    assert new[replaced] == [4]


@pytest.mark.parametrize("name", GRADIENTS)
def test_gradients_have_to_be_given(name):
    refused = functools.partial(resample, in_features=F, proposals=name, image_shape=IMAGE)
    with pytest.raises(ValueError, match="need the gradient by every possible weight"):
        jax.eval_shape(refused, key_of(0), np.ones(SHAPE, np.float32), random_indices(0))


def softly_removed(sharpness):
    """How often each of six synapses, weaker to stronger, is among the two that are removed."""
    shape = (600, 1, 6)
    _, _, replaced = resampled(
        1, numbered(600, 6), random_indices(2, shape, 64), in_features=64, percentage=0.34,
        rule="soft", proposals="uniform_free", sharpness=np.float32(sharpness),
    )  # fmt: skip
    assert (replaced.sum(-1) == 2).all()
    return replaced.mean((0, 1))


def test_soft_removal_spares_strong_synapses_more_often():
    often = softly_removed(1.0)
    assert often[0] > 2 * often[-1] > 0


def test_soft_removal_that_is_sharp_takes_the_weakest():
    np.testing.assert_array_equal(softly_removed(1e3), [1, 1, 0, 0, 0, 0])


def test_soft_removal_becomes_sharper_from_1_to_9():
    sharpness = sharpness_at(jnp.array([0.0, 0.5, 1.0, 2.0]))
    np.testing.assert_allclose(sharpness, [1.0, 0.7 / 0.3, 9.0, 9.0], rtol=1e-5)


@pytest.mark.parametrize("proposals", ["local", "local_free"])
def test_the_share_of_local_proposals_is_a_number(proposals):
    """Three quarters go anywhere in a wide image, of which four fifths are far from the field."""
    n, width = 600, 1000
    indices = np.broadcast_to(np.arange(500, 506, dtype=np.int32), (n, 1, 6))
    _, new, replaced = resampled(
        3, numbered(n, 6), indices, in_features=width, image_shape=(1, width, 1), percentage=1 / 6,
        proposals=proposals, field_std=20.0, locality=np.float32(0.25),
    )  # fmt: skip
    far = abs(new[replaced] - 502) > 100
    assert far.mean() == pytest.approx(0.62, abs=0.06)


steps_of = jax.jit(jax.vmap(resampling_at, in_axes=(0, None, None)))
counted_until = jax.jit(jax.vmap(resamplings_until, in_axes=(0, None, None)))


@pytest.mark.parametrize("slowdown", [0.0, 0.01, 0.1, 1.0, 2.5, 30.0])
@pytest.mark.parametrize("every", [1, 3, 100])
def test_resamplings_are_counted_at_the_steps_at_which_they_take_place(every, slowdown):
    period, slower = np.int32(every), np.float32(slowdown)
    at = np.asarray(steps_of(np.arange(1, 40), period, slower))
    for step in (at, at - 1, at + every // 2):
        counted = counted_until(step, period, slower)
        expected = np.searchsorted(at, step, side="right")
        within = step < at[-1]
        np.testing.assert_array_equal(np.asarray(counted)[within], expected[within])


def test_a_slowdown_of_one_doubles_the_second_interval():
    at = steps_of(np.arange(1, 40), np.int32(100), np.float32(1.0))
    assert at[:3].tolist() == [100, 300, 600]
