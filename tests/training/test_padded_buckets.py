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
from jdend.models._initialization import INITIALIZATIONS
from jdend.plasticity import GRADIENTS, NEW_MOMENTS, NEW_WEIGHTS, PROPOSALS, RULES, SHARES
from jdend.training import compilations, take

PADDABLE = [name for name in architectures() if architecture(name).paddable]
RESAMPLED = [name for name in PADDABLE if not name.startswith("mlp")]
CAPACITY = {
    "n_neurons": 6, "n_dendrites": 4, "n_dendrite_inputs": 9, "n_soma_inputs": 5, "hidden_dim": 6,
    "second_hidden_dim": 5, "second_n_neurons": 4, "second_n_dendrites": 3,
    "second_n_dendrite_inputs": 4
}  # fmt: skip
CHOICES = {
    "initialization": INITIALIZATIONS,
    "resampling_rule": RULES,
    "resampling_inputs": [name for name in PROPOSALS if name not in GRADIENTS],
    # With the others inputs are never replaced.
    "connectivity": ("random", "local_receptive_fields", "global_receptive_fields"),
    "schedule": ("constant", "cosine"),
    "resampling_weights": NEW_WEIGHTS,
    "resampling_moments": NEW_MOMENTS,
    "resampling_schedule": SHARES,
}


def spread(rng):
    """For each architecture that resamples one value of each choice, and each value for one."""
    n = len(RESAMPLED)
    columns = [rng.permutation(np.resize(values, n)).tolist() for values in CHOICES.values()]
    return [dict(zip(CHOICES, row, strict=True)) for row in zip(*columns, strict=True)]


def drawn(rng):
    """Sizes and numbers of a trial that resamples and loses synapses."""
    return {
        **{size: int(rng.integers(2, largest)) for size, largest in CAPACITY.items()},
        "percentage_resample": float(rng.uniform(0.2, 1.0)),
        "steps_to_resample": int(rng.integers(2, 10)),
        "resampling_std": float(rng.uniform(0.5, 3.0)),
        "resampling_end": float(rng.uniform(0.2, 1.0)),
        "initial_density": float(rng.uniform(1.01, 2.0)),
        "steps_to_prune": int(rng.integers(1, 20)),
        "pruning_end": float(rng.uniform(0.2, 1.0)),
        "resampling_slowdown": float(rng.choice([0.0, 0.3])),
        "resampling_locality": float(rng.choice([0.5, 1.0])),
        "max_resamplings": int(rng.integers(0, 5)),
        "label_smoothing": float(rng.uniform(0.0, 0.3)),
        "warmup_steps": int(rng.integers(0, 20)),
        "lr": float(np.exp(rng.uniform(np.log(1e-3), np.log(3e-2)))),
    }


@functools.cache
def trials(name):
    """One of any shape, the smallest and the largest; no choice is the same for all."""
    number = RESAMPLED.index(name) if name in RESAMPLED else 0
    rng = np.random.default_rng([9, number])  # a second layer has inputs to move to
    chosen = spread(np.random.default_rng(0))
    others = [{**drawn(rng), **chosen[(number + 1 + i) % len(chosen)]} for i in range(2)]
    return [
        {**drawn(rng), **chosen[number]},
        {**others[0], **dict.fromkeys(CAPACITY, 1)},
        {**others[1], **CAPACITY},
    ]


def members(name):
    return [configured(**trial, architecture=name) for trial in trials(name)]


def padded_bucket(name):
    return bucket_of(members(name)[-1], padded=True)


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
    trial = trials(name)[c]
    # Of those that move, what they read, and how many inputs a dendrite has when it has lost some.
    layers = {
        "dendritic": (36, trial["n_dendrite_inputs"]),
        "second": (trial["n_neurons"], trial["second_n_dendrite_inputs"]),
    }
    for layer in layers.keys() & alone.keys():
        n_read, n_left = layers[layer]
        one = alone[layer]["indices"][0, 0]
        first, other = (state.other[layer]["indices"][0, c] for state in (begun, last))
        inside = tuple(slice(size) for size in one.shape)
        np.testing.assert_array_equal(other[inside], one)
        assert (other[inside] != first[inside]).any()
        check_indices(one[..., :n_left], n_read)


@pytest.mark.parametrize("rule", ["shared_inputs", "shared_receptive_fields"])
def test_inputs_that_dendrites_share_are_those_of_the_exact_bucket_and_stay(rule):
    name = "dendritic_simple"
    member = configured(**{**trials(name)[0], "connectivity": rule})
    bucket, own = padded_bucket(name), bucket_of(member)
    neighbours = members(name)[1:]
    together = on_host(advance(bucket, start(bucket, [*neighbours, member]), 20))
    alone = on_host(advance(own, start(own, [member]), 20))
    indices = alone.other["dendritic"]["indices"][0, 0]
    inside = tuple(slice(size) for size in indices.shape)
    np.testing.assert_array_equal(together.other["dendritic"]["indices"][0, 2][inside], indices)
    np.testing.assert_array_equal(indices, np.broadcast_to(indices[:, :1], indices.shape))
    np.testing.assert_allclose(
        together.params["dendritic"]["weight"][0, 2][inside],
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
        configured(**{**trial, **sizes}, architecture=name)
        for sizes, trial in zip(mix, trials(name)[1:], strict=True)
    ]
    mixed = [known, *others]
    state = on_host(advance(bucket, start(bucket, mixed), 50))
    assert compilations() == before
    assert_equal(on_host(take(state, [0])), on_host(take(padded(name)[1], [0])))
    assert (state.failed_step == -1).all()
