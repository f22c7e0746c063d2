"""Ready-made searches: those of the older toolkit, with its numbers of trials and epochs.

They search ranges in which good networks lie (`jdend.search.space.default_space`), or, with
`ranges="toolkit"`, the ranges of the toolkit. Each returns the best result by validation accuracy,
or a list of dicts. Each takes the keyword arguments of `HyperparameterSearcher` that it does not
set itself. `python -m jdend.search.scenarios` runs all of them, and so does
`python -m jdend.search --scenario all`.
"""

import inspect
import math
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from jdend._messages import did_you_mean
from jdend.data import Dataset, Frame
from jdend.models import Problem
from jdend.search.errors import SearchError
from jdend.search.in_turn import search_in_turn
from jdend.search.keywords import check_keywords
from jdend.search.options import SearcherOptions, StorageOptions
from jdend.search.samplers.grid_and_random import check_trials
from jdend.search.searcher import HyperparameterSearcher
from jdend.search.space.budget import Budget
from jdend.search.space.default_space import (
    ARCHITECTURES,
    architecture_sizes,
    budget_architectures,
    budget_space,
    default_space,
)
from jdend.search.space.dimensions import parse_space
from jdend.search.space.feasible import feasible_shapes
from jdend.study import SearchResult, rank

__all__ = [
    "ARCHITECTURES",
    "SCENARIOS",
    "budget_space",
    "compare_architectures",
    "find_pareto_optimal",
    "optimize_for_budget",
    "quick_prototype_search",
    "thorough_optimization",
]

RANGES = ("best", "toolkit")
BUDGETS = (2000, 4000, 6000, 8000, 10000)

Record = dict[str, Any]
Settings = dict[str, Any]


def quick_prototype_search(
    max_params: int = 5000,
    dataset: str | Path | Dataset | Frame = "mnist",
    *,
    n_trials: int = 12,
    n_epochs: int = 8,
    ranges: str = "best",
    **settings: Any,
) -> SearchResult | None:
    """A first impression: a few short trials with large batches of 512 examples.

    Args:
      max_params: the budget.
      dataset: as for `HyperparameterSearcher`.
      n_trials, n_epochs: the number of trials, and of epochs of each.
      ranges: `best` for those of `jdend.search.default_space`, `toolkit` for
        those of the older toolkit, and its settings for what they leave out.
      **settings: further arguments of `HyperparameterSearcher`.

    Returns:
      The best result; None if every trial failed.

    Raises:
      ValueError: as `HyperparameterSearcher.optimize`.
    """
    settings = _checked(quick_prototype_search, settings, ranges, batch_size=512)
    searcher = _searcher(dataset, max_params=max_params, n_epochs=n_epochs, **settings)
    spaces = _spaces(ranges, ("dendritic_simple",), max_params, searcher.problem)
    search_in_turn(searcher, spaces, n_trials)
    return _best(searcher.results)


def optimize_for_budget(
    max_params: int = 8000,
    dataset: str | Path | Dataset | Frame = "fashion-mnist",
    n_trials: int = 50,
    *,
    n_epochs: int = 10,
    ranges: str = "best",
    **settings: Any,
) -> SearchResult | None:
    """The best network for one budget, among the architectures that suit it.

    Each architecture has its own ranges and an equal share of the trials. With `ranges="toolkit"`
    they are all in one space.

    Args, Returns, Raises: as `quick_prototype_search`.
    """
    settings = _checked(optimize_for_budget, settings, ranges)
    searcher = _searcher(dataset, max_params=max_params, n_epochs=n_epochs, **settings)
    search_in_turn(searcher, _spaces_of_budget(ranges, max_params, searcher.problem), n_trials)
    return _best(searcher.results)


