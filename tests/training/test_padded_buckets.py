"""A padded bucket trains its members as exact buckets would, resampling included."""

import functools

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_populations import advance, assert_equal, bucket_of, configured, on_host, start

from jdend.connectivity import check_indices
from jdend.models import architecture, architectures
from jdend.training import compilations, take

PADDABLE = [name for name in architectures() if architecture(name).paddable]
CAPACITY = {
    "n_neurons": 4, "n_dendrites": 3, "n_dendrite_inputs": 7, "n_soma_inputs": 3, "hidden_dim": 5,
    "second_hidden_dim": 4, "second_n_neurons": 4, "second_n_dendrites": 3,
    "second_n_dendrite_inputs": 4
}  # fmt: skip
FEWER = {"n_neurons": 3, "n_dendrites": 2, "n_dendrite_inputs": 5, "n_soma_inputs": 1}
SIZES = [
    {**CAPACITY, **FEWER, "second_n_neurons": 3, "second_n_dendrite_inputs": 2},
    dict.fromkeys(CAPACITY, 1),
    CAPACITY,
]
TRAITS = [
    {"percentage_resample": 0.6, "initialization": "fan_in", "resampling_rule": "laplace"},
    {
        "percentage_resample": 1.0,
        "connectivity": "local_receptive_fields",
        "resampling_inputs": "local_free",
        "resampling_weights": "zero",
    },
    {"percentage_resample": 0.3, "resampling_inputs": "local", "schedule": "cosine"},
]


def members(name):
    return [
        configured(**sizes, **traits, architecture=name, steps_to_resample=4)
        for sizes, traits in zip(SIZES, TRAITS, strict=True)
    ]


def padded_bucket(name):
    return bucket_of(configured(architecture=name, **CAPACITY), padded=True)


@functools.cache
def padded(name):
    """The members in one padded bucket, at steps 1 and 50."""
    bucket = padded_bucket(name)
    first = advance(bucket, start(bucket, members(name)), 1)
    after_one = on_host(first)
    return after_one, on_host(advance(bucket, first, 50))


@functools.cache
def exact(name, c):
    """One member in a bucket of its own, at steps 1 and 50."""
    member = members(name)[c]
    bucket = bucket_of(member)
    first = advance(bucket, start(bucket, [member]), 1)
    after_one = on_host(first)
    return after_one, on_host(advance(bucket, first, 50))


# An exact bucket is two programs more: one of each architecture, and the smallest there is.
PAIRS = [*((name, 0) for name in PADDABLE), ("dendritic_simple", 1)]
pairs = pytest.mark.parametrize(("name", "c"), PAIRS)


@pairs
def test_the_first_loss_is_the_exact_buckets(name, c):
    one, other = exact(name, c)[0].loss_sum[0, 0], padded(name)[0].loss_sum[0, c]
    assert np.isfinite(one)
    np.testing.assert_allclose(one, other, rtol=1e-5)


@pairs
def test_weights_after_50_steps_are_the_exact_buckets(name, c):
    one, other = exact(name, c)[1].params, take(padded(name)[1], [c]).params

    def check(exact, padded):
        inside = tuple(slice(size) for size in exact.shape)
        np.testing.assert_allclose(padded[inside], exact, rtol=1e-4, atol=1e-4)

    jax.tree.map(check, one, on_host(other))


@pairs
def test_what_pads_is_zero_and_stays_zero(name, c):
    params = jax.tree.map(lambda leaf: leaf[0, c], padded(name)[1].params)
    sizes = exact(name, c)[1].params

    def check(exact, padded):
        beyond = np.array(padded)
        beyond[tuple(slice(size) for size in exact.shape[2:])] = 0
        assert not beyond.any()

    jax.tree.map(check, sizes, params)


@pairs
def test_indices_after_50_steps_are_the_exact_buckets(name, c):
    (begun, last), alone = padded(name), exact(name, c)[1].other
    layers = {"dendritic": 36, "second": SIZES[c]["n_neurons"]}  # that move, and what they read
    for layer in layers.keys() & alone.keys():
        one = alone[layer]["indices"][0, 0]
        first, other = (state.other[layer]["indices"][0, c] for state in (begun, last))
        inside = tuple(slice(size) for size in one.shape)
        np.testing.assert_array_equal(other[inside], one)
        assert (other[inside] != first[inside]).any()
        check_indices(one, layers[layer])


@pytest.mark.parametrize("rule", ["shared_inputs", "shared_receptive_fields"])
def test_inputs_that_dendrites_share_are_those_of_the_exact_bucket_and_stay(rule):
    bucket = padded_bucket("dendritic_simple")
    member = configured(**SIZES[0], connectivity=rule, steps_to_resample=4)
    together = advance(bucket, start(bucket, [members("dendritic_simple")[1], member]), 20)
    own = bucket_of(member)
    alone = on_host(advance(own, start(own, [member]), 20))
    indices = alone.other["dendritic"]["indices"][0, 0]
    inside = tuple(slice(size) for size in indices.shape)
    np.testing.assert_array_equal(
        on_host(together).other["dendritic"]["indices"][0, 1][inside], indices
    )
    np.testing.assert_array_equal(indices, np.broadcast_to(indices[:, :1], indices.shape))
    np.testing.assert_allclose(
        on_host(together).params["dendritic"]["weight"][0, 1][inside],
        alone.params["dendritic"]["weight"][0, 0],
        rtol=1e-4,
        atol=1e-4,
    )


mixes = st.lists(
    st.fixed_dictionaries({field: st.integers(1, size) for field, size in CAPACITY.items()}),
    min_size=2,
    max_size=2,
)


@settings(max_examples=12, deadline=None)
@given(mixes)
def test_any_mix_of_shapes_shares_a_program_and_its_neighbours_change_nothing(mix):
    name = "dendritic_with_hidden"
    padded(name)
    bucket, known = padded_bucket(name), members(name)[0]
    before = compilations()
    others = [
        configured(**sizes, **traits, architecture=name)
        for sizes, traits in zip(mix, TRAITS[1:], strict=True)
    ]
    mixed = [known, *others]
    state = on_host(advance(bucket, start(bucket, mixed), 50))
    assert compilations() == before
    assert_equal(on_host(take(state, [0])), on_host(take(padded(name)[1], [0])))
    assert (state.failed_step == -1).all()
