"""A strategy or a pruner that is not of jdend: how it takes part, and what is said if it errs."""

import json

import numpy as np
import pytest

from jdend import HyperparameterSearcher
from jdend.search import SearchError, pruners
from jdend.search.pruners import Bracket, Pruner, Rung, register_pruner
from jdend.search.samplers import registry
from jdend.search.samplers.candidates import Candidate, Candidates
from jdend.search.samplers.grid_and_random import random
from jdend.search.samplers.registry import Strategy, find_strategy, register_strategy, strategies
from jdend.testing import PrunerContract, StrategyContract
from jdend.testing.strategies import RANGES, problem, schedule

SPACE = {"n_neurons": (4, 10), "n_dendrites": (2, 6), "n_dendrite_inputs": (16, 64)}


class Points:
    """Points at random, one of whose values may be another."""

    def __init__(self, dimensions, observations, *, seed, size, **others):
        self.dimensions, self.rng = dimensions, np.random.default_rng(seed)
        self.others = others

    def ask(self):
        point = {name: dimension.draw(self.rng) for name, dimension in self.dimensions.items()}
        return {**point, **self.others}

    def settle(self, point):
        pass


def small_ones_first(problem, rng, n_trials):
    drawn = random(problem, rng, n_trials)
    return Candidates(drawn.candidates, drawn.n_over, drawn.n_under, drawn.n_fit, n_same=0)


def first_half(members, n_epochs):
    """The half of the trials that is best after one epoch."""
    rungs = (Rung(1, len(members) // 2),) if len(members) > 1 and n_epochs > 1 else ()
    return [Bracket(tuple(members), rungs)]


POINTS = Strategy("points", asker=Points)
FUNCTION = Strategy("function", propose=small_ones_first)
HALF = Pruner("half", first_half)


@pytest.mark.parametrize("strategy", [POINTS, FUNCTION], ids=["asker", "function"])
class TestOwnStrategies(StrategyContract):
    pass


@pytest.mark.parametrize("pruner", [HALF], ids=["half"])
class TestOwnPruners(PrunerContract):
    pass


@pytest.fixture(autouse=True)
def _registries(monkeypatch):
    """What a test registers is forgotten after it."""
    monkeypatch.setattr(registry, "_STRATEGIES", dict(registry._STRATEGIES))
    monkeypatch.setattr(pruners, "_PRUNERS", dict(pruners._PRUNERS))


@pytest.fixture
def searcher(small_images, instant_training, tmp_path):
    return HyperparameterSearcher(
        small_images, max_params=1000, n_epochs=4, verbose=False, out=tmp_path / "run"
    )


@pytest.mark.parametrize("registered", [False, True])
def test_a_search_takes_a_name_or_the_object(searcher, tmp_path, registered):
    strategy, pruner = POINTS, HALF
    if registered:
        strategy, pruner = register_strategy(POINTS).name, register_pruner(HALF).name
    results = searcher.optimize(SPACE, 6, strategy, pruner=pruner)
    assert [result.stopped_epoch for result in results].count(1) == 3
    config = json.loads((tmp_path / "run" / "run.json").read_text())["config"]
    assert (config["strategy"], config["pruner"]) == ("points", "half")


def test_what_is_registered_again_is_replaced():
    register_strategy(POINTS)
    again = register_strategy(Strategy("points", propose=small_ones_first))
    assert find_strategy("points") is again
    assert strategies().count("points") == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "needs an asker or a function"),
        ({"asker": Points, "propose": small_ones_first}, "needs an asker or a function"),
        ({"propose": small_ones_first, "learns": True}, "give an asker"),
        ({"asker": Points, "objectives": ("a", "b")}, "give may_stop_early=False"),
    ],
)
def test_what_does_not_go_together(options, said):
    with pytest.raises(SearchError, match=said):
        Strategy("mine", **options)


def test_modules_that_are_missing_are_named():
    register_strategy(Strategy("mine", asker=Points, needs=("json", "no_such_module")))
    with pytest.raises(SearchError, match="'mine' needs no_such_module: pip install no_such_mod"):
        find_strategy("mine")


@pytest.mark.parametrize(
    ("point", "said"),
    [
        ({"n_nuerons": 3}, "gave a point with n_neurons, .*, n_nuerons; the dimensions are"),
        ({"schedule": "cosin"}, "gave schedule='cosin'; allowed are 'constant', 'cosine'"),
        ({"lr": "fast"}, "gave lr='fast'; allowed are 0.001 to 0.1"),
        ({"lr": float("nan")}, "gave lr=nan; allowed are 0.001 to 0.1"),
    ],
)
def test_a_point_that_is_none_is_one_line(point, said):
    def wrong(dimensions, observations, *, seed, size):
        return Points(dimensions, observations, seed=seed, size=size, **point)

    with pytest.raises(SearchError, match=f"^strategy 'mine' {said}"):
        schedule(Strategy("mine", asker=wrong), problem(RANGES)).propose(0, [])


def test_values_of_numpy_and_beyond_the_ends_are_taken():
    def far(dimensions, observations, *, seed, size):
        others = {"lr": np.float32(7), "n_neurons": np.int64(10**6)}
        return Points(dimensions, observations, seed=seed, size=size, **others)

    trials = schedule(Strategy("mine", asker=far), problem(RANGES)).propose(0, [])
    assert json.dumps([dict(trial.params) for trial in trials])
    assert {trial.params["lr"] for trial in trials[:5]} == {0.1}


def test_a_network_that_is_too_large_is_refused():
    def too_large(problem, rng, n_trials):
        params = {"n_neurons": 60, "n_dendrites": 8, "n_dendrite_inputs": 64}
        candidate = Candidate(params, problem.configure(params))
        return Candidates((candidate,), n_over=0, n_under=0, n_fit=1, n_same=0)

    search = schedule(Strategy("mine", propose=too_large), problem(RANGES))
    with pytest.raises(SearchError, match=r"'mine' proposed .* parameters; the budget allows 400 "):
        search.propose(0, [])


def test_why_trials_are_not_stopped_early():
    strategy = Strategy("mine", asker=Points, may_stop_early=False)
    with pytest.raises(SearchError, match="mine learns nothing of a trial that was stopped early"):
        schedule(strategy, problem(RANGES), pruner="halving")
