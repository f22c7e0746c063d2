"""Searches that really train: programs, repeatability, failures, and each scenario once."""

import numpy as np
import pytest
from flax import nnx

from jdend import HyperparameterSearcher, register_architecture
from jdend.models import _registry as registry
from jdend.search.scenarios import (
    compare_architectures,
    find_pareto_optimal,
    optimize_for_budget,
    quick_prototype_search,
    thorough_optimization,
)
from jdend.training import compilations

# 24 configurations of 3 shapes; six of them diverge.
GRID = {
    "n_neurons": [5, 6, 7],
    "n_dendrites": 3,
    "n_dendrite_inputs": 17,
    "lr": [1e-3, 3e-3, 1e-2, 1e18],
    "synaptic_resampling": [True, False],
}


def searcher(**settings):
    return HyperparameterSearcher(
        "digits",
        **{
            "max_params": 1000,
            "min_param_ratio": 0.0,
            "n_epochs": 2,
            "batch_size": 64,
            "verbose": False,
            "compile_cache": False,
            **settings,
        },
    )


@pytest.fixture(scope="module")
def grid_run():
    before = compilations()
    search = searcher(seeds=2, buckets="exact")
    results = search.grid_search(GRID)
    return search, results, compilations() - before


def test_a_grid_of_three_shapes_uses_three_programs(grid_run):
    _, results, compiled = grid_run
    assert len(results) == 24
    assert all(result.seeds == (0, 1) for result in results)
    assert compiled.step_programs == 3


def test_the_same_run_gives_the_same_numbers_bit_for_bit(grid_run):
    def figures(results):
        return [{**result.to_dict(), "train_time": None} for result in results]

    _, results, _ = grid_run
    again = searcher(seeds=2, buckets="exact").grid_search(GRID)
    assert figures(again) == figures(results)


def test_networks_learn(grid_run):
    search, _, _ = grid_run
    best = search.get_best_results(1)[0]
    assert best.validation_accuracy > 0.3  # chance is 0.1, after two epochs
    assert best.history["train_loss"][1] < best.history["train_loss"][0]
    assert len(best.history["validation_accuracy"]) == 2
    assert best.validation_accuracy == pytest.approx(best.history["validation_accuracy"][-1])


def test_trials_that_diverge_rank_last_and_spoil_no_other(grid_run):
    search, results, _ = grid_run
    failed = [r for r in results if r.failed is not None]
    assert [r.params["lr"] for r in failed] == [1e18] * 6
    assert all(np.isfinite(r.test_accuracy) for r in results if r.failed is None)
    assert search.get_best_results(24)[-6:] == failed


def test_a_registered_architecture_takes_part():
    class Wide(nnx.Module):
        def __init__(self, in_features, n_classes, *, width=16, rngs):
            self.first = nnx.Linear(in_features, width, rngs=rngs)
            self.last = nnx.Linear(width, n_classes, rngs=rngs)

        def __call__(self, x):
            return self.last(nnx.relu(self.first(x)))

    register_architecture("wide", Wide, fields=("width",))
    try:
        search = searcher(min_param_ratio=0.8)
        (found,) = search.random_search({"architecture": "wide", "width": (1, 100)}, n_trials=1)
    finally:
        registry._ARCHITECTURES.pop("wide")
    assert found.total_params == 75 * found.params["width"] + 10
    assert 800 <= found.total_params <= 1000


@pytest.mark.parametrize(
    "scenario",
    [
        lambda **small: quick_prototype_search(900, "digits", n_trials=2, **small),
        lambda **small: optimize_for_budget(900, "digits", n_trials=2, **small),
        lambda **small: compare_architectures(
            900, "digits", n_trials=1, architectures=["soma_disabled"], **small
        ),
        lambda **small: thorough_optimization(
            900, "digits", n_trials=2, n_refinements=1, **{**small, "seeds": 2}
        ),
        lambda **small: find_pareto_optimal("digits", budgets=[900], n_trials=2, **small),
    ],
    ids=["quick", "optimize", "compare", "thorough", "pareto"],
)
def test_scenarios(scenario):
    found = scenario(n_epochs=1, batch_size=128, compile_cache=False, verbose=False)
    for best in found if isinstance(found, list) else [found]:
        record = best["result"] if isinstance(best, dict) else best
        assert record.total_params <= 900
        assert np.isfinite(record.test_accuracy)
