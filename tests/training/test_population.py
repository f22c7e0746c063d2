"""Populations of one bucket: seeds × configurations as one state that advances."""

import functools
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx
from hypothesis import given, settings
from hypothesis import strategies as st
from small_populations import (
    BATCH,
    STEPS_PER_EPOCH,
    advance,
    assert_equal,
    bucket_of,
    configured,
    data,
    on_host,
    start,
)

from jdend.connectivity import check_indices
from jdend.models import SCHEDULES, _registry, architecture, register_architecture
from jdend.training import (
    Bucket,
    _evaluation,
    _loss,
    compilations,
    concat,
    epoch_order,
    estimate_bytes,
    on_device,
    population,
    take,
    trace_hyperparameters,
)
from jdend.training._bucket import network
from jdend.training._traced_hyperparameters import learning_rate

# 16 configurations that differ in everything that is traced.
MEMBERS = [
    configured(
        lr=[1e-3, 1e-2][i % 2],
        weight_decay=[0.0, 0.01, 0.3][i % 3],
        schedule=SCHEDULES[i % 2],
        connectivity=["random", "local_receptive_fields"][i // 2 % 2],
        field_std=1.0 + i / 8,
        initialization=["reference", "fan_in"][i // 4 % 2],
        synaptic_resampling=i % 5 != 4,
        percentage_resample=[0.4, 1.0][i // 3 % 2],
        steps_to_resample=[3, 4, 7][i % 3],
        resampling_rule=["flat", "shrinking", "sigmoid", "laplace"][i % 4],
        resampling_inputs=["uniform", "local"][i // 8],
        n_epochs=1 + i % 3,
    )
    for i in range(16)
]
BUCKET = bucket_of(MEMBERS[0])
SEEDS = (0, 7)
DIVERGING = configured(lr=1e30)


@pytest.fixture(scope="module")
def states():
    """Host copies of the sixteen at some steps: 0, 1, and 30, which lies within an epoch."""
    state = start(BUCKET, MEMBERS, SEEDS)
    kept = {0: on_host(state)}
    for step in (1, 24, 30):
        state = advance(BUCKET, state, step)
        kept[step] = on_host(state)
    return kept


def column(state, c):
    return take(state, [c])


def close(one, other, tolerance):
    assert jax.tree.structure(one) == jax.tree.structure(other)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance), one, other
    )


# The first two share the programs of their rule; the third never resamples.
@pytest.mark.parametrize("c", [2, 6, 9, 15])
def test_alone_as_among_fifteen_others(states, c):
    alone = advance(BUCKET, start(BUCKET, [MEMBERS[c]], SEEDS), 1)
    among = column(states[1], c)
    np.testing.assert_allclose(alone.loss_sum, among.loss_sum, rtol=1e-5)
    alone = advance(BUCKET, alone, 30)
    among = column(states[30], c)
    close(alone.params, among.params, 1e-4)
    assert_equal(alone.other, among.other)
    np.testing.assert_allclose(alone.n_correct, among.n_correct, atol=1)


def test_beside_one_that_diverges_nothing_changes(states):
    members = [*MEMBERS[:3], DIVERGING, *MEMBERS[4:]]
    state = on_host(advance(BUCKET, start(BUCKET, members, SEEDS), 30))
    others = [c for c in range(16) if c != 3]
    assert_equal(take(state, others), take(states[30], others))
    failed = state.failed_step
    assert (failed[:, 3] > 0).all()
    assert (failed[:, others] == -1).all()


def test_a_failed_trial_keeps_its_indices_sound():
    members = [*MEMBERS[:15], configured(lr=1e30, steps_to_resample=1)]
    state = advance(BUCKET, start(BUCKET, members, SEEDS), 24)
    assert (state.failed_step[:, 15] >= 0).all()
    check_indices(state.other["dendritic"]["indices"], 36)


@settings(max_examples=8, deadline=None)
@given(st.sets(st.integers(1, 29), max_size=6))
def test_in_pieces_as_at_once(states, stops):
    """Also where a piece ends at a step of resampling, or of an epoch."""
    state = states[0]
    for stop in [*sorted(stops), 30]:
        state = advance(BUCKET, state, stop)
    assert_equal(on_host(state), states[30])


def test_by_the_host_and_back_it_goes_on_as_before(states):
    assert_equal(on_host(advance(BUCKET, states[24], 30)), states[30])


def test_the_same_again_is_the_same(states):
    assert_equal(on_host(advance(BUCKET, start(BUCKET, MEMBERS, SEEDS), 30)), states[30])


@given(st.permutations(range(16)), st.sampled_from([1, 8]))
@settings(max_examples=10, deadline=None)
def test_taken_apart_and_joined_it_is_whole(states, order, cut):
    state = states[30]
    parts = [take(state, order[:cut]), take(state, order[cut:])]
    back = np.argsort(order)
    assert_equal(on_host(take(concat(parts), back)), state)


def test_a_joined_population_goes_on_as_before(states):
    state = states[24]
    joined = concat([take(state, range(8, 16)), take(state, range(8))])
    went = on_host(advance(BUCKET, joined, 30))
    assert_equal(went, on_host(take(states[30], [*range(8, 16), *range(8)])))


def test_some_taken_go_on_as_before(states):
    state = advance(BUCKET, column(states[24], 9), 30)
    close(state.params, column(states[30], 9).params, 1e-5)
    assert_equal(state.other, column(states[30], 9).other)


@pytest.mark.parametrize("change", ["step", "seeds"])
def test_only_populations_of_one_step_and_seeds_are_joined(states, change):
    one, other = states[30], states[24]
    if change == "seeds":
        one = start(BUCKET, MEMBERS[:1], (1, 2))
        other = start(BUCKET, MEMBERS[:1], (2, 1))
    with pytest.raises(ValueError, match="only at the same step, with the same seeds"):
        concat([one, other])


def indices_of(state):
    return np.asarray(state.other["dendritic"]["indices"])


def test_configurations_of_a_seed_begin_alike(states):
    """Those that draw by the same rule, at the scale of the same initialisation."""
    weights = states[0].params["dendritic"]["weight"]
    np.testing.assert_array_equal(weights[:, 0], weights[:, 1])
    np.testing.assert_array_equal(indices_of(states[0])[:, 0], indices_of(states[0])[:, 1])


def test_seeds_begin_differently(states):
    assert (indices_of(states[0])[0] != indices_of(states[0])[1]).any((1, 2, 3)).all()
    weights = states[0].params["dendritic"]["weight"]
    assert not (weights[0] == weights[1]).any()


def test_a_seeds_trials_do_not_depend_on_other_seeds(states):
    state = advance(BUCKET, start(BUCKET, MEMBERS, SEEDS[::-1]), 30)
    swapped = jax.tree.map(lambda leaf: leaf[::-1], (state.params, state.other, state.loss_sum))
    expected = (states[30].params, states[30].other, states[30].loss_sum)
    close(swapped, expected, 1e-5)


@pytest.mark.parametrize("n", [1, 2, 255, 256, 257, 1000, 2**17 + 1])
def test_an_epochs_order_is_a_permutation(n):
    order = np.asarray(epoch_order(jnp.array([3, 2**32 - 1], jnp.uint32), 5, n))
    np.testing.assert_array_equal(np.sort(order), np.tile(np.arange(n), (2, 1)))


def test_orders_differ_between_seeds_and_epochs():
    seeds = jnp.arange(4, dtype=jnp.uint32)
    orders = np.concatenate([epoch_order(seeds, epoch, 200) for epoch in range(3)])
    assert len(np.unique(orders, axis=0)) == 12


def test_every_example_is_as_likely_in_the_first_batch():
    seeds = jnp.arange(2000, dtype=jnp.uint32)
    first = np.asarray(epoch_order(seeds, 0, 200))[:, :BATCH]
    counts, mean = np.bincount(first.ravel(), minlength=200), 2000 * BATCH / 200
    assert np.sum((counts - mean) ** 2 / mean) < 199 + 5 * (2 * 199) ** 0.5


def test_indices_change_only_when_their_trial_resamples():
    state = start(BUCKET, MEMBERS, SEEDS)
    before, changed = indices_of(state), {c: set() for c in range(16)}
    for step in range(1, 25):
        state = advance(BUCKET, state, step)
        now = indices_of(state)
        check_indices(now, 36)
        for c in range(16):
            if (now[:, c] != before[:, c]).any():
                changed[c].add(step)
        before = now
    for c, member in enumerate(MEMBERS):
        every = member.hyperparameters.steps_to_resample
        its_steps = min(24, member.hyperparameters.n_epochs * STEPS_PER_EPOCH)
        multiples = set(range(every, its_steps + 1, every)) if every else set()
        assert changed[c] <= multiples
        if member.hyperparameters.percentage_resample == 1.0:
            assert changed[c] == multiples


def test_smoothed_labels_cost_the_mean_over_all_classes_their_share():
    logits, label = np.array([[1.0, -2.0, 0.5, 3.0]]), np.array([2])
    log_probabilities = logits - np.log(np.exp(logits).sum())
    expected = -0.9 * log_probabilities[0, 2] - 0.1 * log_probabilities.mean()
    smoothed = functools.partial(_loss.cross_entropy, smoothing=0.1)
    loss = jax.jit(smoothed)(logits, label)
    np.testing.assert_allclose(loss, [expected], rtol=1e-6)


def test_a_replaced_synapse_restarts_its_moments():
    state = advance(BUCKET, start(BUCKET, MEMBERS, SEEDS), 2)
    before = indices_of(state)
    state = advance(BUCKET, state, 3)
    replaced = indices_of(state) != before
    mu, nu = (np.asarray(m["dendritic"]["weight"]) for m in (state.adam.mu, state.adam.nu))
    assert replaced.any()
    assert not mu[replaced].any()
    assert not nu[replaced].any()
    assert mu[~replaced].all()


def test_moments_may_be_kept():
    params = {"percentage_resample": 1.0, "steps_to_resample": 1, "n_epochs": 1}
    pair = [configured(**params), configured(**params, resampling_moments="kept")]
    state = advance(BUCKET, start(BUCKET, [*pair, *MEMBERS[2:]], SEEDS), 1)
    mu, nu = (np.asarray(m["dendritic"]["weight"]) for m in (state.adam.mu, state.adam.nu))
    assert (mu[:, 0] == 0).mean() > 0.5
    assert mu[:, 1].all()
    assert nu[:, 1].all()


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_schedules_are_optaxs(schedule):
    hyperparameters = trace_hyperparameters([configured(schedule=schedule, lr=0.3, n_epochs=2)], 10)
    expected = {
        "constant": optax.constant_schedule(0.3),
        "cosine": optax.cosine_decay_schedule(0.3, 20),
    }[schedule]
    for step in (0, 1, 10, 19, 20, 25):
        rate = learning_rate(hyperparameters, jnp.int32(step))
        np.testing.assert_allclose(rate, [expected(step)], rtol=1e-6, atol=1e-8)


def test_hyperparameters_never_recompile(states):
    before = compilations()
    numbers = {"n_epochs": 5, "steps_to_resample": 6, "percentage_resample": 0.3}
    other = [
        replace(m, hyperparameters=replace(m.hyperparameters, lr=10.0 ** -(2 + i), **numbers))
        for i, m in enumerate(reversed(MEMBERS))
    ]
    advance(BUCKET, start(BUCKET, other, (3, 4)), 14)
    assert compilations() == before


@pytest.fixture
def evaluate_64_rows_at_a_time(monkeypatch):
    monkeypatch.setattr(_evaluation, "EVALUATION_ROWS", 64)
    return jax.jit(_evaluation.evaluation(BUCKET))


def losses_and_hits(params, other, x, y):
    logits = nnx.merge(network(BUCKET).evaluating, params, other)(x)
    return optax.softmax_cross_entropy_with_integer_labels(logits, y), jnp.argmax(logits, -1) == y


def test_evaluation_is_the_mean_over_exactly_its_rows(states, evaluate_64_rows_at_a_time):
    state, device, trial = states[30], on_device(data()), (1, 5)
    trees = (jax.tree.map(lambda leaf: leaf[trial], tree) for tree in (state.params, state.other))
    examples = jax.tree.map(np.asarray, device.examples)
    x = (examples.x - examples.offset) * examples.scale
    losses, hits = jax.jit(losses_and_hits)(*trees, x, examples.y)
    losses, hits, n = np.asarray(losses), np.asarray(hits), len(examples.y)
    for begin, end in [*device.rows.values(), (0, n), (0, 1), (n - 1, n), (64, 128), (37, 311)]:
        loss, accuracy = evaluate_64_rows_at_a_time(state, device.examples, begin, end)
        assert loss.shape == accuracy.shape == (2, 16)
        np.testing.assert_allclose(loss[trial], losses[begin:end].mean(), rtol=1e-5)
        np.testing.assert_allclose(accuracy[trial], hits[begin:end].mean(), rtol=1e-6)


def test_a_networks_failure_counts_as_no_hit(states):
    broken = jax.tree.map(lambda leaf: np.full_like(leaf, np.nan), states[30].params)
    device = on_device(data())
    loss, accuracy = population(BUCKET).evaluate(
        replace(states[30], params=broken), device.examples, jnp.int32(0), jnp.int32(200)
    )
    assert np.isnan(loss).all()
    assert not accuracy.any()


def test_adamw_is_optaxs():
    """One trial, its batches taken by hand, with a cosine schedule and strong decay."""
    member = configured(
        lr=1e-2, weight_decay=0.3, schedule="cosine", synaptic_resampling=False, n_epochs=2
    )
    state = start(BUCKET, [*MEMBERS[:15], member], SEEDS)
    device, trial = on_device(data()), (1, 15)

    def of_trial(tree):
        return jax.tree.map(lambda leaf: np.asarray(leaf)[trial], tree)

    graphdef = network(BUCKET).training
    params, other = of_trial(state.params), of_trial(state.other)
    optimizer = optax.adamw(optax.cosine_decay_schedule(1e-2, 24), weight_decay=0.3)
    order = np.concatenate(
        [epoch_order(state.seeds, e, device.n_train)[1, : 12 * BATCH] for e in (0, 1)]
    )
    examples = jax.tree.map(np.asarray, device.examples)
    x = (examples.x[order] - examples.offset) * examples.scale

    @jax.jit
    def step(params, moments, x, y):
        def loss(params):
            logits = nnx.merge(graphdef, params, other)(x)
            return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean()

        updates, moments = optimizer.update(jax.grad(loss)(params), moments, params)
        return optax.apply_updates(params, updates), moments

    moments = optimizer.init(params)
    for i in range(20):
        rows = slice(i * BATCH, (i + 1) * BATCH)
        params, moments = step(params, moments, x[rows], examples.y[order[rows]])
    close(of_trial(advance(BUCKET, state, 20).params), params, 1e-5)


def test_the_estimated_memory_holds_the_state(states):
    estimated = estimate_bytes(BUCKET, 16, 2)
    held = sum(leaf.nbytes for leaf in jax.tree.leaves(states[0]))
    assert held < estimated < estimate_bytes(BUCKET, 17, 2)


def test_an_index_is_no_parameter_of_the_optimizer(states):
    assert jax.tree.structure(states[0].adam.mu) == jax.tree.structure(states[0].params)
    assert "indices" not in states[0].params["dendritic"]


def test_an_architecture_registered_anew_has_a_population_of_its_own(monkeypatch):
    monkeypatch.setattr(_registry, "_ARCHITECTURES", dict(_registry._ARCHITECTURES))
    simple = architecture("dendritic_simple")

    class Anew(simple.module):
        pass

    before = population(BUCKET)
    assert population(Bucket(BUCKET.structure)) is before
    register_architecture("dendritic_simple", Anew, fields=simple.fields)
    assert population(BUCKET) is not before
