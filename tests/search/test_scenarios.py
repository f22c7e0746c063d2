"""Ready-made searches: what they try, how they choose, what they return.

Training is replaced by an instant stand-in, and data by small ones.
"""

import runpy
import signal
import sys

import pytest

from jdend import HyperparameterSearcher, SearchResult
from jdend.models import Problem
from jdend.search import BudgetError, SearchError
from jdend.search.scenarios import (
    ARCHITECTURES,
    SCENARIOS,
    budget_space,
    compare_architectures,
    find_pareto_optimal,
    optimize_for_budget,
    quick_prototype_search,
    thorough_optimization,
)

pytestmark = pytest.mark.usefixtures("instant_training", "no_download")


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def trials(calls):
    return [(c, seeds) for _, configurations, seeds in calls for c in configurations]


def test_quick_prototype_search(instant_training):
    result = quick_prototype_search(max_params=5000, dataset="mnist")
    assert isinstance(result, SearchResult)
    assert 4000 <= result.total_params <= 5000
    trained = trials(instant_training)
    assert len(trained) == 12
    assert {c.hyperparameters.n_epochs for c, _ in trained} == {8}
    assert {c.structure.batch_size for c, _ in trained} == {512}


@pytest.mark.parametrize("budget", [1000, 2000, 5000, 8000])
def test_optimize_for_budget(instant_training, budget):
    result = optimize_for_budget(max_params=budget, dataset="fashion-mnist")
    assert 0.8 * budget <= result.total_params <= budget
    trained = trials(instant_training)
    assert len(trained) == 50
    assert {c.hyperparameters.n_epochs for c, _ in trained} == {10}


@pytest.mark.parametrize("scenario", [quick_prototype_search, compare_architectures])
def test_the_toolkits_own_ranges_keep_its_rate(scenario, instant_training):
    scenario(dataset="fashion-mnist", n_trials=6, ranges="toolkit", verbose=False)
    assert {c.hyperparameters.lr for c, _ in trials(instant_training)} == {0.0005}


@pytest.mark.parametrize("scenario", SCENARIOS.values())
def test_the_best_ranges_have_high_rates(scenario, instant_training):
    scenario(n_trials=6, verbose=False)
    assert min(c.hyperparameters.lr for c, _ in trials(instant_training)) >= 8e-3 / 1.5
    assert {c.hyperparameters.schedule for c, _ in trials(instant_training)} == {"cosine"}


def test_unknown_ranges():
    with pytest.raises(SearchError, match="unknown ranges 'tolkit'; did you mean 'toolkit'"):
        quick_prototype_search(ranges="tolkit")


@pytest.mark.parametrize(("budget", "shares"), [(2000, [10]), (5000, [5, 5]), (8000, [4, 3, 3])])
def test_architectures_share_the_trials_of_a_budget(budget, shares, instant_training):
    optimize_for_budget(budget, n_trials=10, verbose=False)
    names = [c.structure.architecture for c, _ in trials(instant_training)]
    assert [names.count(name) for name in ARCHITECTURES[: len(shares)]] == shares


def test_ranges_widen_with_the_budget():
    problem = Problem(784, 10, (28, 28, 1))
    ranges = [budget_space(budget, problem)["n_dendrite_inputs"] for budget in (2000, 5000, 5001)]
    assert ranges == sorted(ranges)
    assert len(set(ranges)) == 3


def test_compare_architectures(instant_training):
    results = compare_architectures(max_params=8000, dataset="fashion-mnist")
    assert {r["architecture"] for r in results} == {
        "dendritic_simple", "soma_disabled", "dendritic_with_hidden",
    }  # fmt: skip
    accuracies = [r["validation_accuracy"] for r in results]
    assert accuracies == sorted(accuracies, reverse=True)
    assert all(6000 <= r["total_params"] <= 8000 for r in results)
    assert len(trials(instant_training)) == 45
    assert {c.hyperparameters.n_epochs for c, _ in trials(instant_training)} == {12}