def compare_architectures(
    max_params: int = 8000,
    dataset: str | Path | Dataset | Frame = "fashion-mnist",
    *,
    n_trials: int = 15,
    n_epochs: int = 12,
    architectures: Sequence[str] = ARCHITECTURES,
    ranges: str = "best",
    **settings: Any,
) -> list[Record]:
    """The best network of each architecture, with the same budget, of which at least 75 % is used.

    Args:
      max_params, dataset, ranges, settings: as for `quick_prototype_search`.
      n_trials, n_epochs: the number of trials of each architecture, and of epochs of each trial.
      architectures: the names of the architectures to compare.

    Returns:
      A dict for each architecture, the best first: `architecture`, `validation_accuracy`,
      `test_accuracy`, their `…_std`, `total_params`, `accuracy_per_1k_params`, `config` (the
      parameters as drawn) and `result`. The older toolkit's names are there as well: `accuracy`
      (test accuracy), `params` and `actual_params` (the number of parameters) and `budget`.
      Architectures without a network that fits, and those of which every trial failed, are left
      out.

    Raises:
      BudgetError: if no network of any architecture fits.
      ValueError: as `HyperparameterSearcher.optimize`.
    """
    settings = _checked(compare_architectures, settings, ranges, min_param_ratio=0.75)
    searcher = _searcher(dataset, max_params=max_params, n_epochs=n_epochs, **settings)
    check_trials("n_trials", n_trials)
    spaces = _spaces(ranges, architectures, max_params, searcher.problem)
    by_architecture = search_in_turn(searcher, spaces, n_trials * len(spaces))
    records = []
    for name, results in zip(architectures, by_architecture, strict=True):
        best = _best(results)
        if best is not None:
            records.append({"architecture": name, **_record(best, max_params)})
    return sorted(records, key=lambda record: -record["result"].score)


def thorough_optimization(
    max_params: int = 8000,
    dataset: str | Path | Dataset | Frame = "fashion-mnist",
    *,
    n_trials: int = 40,
    n_refinements: int = 4,
    n_epochs: int = 20,
    ranges: str = "best",
    **settings: Any,
) -> SearchResult | None:
    """Two phases: a broad search, then a refinement around its best three, with several seeds.

    Args:
      max_params, dataset, ranges, settings: as for `quick_prototype_search`; at least 85 % of the
        budget is used. `seeds`, by default 5, are those of the second phase.
      n_trials: the number of trials in the first phase, with one seed each.
      n_refinements: the number of trials around each of the best three, itself included.
      n_epochs: the number of epochs of every trial.

    Returns:
      The best result of the second phase; None if every trial failed.

    Raises:
      ValueError: as `HyperparameterSearcher.optimize`.
    """
    settings = _in_one_study(
        _checked(thorough_optimization, settings, ranges, min_param_ratio=0.85, seeds=5)
    )
    once = {**settings, "seeds": 1}
    broad = _searcher(dataset, max_params=max_params, n_epochs=n_epochs, **once)
    search_in_turn(broad, _spaces_of_budget(ranges, max_params, broad.problem), n_trials)
    fine = _searcher(dataset, max_params=max_params, n_epochs=n_epochs, **settings)
    centres = [r for r in broad.get_best_results(3) if r.failed is None]
    if centres:
        fine.refine(centres, n_refinements)
    return _best(fine.results)


def find_pareto_optimal(
    dataset: str | Path | Dataset | Frame = "fashion-mnist",
    max_budget: int = BUDGETS[-1],
    *,
    budgets: Sequence[int] | None = None,
    n_trials: int = 20,
    n_epochs: int = 10,
    ranges: str = "best",
    **settings: Any,
) -> list[Record]:
    """The networks that no other beats in both parameters and validation accuracy.

    TPE searches for all budgets at once. NSGA-II, which has both as objectives, gives fronts that
    are as good (`python experiments/pareto.py`; docs/search.md), but with TPE there is a network
    for each budget.

    Args:
      dataset, ranges, settings: as for `quick_prototype_search`.
      max_budget: the largest budget.
      budgets: the budgets; by default `max_budget`, and of 2,000, 4,000, 6,000 and 8,000 those
        below it. Budgets that no network fits are left out.
      n_trials, n_epochs: the number of trials for each budget, and of epochs of each trial.

    Returns:
      A dict for each network, the one with the fewest parameters first, with the keys of
      `compare_architectures` except `architecture`; `budget` is the smallest budget that it fits.

    Raises:
      BudgetError: if nothing fits any of the budgets.
      ValueError: as `HyperparameterSearcher.optimize`.
    """
    if budgets is None:
        budgets = [*(budget for budget in BUDGETS if budget < max_budget), max_budget]
    settings = _checked(find_pareto_optimal, settings, ranges)
    check_trials("n_trials", n_trials)
    searcher = _searcher(dataset, max_params=max(budgets, default=0), n_epochs=n_epochs, **settings)

    def space(budget: int) -> Mapping[str, object]:
        if ranges == "toolkit":
            return budget_space(budget, searcher.problem)
        return _spaces(ranges, ("dendritic_simple",), budget, searcher.problem)[0]

    ratio = searcher.budget.min_param_ratio
    allowed = [Budget(most, ratio) for most in dict.fromkeys(budgets)]
    fitting = [b for b in allowed if _has_networks(space(b.max_params), searcher.problem, b)]
    searcher.optimize(
        space,
        n_trials,
        "tpe",
        generation=math.ceil(n_trials / 4),
        pruner="none",
        budgets=[b.max_params for b in fitting or allowed],
    )
    return [
        _record(result, min(b for b in budgets if result.total_params <= b))
        for result in searcher.pareto_front()
    ]


