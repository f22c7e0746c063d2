"""Every strategy of jdend keeps to the contract, and what else each promises.

Of `gp` that is tested by `make test-gp`, see `strategies_here`.
"""

import functools
import importlib.util

import jax.numpy as jnp
import numpy as np
import optuna
import pytest
from flax import nnx
from optuna.trial import create_trial
from strategies_here import HERE

from jdend.models import (
    _initialization,
    _layer,
    architecture,
    architectures,
    count_params,
    trace_params,
)
from jdend.search import SearchError, SpaceError
from jdend.search.driver import schedule as schedule_module
from jdend.search.driver.schedule import default_generation
from jdend.search.pruners import find_pruner
from jdend.search.samplers import proposing
from jdend.search.samplers.optuna_samplers import distributions
from jdend.search.samplers.registry import find_strategy
from jdend.search.space.encoding import FILL, Encoding
from jdend.testing import StrategyContract
from jdend.testing.strategies import carried_out, problem, schedule

BUDGETS = (500, 2000, 8000, 20000)

RANGES = {
    "n_neurons": (1, 60),
    "n_dendrites": (1, 300),
    "n_dendrite_inputs": (1, 64),
    "hidden_dim": (1, 300),
    "lr": (1e-3, 1e-2),
}
LISTS = {
    "n_neurons": [2, 5, 10, 20, 40, 60, 80],
    "n_dendrites": [1, 2, 4, 8, 16, 32, 64, 128, 250],
    "n_dendrite_inputs": [2, 4, 8, 16, 24, 32, 64],
    "hidden_dim": [6, 20, 24, 90, 100, 230, 250, 260],
    "second_hidden_dim": [2, 10, 20, 40],
    "lr": [1e-3, 2e-3, 3e-3, 5e-3, 7e-3, 1e-2],
}


@pytest.mark.parametrize("strategy", HERE)
class TestStrategies(StrategyContract):
    pass


def many_inputs(proposed):
    """A network is the better the nearer its inputs are to 20."""
    return 1 / (1 + abs(proposed.params["n_dendrite_inputs"] - 20) / 10)


def all_proposed(generations):
    return [proposed for generation in generations for proposed in generation.trials]


@pytest.fixture
def nothing_drawn(monkeypatch):
    """Networks are built with zeros for what is drawn, by one key for all of it: their shapes are
    found in a small part of the time, since drawing is most of what is traced."""
    monkeypatch.setattr(nnx.RngStream, "__call__", lambda stream: stream.key[...])
    monkeypatch.setattr(_layer, "draw_indices", lambda key, shape, *_, **__: jnp.zeros(shape, int))
    monkeypatch.setattr(_layer, "dendrite_normal", lambda key, shape, *_: jnp.zeros(shape))
    monkeypatch.setattr(
        _initialization, "_row_normal", lambda _: lambda key, shape, *_, **__: jnp.zeros(shape)
    )


@functools.cache
def problems(name, *, listed):
    """What is searched for one architecture, budget by budget."""
    space = {**RANGES, "architecture": name}
    if listed:
        read = (*architecture(name).fields, "lr")
        space = {"architecture": name, **{n: LISTS[n] for n in LISTS if n in read}}
    return tuple(problem(space, budget) for budget in BUDGETS)


@functools.cache
def traced(structure):
    """The number of parameters of a structure, which several strategies propose."""
    return trace_params(structure)


@pytest.fixture
def encoded_once(monkeypatch):
    """Strategies that search the same of `problems` share its encoding, which follows from it."""

    def encoding(problem):
        if id(problem) not in _encodings:
            _encodings[id(problem)] = problem, Encoding(problem)
        return _encodings[id(problem)][1]

    for module in (schedule_module, proposing):
        monkeypatch.setattr(module, "Encoding", encoding)


_encodings = {}


