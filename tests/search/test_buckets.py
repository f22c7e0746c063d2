"""Which trials train together."""

import pytest

from jdend.models import Problem, configure
from jdend.search import SearchError
from jdend.search.buckets import Trial, plan

PROBLEM = Problem(64, 10, (8, 8, 1))


def trial(seeds=(0,), **params):
    return Trial(configure({"n_dendrite_inputs": 16, **params}, PROBLEM), seeds)


def test_trials_of_one_structure_and_the_same_seeds_share_a_program():
    trials = [
        trial(n_neurons=5),
        trial(n_neurons=6),
        trial(n_neurons=5, lr=0.1, n_epochs=3, strategy="local_receptive_fields"),
        trial(n_neurons=5, seeds=(0, 1)),
        trial(n_neurons=5, batch_size=64),
        trial(n_neurons=6, synaptic_resampling=False),
    ]
    groups = plan(trials, "exact")
    assert [group.members for group in groups] == [(0, 2), (1, 5), (3,), (4,)]
    assert [group.seeds for group in groups] == [(0,), (0,), (0, 1), (0,)]
    for group in groups:
        assert group.bucket.structure == trials[group.members[0]].configuration.structure
        assert not group.bucket.padded


def test_unknown_modes_are_refused():
    with pytest.raises(SearchError, match="unknown buckets 'padding'"):
        plan([], "padding")
