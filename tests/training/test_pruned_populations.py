"""Dendrites of a population lose synapses, until they have as many as the budget counts."""

import functools

import jax
import numpy as np
import pytest
from flax import nnx
from small_populations import (
    advance,
    assert_equal,
    bucket_of,
    configured,
    data,
    on_host,
    problem,
    start,
)

from jdend.connectivity import check_indices
from jdend.models import Problem, configure, count_params
from jdend.training import OutOfMemoryError, Run, take, train_model
from jdend.training._bucket import network

PRUNED = {"initial_density": 2.4, "steps_to_prune": 7, "pruning_end": 0.5}
WITH_DENDRITES = [
    "sparse_somata", "class_somata", "dendritic_convolutional", "dendritic_two_layers"
]  # fmt: skip
QUIET = {"synaptic_resampling": False}


@functools.cache
def trained(name):
    return train_model(configured(architecture=name, **PRUNED), 0, data())


def weight_after(step, **params):
    member = configured(**QUIET, **{**PRUNED, **params})
    bucket = bucket_of(member)
    return on_host(advance(bucket, start(bucket, [member]), step))


@pytest.mark.parametrize("name", WITH_DENDRITES)
def test_the_trained_network_has_the_parameters_that_the_budget_counts(name):
    params = nnx.state(trained(name).module, nnx.Param)
    sizes = [leaf.size for leaf in jax.tree.leaves(params)]
    assert sum(sizes) == count_params(configured(architecture=name).structure)
    assert trained(name).figures["total_params"] == sum(sizes)


@pytest.mark.parametrize("name", WITH_DENDRITES)
def test_its_dendrites_read_distinct_inputs(name):
    layer = trained(name).module.dendritic
    assert layer.indices.shape[-1] == 5
    check_indices(np.asarray(layer.indices[...]), 36)


def test_it_begins_with_more_synapses_than_it_keeps():
    begun = weight_after(1).params["dendritic"]["weight"][0, 0]
    assert (begun != 0).sum(-1).max() == 12  # 2.4 times 5


@pytest.mark.parametrize(("step", "n_inputs"), [(6, 12), (7, 7), (14, 6), (17, 6), (18, 5)])
def test_synapses_are_removed_on_the_schedule_and_at_its_end(step, n_inputs):
    state = weight_after(step)
    assert int(state.other["dendritic"]["sizes"][0, 0, 2]) == n_inputs
    assert (state.params["dendritic"]["weight"] != 0).sum(-1).max() == n_inputs


def test_what_is_removed_stays_zero():
    state = weight_after(30)
    for tree in (state.params, state.adam.mu, state.adam.nu):
        assert not tree["dendritic"]["weight"][..., 5:].any()


def test_a_schedule_longer_than_training_ends_with_it():
    state = weight_after(36, pruning_end=1.0, steps_to_prune=1000)
    assert int(state.other["dendritic"]["sizes"][0, 0, 2]) == 5


def test_networks_in_the_middle_have_the_synapses_that_are_left():
    seen = []
    member = configured(**QUIET, **PRUNED)
    train_model(member, 0, data(), on_epoch=lambda _, m: seen.append(m.dendritic.indices.shape[-1]))
    assert seen == [12, 7, 5, 5]


def test_densities_up_to_a_whole_number_share_a_program():
    one, two = configured(initial_density=1.5), configured(initial_density=2.0)
    assert one.structure == two.structure
    assert one.structure != configured(initial_density=2.1).structure


def test_a_neighbour_with_another_schedule_changes_nothing():
    member = configured(**QUIET, **PRUNED)
    others = [configured(**QUIET, **{**PRUNED, "steps_to_prune": every}) for every in (4, 100)]
    bucket = bucket_of(member)
    pairs = [on_host(advance(bucket, start(bucket, [member, one]), 30)) for one in others]
    assert_equal(*(on_host(take(pair, [0])).params for pair in pairs))


def test_a_dendrite_begins_with_no_more_inputs_than_there_are():
    member = configured(**QUIET, initial_density=100.0)
    assert bucket_of(member).at_first.sizes["n_dendrite_inputs"] == 36
    run = Run(bucket_of(member), [member], (0,), data())
    run.train_to(1)
    assert np.isfinite(run.score).all()


def test_only_dendrites_with_so_many_inputs_are_pruned():
    member = configured(architecture="sparse_somata", **PRUNED)
    assert [path for path, _ in network(bucket_of(member)).pruned] == [("dendritic",)]


@pytest.mark.parametrize("params", [{"connectivity": "fully_connected"}, {"architecture": "mlp"}])
def test_it_plays_no_part_where_there_is_nothing_to_remove(params):
    assert configured(initial_density=3.0, **params) == configured(**params)


def test_more_synapses_than_memory_are_refused_in_a_line():
    wide = Problem(2**30, 4)
    params = {"n_dendrites": 2**16, "n_dendrite_inputs": 2**14, "initial_density": 64.0}
    member = configure({**params, "batch_size": 16, "n_neurons": 2**10}, wide)
    with pytest.raises(OutOfMemoryError, match=r"room for 1,048,576 inputs.*take a smaller one"):
        train_model(member, 0, data())


def test_without_it_arrays_have_room_for_no_more():
    assert problem().in_features == 36
    assert bucket_of(configured()).at_first == configured().structure
