"""Which searches share capacities."""

import numpy as np
import pytest

from jdend import HyperparameterSearcher
from jdend.data import from_arrays
from jdend.search.driver.schedule import Schedule
from jdend.search.pruners import find_pruner
from jdend.search.samplers.registry import find_strategy
from jdend.search.space.default_space import default_space
from jdend.training import trains_in_blocks

BUDGET = 900
SPACE = {"n_neurons": (10, 14), "n_dendrites": (2, 3), "n_dendrite_inputs": (13, 16)}


@pytest.fixture(scope="module")
def searcher():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(600, 64)).astype(np.float32), np.tile(np.arange(10), 60)
    return HyperparameterSearcher(
        from_arrays(x, y, x[:50], y[:50]), max_params=BUDGET, n_epochs=1, verbose=False
    )


def programs(searcher, space, *, strategy="random", n_trials=20, entropy=(0,), generation=20):
    schedule = Schedule(
        searcher._search_problems(space, None),
        find_strategy(strategy),
        entropy=entropy,
        n_trials=n_trials,
        generation=generation,
        pruner=find_pruner("none"),
    )
    found = searcher._trainer.shared_programs(schedule)
    if found and not trains_in_blocks(found[0].bucket):
        pytest.skip("padding costs too much without the native kernel")
    return {population.bucket for population in found}


OTHERS = [
    {"entropy": (1,)},
    {"n_trials": 7},
    {"strategy": "tpe", "n_trials": 40, "generation": 8},
    {"strategy": "qmc", "n_trials": 33, "generation": 11},
]


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("architecture", ["dendritic_simple", "soma_disabled"])
def test_searches_of_one_budget_in_the_default_space_share_programs(searcher, architecture, other):
    space = default_space(BUDGET, searcher.problem, [architecture])
    one, two = programs(searcher, space), programs(searcher, space, **other)
    assert len(one) == 1
    assert one == two


def test_so_does_one_of_fewer_sizes(searcher):
    space = default_space(BUDGET, searcher.problem, ["dendritic_simple"])
    assert programs(searcher, {**space, **SPACE}) == programs(searcher, space)


def test_one_of_larger_sizes_does_not(searcher):
    space = default_space(BUDGET, searcher.problem, ["dendritic_simple"])
    larger = {**space, "n_dendrites": (2, 40), "n_neurons": (2, 9)}
    assert programs(searcher, larger).isdisjoint(programs(searcher, space))


def test_one_shape_has_no_padding(searcher):
    space = default_space(BUDGET, searcher.problem, ["dendritic_simple"])
    shape = {"n_neurons": 13, "n_dendrites": 3, "n_dendrite_inputs": 16}
    assert programs(searcher, {**space, **shape}) == set()


def test_an_architecture_of_ones_own_has_none(searcher):
    assert programs(searcher, {"architecture": "mlp", "hidden_dim": (3, 12)}) == set()