def test_thorough_optimization(instant_training):
    result = thorough_optimization(max_params=8000, dataset="fashion-mnist")
    assert 6800 <= result.total_params <= 8000
    assert result.seeds == (0, 1, 2, 3, 4)
    assert result.test_accuracy_std is not None
    trained = trials(instant_training)
    assert {c.hyperparameters.n_epochs for c, _ in trained} == {20}
    broad = [c for c, seeds in trained if len(seeds) == 1]
    fine = [c for c, seeds in trained if len(seeds) == 5]
    assert len(broad) == 40
    assert len(fine) == 12
    assert len(set(broad) & set(fine)) == 3  # the best three themselves, with more seeds


def test_budgets_in_which_nothing_fits_are_left_out(instant_training):
    front = find_pareto_optimal(dataset="digits", budgets=[15, 600, 900], n_trials=4)
    assert {record["budget"] for record in front} <= {600, 900}
    assert len(set(trials(instant_training))) == 8


def test_find_pareto_optimal(instant_training):
    front = find_pareto_optimal(dataset="fashion-mnist")
    sizes = [record["total_params"] for record in front]
    accuracies = [record["validation_accuracy"] for record in front]
    assert sizes == sorted(sizes)
    assert accuracies == sorted(accuracies)
    assert len(set(trials(instant_training))) == 100
    assert all(record["total_params"] <= record["budget"] for record in front)


def test_the_front_goes_up_to_the_largest_budget(instant_training):
    front = find_pareto_optimal("fashion-mnist", 5000)
    assert {record["budget"] for record in front} <= {2000, 4000, 5000}
    assert len(set(trials(instant_training))) == 60
    for record in front:
        efficiency = record["accuracy"] / (record["actual_params"] / 1000)
        assert efficiency == pytest.approx(record["accuracy_per_1k_params"])
        assert f"{record['budget']:5d} {record['actual_params']:4d} {record['accuracy']:.3f}"
        sizes = {name: record["config"][name] for name in ("n_neurons", "n_dendrites")}
        n_inputs = record["config"]["n_dendrite_inputs"]
        count = HyperparameterSearcher.estimate_params(784, **sizes, n_dendrite_inputs=n_inputs)
        assert count == record["actual_params"]


def test_an_architectures_record_has_its_configuration_and_its_size():
    for record in compare_architectures(max_params=8000, dataset="fashion-mnist", n_trials=3):
        assert f"{record['architecture']}: {record['test_accuracy']:.3f}, {record['params']:,}"
        searcher = HyperparameterSearcher(max_params=record["params"], min_param_ratio=1.0)
        assert searcher.is_valid_config(record["config"])
        assert record["params"] <= record["budget"] == 8000


@pytest.mark.parametrize("name", list(SCENARIOS))
def test_scenarios_run_on_other_data_and_in_other_sizes(name, instant_training):
    own = {"budgets": [600]} if name == "find_pareto_optimal" else {"max_params": 600}
    found = SCENARIOS[name](
        dataset="digits", n_trials=2, n_epochs=1, batch_size=32, search_seed=3, verbose=False, **own
    )
    assert found
    assert {c.hyperparameters.n_epochs for c, _ in trials(instant_training)} == {1}


@pytest.mark.parametrize("name", list(SCENARIOS))
def test_a_budget_that_nothing_fits(name):
    own = {"budgets": [15]} if name == "find_pareto_optimal" else {"max_params": 15}
    with pytest.raises(BudgetError, match="no network in this space fits"):
        SCENARIOS[name](verbose=False, **own)


@pytest.mark.parametrize("name", list(SCENARIOS))
def test_scenarios_never_choose_by_test_accuracy(name):
    with pytest.raises(SearchError, match="nothing to choose by"):
        SCENARIOS[name](validation_fraction=0, verbose=False)


@pytest.fixture
def _signals_as_before(monkeypatch):
    """`python -m jdend.search` takes SIGTERM for Ctrl-C."""
    monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.mark.usefixtures("_signals_as_before")
@pytest.mark.filterwarnings("ignore:.*found in sys.modules")
def test_the_module_runs_all_scenarios(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["scenarios", "--trials", "2", "--epochs", "1", "--quiet"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("jdend.search.scenarios", run_name="__main__")
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in SCENARIOS)
