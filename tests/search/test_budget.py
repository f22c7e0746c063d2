"""Parameter counts by formula, and what fits a budget."""

import time

import numpy as np
import pytest
from flax import nnx

from jdend import HyperparameterSearcher
from jdend.models import (
    Problem,
    architectures,
    configure,
    count_params,
    register_architecture,
    trace_params,
)
from jdend.models import _registry as registry
from jdend.search import SearchError, SpaceError
from jdend.search.space.budget import Budget
from jdend.search.space.parameter_count import confirmed_params, count_points, estimate_params

IMAGES = Problem(784, 10, (28, 28, 1))


class Wide(nnx.Module):
    """A user's own architecture."""

    def __init__(self, in_features, n_classes, *, width=16, rngs):
        self.first = nnx.Linear(in_features, width, rngs=rngs)
        self.second = nnx.Linear(width, width, rngs=rngs)
        self.last = nnx.Linear(width, n_classes, rngs=rngs)

    def __call__(self, x):
        for layer in (self.first, self.second):
            x = nnx.relu(layer(x))
        return self.last(x)


@pytest.fixture
def wide():
    register_architecture("wide", Wide, fields=("width",))
    yield "wide"
    registry._ARCHITECTURES.pop("wide")


def _random_params(name, rng, problem):
    return {
        "architecture": name,
        "n_neurons": int(rng.integers(1, 60)),
        "n_dendrites": int(rng.integers(1, 60)),
        "n_dendrite_inputs": int(rng.integers(1, problem.in_features + 1)),
        "hidden_dim": int(rng.integers(1, 60)),
        "soma_enabled": bool(rng.integers(2)),
        "strategy": str(rng.choice(["random", "fully_connected", "local_receptive_fields"])),
    }


def test_the_toolkits_example():
    assert HyperparameterSearcher.estimate_params(784, 12, 6, 96) == 7198


@pytest.mark.parametrize("name", architectures())
def test_estimates_are_counts(name):
    rng = np.random.default_rng(0)
    problems = [
        Problem(7, 2, (1, 7, 1)),
        Problem(64, 10, (8, 8, 1)),
        Problem(3072, 47, (32, 32, 3)),
    ]
    for i in range(1000):
        problem = problems[i % 3]
        params = _random_params(name, rng, problem)
        counted = count_params(configure(params, problem).structure)
        assert (
            estimate_params(problem.in_features, n_classes=problem.n_classes, **params) == counted
        )


def test_estimates_of_a_registered_architecture_are_counts(wide):
    rng = np.random.default_rng(0)
    for i in range(1000):
        width = int(rng.integers(1, 500))
        structure = configure({"architecture": wide, "width": width}, IMAGES).structure
        by_hand = 785 * width + (width + 1) * width + (width + 1) * 10
        assert estimate_params(784, architecture=wide, width=width) == by_hand
        if i < 3:
            assert confirmed_params(structure) == by_hand


def test_a_name_registered_anew_loses_the_old_formula():
    old = registry._ARCHITECTURES["mlp"]
    try:
        register_architecture("mlp", Wide, fields=("width",))
        assert estimate_params(784, architecture="mlp", width=2) == 785 * 2 + 3 * 2 + 3 * 10
    finally:
        registry._ARCHITECTURES["mlp"] = old


@pytest.mark.parametrize("name", architectures())
def test_many_points_are_counted_as_one_by_one(name):
    sizes = {
        "n_neurons": np.array([3, 7]).reshape(2, 1, 1, 1),
        "n_dendrites": np.array([2, 5, 6]).reshape(1, 3, 1, 1),
        "n_dendrite_inputs": np.array([1, 90]).reshape(1, 1, 2, 1),
        "hidden_dim": np.array([4, 9]).reshape(1, 1, 1, 2),
    }
    for soma in (True, False):
        frame = {"architecture": name, "soma_enabled": soma}
        counts = count_points(frame, sizes, IMAGES)
        for where in np.ndindex(2, 3, 2, 2):
            own = {
                field: int(np.broadcast_to(column, counts.shape)[where])
                for field, column in sizes.items()
            }
            assert counts[where] == count_params(configure({**frame, **own}, IMAGES).structure)


def test_confirmed_counts_are_traced():
    structure = configure({"n_neurons": 5, "n_dendrites": 3, "n_dendrite_inputs": 7}, IMAGES)
    assert confirmed_params(structure.structure) == trace_params(structure.structure)


def test_what_fits():
    budget = Budget(8000, 0.8)
    counts = np.array([6399, 6400, 8000, 8001])
    assert budget.fits(counts).tolist() == [False, True, True, False]
    assert budget.over(counts).tolist() == [False, False, False, True]
    assert budget.under(counts).tolist() == [True, False, False, False]


def test_a_ratio_that_binary_fractions_miss_is_exact():
    assert Budget(1000, 0.07).min_params == 70


@pytest.mark.parametrize(
    ("max_params", "ratio"),
    [(0, 0.8), (-5, 0.8), (8000.5, 0.8), ("8000", 0.8), (True, 0.8), (8000, 1.1), (8000, -0.1),
     (8000, "0.8"), (8000, float("nan"))],
)  # fmt: skip
def test_impossible_budgets(max_params, ratio):
    with pytest.raises(SearchError, match=r"max_params|min_param_ratio"):
        Budget(max_params, ratio)


def test_estimates_refuse_impossible_sizes():
    with pytest.raises(SpaceError, match="784 features"):
        estimate_params(784, 12, 6, 900)


def test_ten_thousand_checks_take_under_two_seconds():
    searcher = HyperparameterSearcher(verbose=False)
    params = [
        {
            "n_neurons": 5 + i % 20,
            "n_dendrites": 1 + i // 20 % 20,
            "n_dendrite_inputs": 1 + i // 400,
        }
        for i in range(10_000)
    ]
    seconds = []
    for _ in range(2):  # the processors are shared
        begun = time.process_time()
        n_valid = sum(searcher.is_valid_config(p) for p in params)
        seconds.append(time.process_time() - begun)
    assert n_valid > 0
    assert min(seconds) < 2