def _spaces(
    ranges: str, architectures: Sequence[str], max_params: int, problem: Problem
) -> list[Mapping[str, object]]:
    """The space of each architecture."""
    if ranges not in RANGES:
        raise SearchError(f"unknown ranges {ranges!r}{did_you_mean(ranges, RANGES)}")
    if ranges == "best":
        return [default_space(max_params, problem, [name]) for name in architectures]
    sizes = [architecture_sizes(name, max_params, problem) for name in architectures]
    return [{**space, "synaptic_resampling": [True, False]} for space in sizes]


def _spaces_of_budget(ranges: str, max_params: int, problem: Problem) -> list[Mapping[str, object]]:
    """The spaces of the architectures that suit a budget."""
    if ranges == "toolkit":
        return [budget_space(max_params, problem)]
    return _spaces(ranges, budget_architectures(max_params), max_params, problem)


def _has_networks(space: Mapping[str, object], problem: Problem, budget: Budget) -> bool:
    rng = np.random.default_rng(0)
    return feasible_shapes(parse_space(space), problem, budget, rng).n_fit > 0


_made: ContextVar[list[HyperparameterSearcher] | None] = ContextVar("_made", default=None)


@contextmanager
def searchers_of_scenarios() -> Generator[list[HyperparameterSearcher]]:
    """The searchers of the scenarios that run within the block, which hold more than what scenarios
    return: the best network as it was trained."""
    made: list[HyperparameterSearcher] = []
    before = _made.set(made)
    try:
        yield made
    finally:
        _made.reset(before)


def _searcher(dataset: str | Path | Dataset | Frame, **settings: Any) -> HyperparameterSearcher:
    searcher = HyperparameterSearcher(dataset, **settings)
    if (made := _made.get()) is not None:
        made.append(searcher)
    return searcher


def _checked(scenario: Callable, settings: Settings, ranges: str, **defaults: object) -> Settings:
    """The further settings of a scenario, with its own defaults for those that are left out.

    Raises:
      TypeError: if neither the scenario nor a searcher has such a setting.
      SearchError: if no examples are held out, since scenarios choose by validation accuracy.
    """
    allowed = [*inspect.signature(scenario).parameters, *(f.name for f in fields(SearcherOptions))]
    check_keywords(scenario.__name__, settings, dict.fromkeys(allowed))
    if settings.get("validation_fraction") == 0:
        raise SearchError(
            "validation_fraction=0 leaves nothing to choose by, and networks are never chosen by "
            "test accuracy; give a number above 0"
        )
    own = {"defaults": "toolkit"} if ranges == "toolkit" else {}
    return {**own, **defaults, **settings}


def _in_one_study(settings: Settings) -> Settings:
    """The settings with a study that collects the results of several searches. If there is none,
    it is made from the settings for storage."""
    if settings.get("study") is not None:
        return settings
    names = {field.name for field in fields(StorageOptions)}
    storage = StorageOptions(**{name: settings[name] for name in names & settings.keys()})
    others = {name: value for name, value in settings.items() if name not in names}
    return {**others, "study": storage.new_study()}


def _best(results: Sequence[SearchResult]) -> SearchResult | None:
    best = rank(results)[:1]
    return best[0] if best and best[0].failed is None else None


def _record(result: SearchResult, budget: int) -> Record:
    """The figures of a network; from `config` on the names are those of the older toolkit."""
    return {
        "validation_accuracy": result.validation_accuracy,
        "validation_accuracy_std": result.validation_accuracy_std,
        "test_accuracy": result.test_accuracy,
        "test_accuracy_std": result.test_accuracy_std,
        "total_params": result.total_params,
        "accuracy_per_1k_params": result.accuracy_per_1k_params,
        "result": result,
        "config": result.params,
        "accuracy": result.test_accuracy,
        "params": result.total_params,
        "actual_params": result.total_params,
        "budget": budget,
    }


SCENARIOS: dict[str, Callable] = {
    scenario.__name__: scenario
    for scenario in (
        quick_prototype_search,
        optimize_for_budget,
        compare_architectures,
        thorough_optimization,
        find_pareto_optimal,
    )
}


if __name__ == "__main__":
    import runpy
    import sys

    sys.argv[1:1] = ["--scenario", "all"]
    runpy.run_module("jdend.search", run_name="__main__")
