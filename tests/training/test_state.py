"""The state of a population: columns taken and joined, on the host or not."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from small_populations import assert_equal, bucket_of, configured, on_host, start

from jdend.training import concat, take
from jdend.training._state import changed, evaluated, leaf, rejoined

MEMBERS = [configured(averaging=0.5, lr=1e-3 * (c + 1)) for c in range(3)]


@pytest.fixture(scope="module")
def host():
    """Of three configurations, two seeds, with averages; no two columns are alike."""
    state = on_host(start(bucket_of(MEMBERS[0]), MEMBERS, (0, 1)))
    column = np.arange(3, dtype=np.float32)

    def unlike(x):
        return x + column.reshape(1, 3, *[1] * (x.ndim - 2))

    return replace(
        state,
        average=jax.tree.map(unlike, state.average),
        adam=state.adam._replace(
            mu=jax.tree.map(unlike, state.adam.mu), nu=jax.tree.map(unlike, state.adam.nu)
        ),
        loss_sum=unlike(state.loss_sum),
        n_correct=state.n_correct + np.arange(3, dtype=np.int32),
        failed_step=np.tile(np.arange(3, dtype=np.int32), (2, 1)),
    )


def on_the_host(state):
    return all(isinstance(x, np.ndarray) for x in jax.tree.leaves(state))


def test_columns_of_a_state_on_the_host_are_taken_and_joined_there(host):
    first, others = take(host, [0]), take(host, [1, 2])
    joined = concat([first, others])
    assert on_the_host(first)
    assert on_the_host(joined)
    assert_equal(joined, host)


def test_every_array_of_trials_is_taken(host):
    taken = take(host, [2])
    for name in ("params", "other", "average", "loss_sum", "n_correct", "failed_step"):
        expected = jax.tree.map(lambda x: x[:, 2:], getattr(host, name))
        assert_equal(getattr(taken, name), expected)
    for one, all_of_them in ((taken.adam.mu, host.adam.mu), (taken.adam.nu, host.adam.nu)):
        assert_equal(one, jax.tree.map(lambda x: x[:, 2:], all_of_them))
    np.testing.assert_array_equal(taken.hyperparameters.lr, host.hyperparameters.lr[2:])


def test_columns_may_be_traced(host):
    traced = jax.jit(take)(host, jnp.array([2, 0]))
    assert_equal(on_host(traced), take(host, [2, 0]))


def test_a_state_on_the_device_stays_there(host):
    device = jax.tree.map(jnp.asarray, host)
    assert isinstance(concat([device, device]).failed_step, jax.Array)


@pytest.mark.parametrize("other", [{"step": 5}, {"seeds": np.array([0, 2], np.uint32)}])
def test_other_steps_or_seeds_are_not_joined(host, other):
    name, value = next(iter(other.items()))
    changed_state = replace(host, **{name: np.asarray(value, getattr(host, name).dtype)})
    with pytest.raises(ValueError, match="joined only"):
        concat([host, changed_state])


def test_what_ended_before_is_put_where_it_was(host):
    last = replace(take(host, [1]), step=np.int32(9))
    whole = rejoined(last, [([2, 0], take(host, [2, 0])), ([1], last)])
    assert int(whole.step) == 9
    np.testing.assert_array_equal(whole.failed_step[0], [0, 1, 2])
    assert rejoined(last, []) is last


def test_averages_are_evaluated_where_there_are_some(host):
    assert evaluated(host) is host.average
    assert evaluated(replace(host, average={})) is host.params


def test_one_value_of_nested_dicts_is_replaced():
    tree = {"a": {"b": 1, "c": 2}, "d": 3}
    assert changed(tree, ("a", "b"), 7) == {"a": {"b": 7, "c": 2}, "d": 3}
    assert changed(tree, ("d",), 7) == {"a": {"b": 1, "c": 2}, "d": 7}
    assert leaf(tree, ("a", "c")) == 2
    assert tree == {"a": {"b": 1, "c": 2}, "d": 3}
