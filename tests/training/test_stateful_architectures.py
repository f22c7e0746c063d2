"""A user's network with running statistics, dropout and several dendritic layers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from small_populations import advance, assert_equal, bucket_of, configured, data, start

from jdend.connectivity import check_indices
from jdend.models import DendriticLayer, _registry, register_architecture
from jdend.training import Run, compilations, estimate_bytes, train, train_model


class Regularised(nnx.Module):
    def __init__(self, in_features, n_classes, *, n_dendrite_inputs=5, rate=0.2, rngs):
        self.branches = nnx.List(
            [DendriticLayer(in_features, 6, 2, n_dendrite_inputs, rngs=rngs) for _ in range(2)]
        )
        self.norm = nnx.BatchNorm(6, momentum=0.8, rngs=rngs)
        self.dropout = nnx.Dropout(rate, rngs=rngs)
        self.last = nnx.Linear(6, n_classes, rngs=rngs)

    def __call__(self, x):
        together = sum(branch(x) for branch in self.branches)
        return self.last(self.dropout(self.norm(together)))


RESAMPLING = ("synaptic_resampling", "percentage_resample", "steps_to_resample")


@pytest.fixture(scope="module")
def members():
    before = _registry._ARCHITECTURES
    _registry._ARCHITECTURES = dict(before)
    register_architecture(
        "regularised", Regularised, fields=("n_dendrite_inputs", "rate", *RESAMPLING)
    )
    of = {"architecture": "regularised", "lr": 1e-2, "n_epochs": 3}
    yield [
        configured(**of, percentage_resample=0.5, steps_to_resample=4),
        configured(**of, synaptic_resampling=False),
    ]
    _registry._ARCHITECTURES = before


@pytest.fixture(scope="module")
def states(members):
    """Host copies at steps 0, 12 and 20."""
    bucket = bucket_of(members[0])
    state = start(bucket, members, (0, 1))
    kept = {0: on_host_with_keys(state)}
    for step in (12, 20):
        state = advance(bucket, state, step)
        kept[step] = on_host_with_keys(state)
    return kept


def on_host_with_keys(state):
    """Random keys have no form on the host but that of their data."""
    return jax.tree.map(
        lambda leaf: (
            np.asarray(jax.random.key_data(leaf))
            if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
            else np.array(leaf)
        ),
        state,
    )


def test_one_networks_variables_are_jaxs_and_keys_stay_keys(members):
    module = train_model(members[0], 0, data(), n_epochs=1).module
    assert all(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(nnx.state(module)))
    assert jnp.issubdtype(module.dropout.rngs.key[...].dtype, jax.dtypes.prng_key)


def test_it_learns(members):
    outcome = train(bucket_of(members[0]), members, (0, 1), data())[0]
    assert (np.diff(outcome.history["train_loss"]) < 0).all()
    assert np.isfinite(outcome.test_loss).all()


def test_its_statistics_move(states):
    for name in ("mean", "var"):
        before, after = (states[step].other["norm"][name] for step in (0, 12))
        assert (before != after).all()


def test_its_dropout_draws_anew_at_each_step(states):
    counts = [jax.tree.leaves(states[step].other["dropout"]["rngs"]["count"]) for step in (0, 12)]
    assert (np.asarray(counts[1]) - np.asarray(counts[0]) == 12).all()


def test_all_its_dendritic_layers_are_resampled(states):
    begun, after = (states[step].other["branches"] for step in (0, 12))
    for branch in begun:
        changed = (begun[branch]["indices"] != after[branch]["indices"]).any((2, 3, 4))
        np.testing.assert_array_equal(changed, [[True, False], [True, False]])
        check_indices(after[branch]["indices"], 36)


def test_its_layers_are_resampled_differently(states):
    one, other = (states[12].other["branches"][i]["indices"] for i in (0, 1))
    assert (one != other).any()


def test_in_pieces_as_at_once(members, states):
    bucket = bucket_of(members[0])
    state = advance(bucket, start(bucket, members, (0, 1)), 7)
    assert_equal(on_host_with_keys(advance(bucket, state, 20)), states[20])


def test_by_the_host_and_back_it_goes_on_as_before(members, states):
    bucket = bucket_of(members[0])
    state = jax.device_get(advance(bucket, start(bucket, members, (0, 1)), 12))
    assert_equal(on_host_with_keys(advance(bucket, state, 20)), states[20])


def test_its_memory_is_estimated(members):
    bucket = bucket_of(members[0])
    assert estimate_bytes(bucket, 1, 1) < estimate_bytes(bucket, 2, 1)


def test_it_evaluates_without_dropout(members):
    bucket = bucket_of(members[0])
    before = compilations()
    one, other = (train(bucket, members, (0, 1), data())[0] for _ in range(2))
    np.testing.assert_array_equal(one.test_loss, other.test_loss)
    assert compilations().step_programs == before.step_programs


def test_it_goes_on_from_a_snapshot_with_its_statistics_and_its_random_draws(members):
    def run():
        return Run(bucket_of(members[0]), members, (0, 1), data())

    undisturbed, broken_off, gone_on = run(), run(), run()
    undisturbed.train_to(3)
    broken_off.train_to(1)
    gone_on.restore(broken_off.snapshot().to_bytes())
    gone_on.train_to(3)
    for one, other in zip(gone_on.outcomes(), undisturbed.outcomes(), strict=True):
        assert_equal(one.history, other.history)
        assert_equal(one.test_loss, other.test_loss)