@pytest.mark.parametrize("name", [name for name in architectures() if name != "linear"])
@pytest.mark.parametrize("strategy", HERE)
def test_two_hundred_proposals_fit_and_differ(strategy, name, nothing_drawn, encoded_once):
    """The smallest and the largest are counted by tracing, too (all: `test_count_params.py`)."""
    generation = 44 if strategy == "gp" else 25  # each of whose proposals takes a third of a second
    searched = problems(name, listed=strategy == "grid")
    search = schedule(strategy, *searched, generation=generation)
    proposed = all_proposed(carried_out(search, lambda p: p.total_params / p.budget))
    configurations = [search.configure(p) for p in proposed]
    for budget in BUDGETS:
        of_budget = [p for p in proposed if p.budget == budget]
        assert len(of_budget) == 50 or strategy == "grid"
        assert all(0.8 * budget <= p.total_params <= budget for p in of_budget)
        sizes = [p.total_params for p in of_budget]
        for p in (of_budget[np.argmin(sizes)], of_budget[np.argmax(sizes)]):
            assert traced(search.configure(p).structure) == p.total_params
    assert len(set(configurations)) == len(configurations)
    for p, configuration in zip(proposed, configurations, strict=True):
        assert count_params(configuration.structure) == p.total_params


@pytest.mark.parametrize("strategy", [name for name in HERE if name in ("tpe", "gp")])
def test_what_learns_finds_better_networks(strategy):
    search = schedule(strategy, problem(RANGES, 2000), n_trials=60, generation=12)
    generations = carried_out(search, many_inputs)
    means = [np.mean([r.validation_accuracy for r in g.results]) for g in generations]
    assert np.mean(means[-2:]) > means[0]


def test_nsga2_approaches_the_front():
    """Where half of the budget is as good as all of it, networks become smaller."""
    search = schedule("nsga2", problem(RANGES, 2000, 0.4), n_trials=120, generation=20)
    generations = carried_out(search, many_inputs)
    sizes = [np.mean([p.total_params for p in g.trials]) for g in generations]
    means = [np.mean([r.validation_accuracy for r in g.results]) for g in generations]
    assert sizes[-1] < sizes[0]
    assert means[-1] > means[0]


def test_importance_of_the_derived_size_is_not_zero():
    search = schedule("tpe", problem(RANGES, 2000), n_trials=200, generation=25)
    study = optuna.create_study(direction="maximize")
    for generation in carried_out(search, many_inputs):
        for p, r in zip(generation.trials, generation.results, strict=True):
            study.add_trial(
                create_trial(
                    params=dict(p.point),
                    distributions=distributions(search.dimensions),
                    value=r.validation_accuracy,
                )
            )
    importances = optuna.importance.get_param_importances(study)
    assert importances[FILL] > 0
    assert importances.keys() == search.dimensions.keys()


def test_budgets_are_proposed_side_by_side():
    search = schedule(
        "tpe", problem(RANGES, 500), problem(RANGES, 2000), n_trials=30, generation=15
    )
    for generation in carried_out(search):
        assert [p.budget for p in generation.trials] == [500] * 15 + [2000] * 15


def test_seeds_of_a_list_are_all_trained():
    search = schedule("tpe", problem({**RANGES, "seed": [3, 5]}), seeds=(0, 1))
    assert {p.seeds for p in search.propose(0, [])} == {(3, 4, 5, 6)}


def test_seeds_of_a_range_are_for_random_search():
    with pytest.raises(SpaceError, match="use the random strategy"):
        schedule("tpe", problem({**RANGES, "seed": (0, 9)})).propose(0, [])


@pytest.mark.parametrize(
    ("strategy", "pruner", "expected"),
    [
        ("random", "none", 100),
        ("random", "halving", 100),
        ("tpe", "none", 13),
        ("tpe", "halving", 27),
    ],
)
def test_generations_by_default(strategy, pruner, expected):
    assert default_generation(find_strategy(strategy), 100, find_pruner(pruner)) == expected


@pytest.mark.parametrize(
    ("strategy", "options", "said"),
    [
        ("tpee", {}, "did you mean 'tpe'"),
        ("tpe", {"pruner": "halfing"}, "did you mean 'halving'"),
        ("nsga2", {"pruner": "halving"}, "nsga2 has two objectives"),
        ("tpe", {"generation": 0}, "generation must be a positive integer"),
        ("tpe", {"n_trials": 0}, "n_trials must be a positive integer"),
    ],
)
def test_what_is_not_allowed(strategy, options, said):
    with pytest.raises(SearchError) as caught:
        schedule(strategy, problem(RANGES), **options)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_the_gaussian_process_needs_is_said(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SearchError, match=r"pip install 'jdend\[gp\]'"):
        schedule("gp", problem(RANGES))
