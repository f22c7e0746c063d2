"""Buckets: who fits, and what is known of their networks before any array is there."""

import pytest
from flax import nnx
from small_populations import bucket_of, configured

from jdend.models import _registry, register_architecture
from jdend.training import Bucket
from jdend.training._bucket import network


@pytest.mark.parametrize(
    ("changed", "padded", "fits"),
    [
        ({}, False, True),
        ({"n_neurons": 2}, False, False),
        ({"n_neurons": 2}, True, True),
        ({"n_neurons": 9}, True, False),
        ({"batch_size": 8}, True, False),
        ({"soma_enabled": False}, True, False),
        ({"architecture": "soma_disabled"}, True, False),
        ({"lr": 0.1}, False, True),
    ],
)
def test_what_fits_a_bucket(changed, padded, fits):
    bucket = Bucket(configured().structure, padded=padded)
    member = configured(**changed).structure
    if fits:
        bucket.check_fits(member)
    else:
        with pytest.raises(ValueError, match="does not fit"):
            bucket.check_fits(member)


class WithStatistics(nnx.Module):
    def __init__(self, in_features, n_classes, *, hidden_dim=4, rngs):
        self.hidden = nnx.Linear(in_features, hidden_dim, rngs=rngs)
        self.norm = nnx.BatchNorm(hidden_dim, rngs=rngs)
        self.last = nnx.Linear(hidden_dim, n_classes, rngs=rngs)

    def __call__(self, x):
        return self.last(self.norm(self.hidden(x)))


def test_only_what_a_forward_pass_changes_makes_a_network_stateful(monkeypatch):
    monkeypatch.setattr(_registry, "_ARCHITECTURES", dict(_registry._ARCHITECTURES))
    register_architecture("with_statistics", WithStatistics, fields=("hidden_dim",))
    plain, padded = bucket_of(configured()), bucket_of(configured(), padded=True)
    found = [network(bucket).stateful for bucket in (plain, padded)]
    assert found == [False, False]
    assert network(bucket_of(configured(architecture="with_statistics"))).stateful


def test_a_network_says_where_its_dendritic_layers_are():
    net = network(bucket_of(configured()))
    assert [path for path, _ in net.layers] == [("dendritic",)]
    assert net.pruned == ()


@pytest.mark.parametrize(("density", "room"), [(None, 5), (2, 10), (100, 36)])
def test_where_synapses_are_removed_there_is_room_for_those_of_the_beginning(density, room):
    given = {} if density is None else {"initial_density": density}
    bucket = bucket_of(configured(**given))
    assert bucket.at_first.sizes["n_dendrite_inputs"] == room
    assert len(network(bucket).pruned) == (density is not None)
    assert bucket.has_true_sizes == (density is not None)
