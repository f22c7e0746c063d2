"""What every strategy must keep to."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from jdend.models import Problem
from jdend.search.driver.schedule import Schedule
from jdend.search.errors import BudgetError
from jdend.search.pruners import Pruner, find_pruner
from jdend.search.samplers.grid_and_random import grid
from jdend.search.samplers.registry import Strategy, find_strategy
from jdend.search.space.budget import Budget
from jdend.search.space.dimensions import parse_space
from jdend.search.space.problem import SearchProblem
from jdend.study import Generation, ProposedTrial, SearchResult

__all__ = ["StrategyContract", "carried_out", "problem", "result", "schedule"]

DIGITS = Problem(64, 10, (8, 8, 1))
DEFAULTS = {"n_epochs": 10, "lr": 5e-4, "weight_decay": 0.01, "batch_size": 64}
RANGES = {
    "n_neurons": (1, 60),
    "n_dendrites": (1, 300),
    "n_dendrite_inputs": (1, 64),
    "lr": {"type": "uniform", "low": 1e-3, "high": 1e-1, "log": True},
    "schedule": ["constant", "cosine"],
}
LISTS = {
    "n_neurons": [2, 5, 10, 20, 40, 60, 80],
    "n_dendrites": [1, 2, 4, 8, 16, 32, 64],
    "n_dendrite_inputs": [2, 4, 8, 16, 24, 32, 64],
    "lr": [1e-3, 3e-3, 1e-2, 3e-2],
    "schedule": ["constant", "cosine"],
}
FEW = {"n_neurons": [3, 4, 5], "n_dendrites": [2, 3], "n_dendrite_inputs": list(range(20, 31))}
BUDGETS = (500, 2000)

Accuracy = Callable[[ProposedTrial], float | None]


def problem(space: Mapping[str, object], max_params: int = 500, ratio: float = 0.8):
    """A small problem: images of 8 × 8 pixels in ten classes."""
    return SearchProblem(parse_space(space), DIGITS, Budget(max_params, ratio), DEFAULTS)


def schedule(
    strategy: Strategy | str,
    *problems: SearchProblem,
    seed: int = 7,
    n_trials: int | None = 50,
    generation: int = 25,
    pruner: Pruner | str = "none",
    seeds: tuple[int, ...] = (0,),
) -> Schedule:
    """A search of some problems; see `Schedule`."""
    return Schedule(
        problems,
        find_strategy(strategy),
        (seed,),
        seeds=seeds,
        n_trials=n_trials,
        generation=generation,
        pruner=find_pruner(pruner),
    )


def result(proposed: ProposedTrial, accuracy: float | None, **others: Any) -> SearchResult:
    """A trial that came to a validation accuracy; `others` are those of `SearchResult`."""
    return SearchResult(
        params=dict(proposed.params),
        test_accuracy=0.0,
        train_accuracy=0.0,
        total_params=proposed.total_params,
        train_time=0.0,
        final_test_loss=0.0,
        validation_accuracy=accuracy,
        **others,
    )


def carried_out(search: Schedule, accuracy: Accuracy = lambda proposed: 0.5) -> list[Generation]:
    """All generations of a search, one after the other, where training comes to `accuracy`."""
    generations: list[Generation] = []
    for number in range(search.n_generations or 3):
        trials = tuple(search.propose(number, generations))
        results = tuple(result(trial, accuracy(trial)) for trial in trials)
        generations.append(Generation(number, trials, results))
    return generations


class StrategyContract:
    """Tests for pytest, to be inherited; each takes a strategy, or the name of a registered one.

    Example usage::

      >>> import pytest

      >>> from jdend.testing import StrategyContract

      >>> @pytest.mark.parametrize("strategy", ["random", "tpe"])
      ... class TestStrategies(StrategyContract):
      ...   pass
    """

    def test_proposals_fit_the_budget_and_differ(self, strategy: Strategy | str):
        space = _space(strategy)
        search = _schedule(strategy, *(problem(space, n) for n in BUDGETS), generations=2)
        trials = _trials(carried_out(search, _by_size))
        for trial in trials:
            assert 0.8 * trial.budget <= trial.total_params <= trial.budget, trial
        for budget in BUDGETS:
            configurations = [search.configure(t) for t in trials if t.budget == budget]
            assert len(configurations) == search.n_trials
            assert len(set(configurations)) == len(configurations)

    def test_parameters_are_plain_values(self, strategy: Strategy | str):
        search = _schedule(strategy, problem(_space(strategy)), generations=2)
        for trial in _trials(carried_out(search, _by_size)):
            for values in (dict(trial.params), dict(trial.point)):
                assert json.loads(json.dumps(values)) == values, values

    def test_the_same_seed_proposes_the_same(self, strategy: Strategy | str):
        first, second = (
            _schedule(strategy, problem(_space(strategy)), generations=2) for _ in range(2)
        )
        generations = carried_out(first, _by_size)
        for number in (1, 0):  # in whichever order, as after an interruption
            again = tuple(second.propose(number, generations[:number]))
            assert again == generations[number].trials, f"generation {number}"

    def test_another_seed_proposes_otherwise(self, strategy: Strategy | str):
        first, second = (
            _schedule(strategy, problem(_space(strategy)), seed=seed) for seed in (0, 1)
        )
        assert first.propose(0, []) != second.propose(0, [])

    def test_results_matter_to_a_strategy_that_learns_and_to_no_other(
        self, strategy: Strategy | str
    ):
        search = _schedule(strategy, problem(_space(strategy), ratio=0.4), generations=2)
        first = tuple(search.propose(0, []))

        def next_trials(accuracy: Accuracy) -> list[ProposedTrial]:
            results = tuple(result(trial, accuracy(trial)) for trial in first)
            return search.propose(1, [Generation(0, first, results)])

        differ = next_trials(_by_size) != next_trials(lambda trial: 1 - _by_size(trial))
        assert differ == search.strategy.learns

    def test_generations_are_slices_of_what_learns_nothing(self, strategy: Strategy | str):
        def proposed(size: int) -> list[list[ProposedTrial]]:
            search = schedule(strategy, problem(_space(strategy)), n_trials=20, generation=size)
            return [list(generation.trials) for generation in carried_out(search)]

        whole, slices = proposed(20), proposed(8)
        assert [len(trials) for trials in slices] == [8, 8, 4]
        if not find_strategy(strategy).learns:
            assert [trial for trials in slices for trial in trials] == whole[0]

    def test_a_search_without_end_goes_on(self, strategy: Strategy | str):
        search = schedule(strategy, problem(_space(strategy)), n_trials=None, generation=10)
        trials = _trials(carried_out(search)[:3])
        assert len({search.configure(trial) for trial in trials}) == 30

    def test_unfinished_trials_are_not_proposed_again(self, strategy: Strategy | str):
        search = _schedule(strategy, problem(_space(strategy)), generations=3)
        trials = tuple(search.propose(0, []))
        finished = Generation(0, trials, tuple(result(t, _by_size(t)) for t in trials))
        pending = Generation(1, tuple(search.propose(1, [finished])))
        others = search.propose(2, [finished, pending])
        taken = {search.configure(t) for t in (*finished.trials, *pending.trials)}
        assert others
        assert not taken & {search.configure(t) for t in others}

    def test_failed_and_stopped_trials_are_taken(self, strategy: Strategy | str):
        search = _schedule(strategy, problem(_space(strategy)), generations=2)
        trials = tuple(search.propose(0, []))
        fates: list[dict[str, Any]] = [{"failed": 0}, {}]
        if search.strategy.may_stop_early:
            fates.append({"stopped_epoch": 2})
        results = [result(t, 0.5, **fates[i % len(fates)]) for i, t in enumerate(trials)]
        results[-1] = result(trials[-1], float("nan"))
        assert len(search.propose(1, [Generation(0, trials, tuple(results))])) == search.generation

    def test_a_space_is_exhausted_and_no_more(self, strategy: Strategy | str):
        every = grid(problem(FEW), np.random.default_rng(0)).candidates
        search = schedule(strategy, problem(FEW), n_trials=60, generation=20)
        trials = _trials(carried_out(search))
        assert len(trials) == len(every)
        assert {search.configure(t) for t in trials} == {c.configuration for c in every}

    def test_a_space_of_one_network(self, strategy: Strategy | str):
        space = {"n_neurons": 4, "n_dendrites": 2, "n_dendrite_inputs": 48, "seed": [3, 5]}
        search = schedule(strategy, problem(space), n_trials=2, seeds=(0, 1))
        (trial,) = search.propose(0, [])
        assert search.configure(trial) == search.problems[0].seedless.configure(dict(trial.params))
        assert set(trial.seeds) <= {3, 4, 5, 6}

    def test_nothing_fits(self, strategy: Strategy | str):
        space = {"n_neurons": [80, 100], "n_dendrite_inputs": [64]}
        refused = False
        try:
            schedule(strategy, problem(space)).propose(0, [])
        except BudgetError:
            refused = True
        assert refused, "proposes where nothing fits, in place of a BudgetError"


def _schedule(
    strategy: Strategy | str, *problems: SearchProblem, generations: int = 1, seed: int = 7
) -> Schedule:
    """A search in generations that are just large enough for a strategy to have learned."""
    size = max(12, find_strategy(strategy).n_initial or 0)
    return schedule(strategy, *problems, seed=seed, n_trials=size * generations, generation=size)


def _space(strategy: Strategy | str) -> Mapping[str, object]:
    return LISTS if find_strategy(strategy).lists_all else RANGES


def _trials(generations: Sequence[Generation]) -> list[ProposedTrial]:
    return [trial for generation in generations for trial in generation.trials]


def _by_size(trial: ProposedTrial) -> float:
    return trial.total_params / trial.budget
