"""Every strategy proposes what fits, nothing twice, and the same again when asked again.

Of `gp` that is tested by `make test-gp`, see `strategies_here`.
"""

import importlib.util

import jax.numpy as jnp
import numpy as np
import optuna
import pytest
from optuna.trial import create_trial
from strategies_here import HERE

from jdend.models import (
    Problem,
    _initialization,
    _layer,
    architecture,
    architectures,
    count_params,
    trace_params,
)
from jdend.search import BudgetError, SearchError, SpaceError
from jdend.search.driver.schedule import Schedule, default_generation
from jdend.search.samplers.optuna_samplers import distributions
from jdend.search.space.budget import Budget
from jdend.search.space.dimensions import parse_space
from jdend.search.space.encoding import FILL
from jdend.search.space.problem import SearchProblem
from jdend.study import Generation, SearchResult

DIGITS = Problem(64, 10, (8, 8, 1))
DEFAULTS = {"n_epochs": 10, "lr": 5e-4, "weight_decay": 0.01, "batch_size": 64}
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
    "lr": [1e-3, 2e-3, 3e-3, 5e-3, 7e-3, 1e-2],
}
FEW = {"n_neurons": [3, 4, 5], "n_dendrites": [2, 3], "n_dendrite_inputs": (8, 30)}


def question(space, max_params=500, ratio=0.8):
    return SearchProblem(parse_space(space), DIGITS, Budget(max_params, ratio), DEFAULTS)


def search(strategy, *questions, n_trials=50, generation=25, **options):
    return Schedule(
        questions, strategy, entropy=(7,), n_trials=n_trials, generation=generation, **options
    )


def result(proposed, accuracy, **options):
    return SearchResult(
        params=dict(proposed.params),
        test_accuracy=0.0,
        train_accuracy=0.0,
        total_params=proposed.total_params,
        train_time=0.0,
        final_test_loss=0.0,
        validation_accuracy=accuracy,
        **options,
    )


def many_inputs(proposed):
    """A network is the better the nearer its inputs are to 20."""
    return 1 / (1 + abs(proposed.params["n_dendrite_inputs"] - 20) / 10)


def carried_out(asked, accuracy=lambda proposed: 0.5):
    """All generations, one after the other."""
    generations = []
    for number in range(asked.n_generations):
        proposed = tuple(asked.propose(number, generations))
        results = tuple(result(p, accuracy(p)) for p in proposed)
        generations.append(Generation(number, proposed, results))
    return generations


def all_proposed(generations):
    return [proposed for generation in generations for proposed in generation.trials]


@pytest.fixture
def nothing_drawn(monkeypatch):
    """Networks are built with zeros for what is drawn: their shapes are found in a fifth of the
    time, which is what drawing takes to trace."""
    monkeypatch.setattr(_layer, "draw_indices", lambda key, shape, *_, **__: jnp.zeros(shape, int))
    monkeypatch.setattr(_layer, "dendrite_normal", lambda key, shape: jnp.zeros(shape))
    monkeypatch.setattr(
        _initialization, "_row_normal", lambda _: lambda key, shape, *_, **__: jnp.zeros(shape)
    )


@pytest.mark.parametrize("name", architectures())
@pytest.mark.parametrize("strategy", HERE)
def test_two_hundred_proposals_fit_and_differ(strategy, name, nothing_drawn):
    space = {**RANGES, "architecture": name}
    if strategy == "grid":
        read = (*architecture(name).fields, "lr")
        space = {"architecture": name, **{n: LISTS[n] for n in LISTS if n in read}}
    generation = 44 if strategy == "gp" else 25  # each of whose proposals takes a third of a second
    asked = search(strategy, *(question(space, b) for b in BUDGETS), generation=generation)
    proposed = all_proposed(carried_out(asked, lambda p: p.total_params / p.budget))
    configurations = [asked.configure(p) for p in proposed]
    for budget in BUDGETS:
        of_budget = [p for p in proposed if p.budget == budget]
        assert len(of_budget) == 50 or strategy == "grid"
        assert all(0.8 * budget <= p.total_params <= budget for p in of_budget)
    assert len(set(configurations)) == len(configurations)
    for p, configuration in zip(proposed, configurations, strict=True):
        assert trace_params(configuration.structure) == p.total_params


@pytest.mark.parametrize("strategy", HERE)
def test_a_space_is_exhausted_and_no_more(strategy):
    space = {**FEW, "n_dendrite_inputs": list(range(8, 31))} if strategy == "grid" else FEW
    asked = search(strategy, question(space), n_trials=120, generation=40)
    proposed = all_proposed(carried_out(asked))
    every = [
        {"n_neurons": n, "n_dendrites": d, "n_dendrite_inputs": k}
        for n in FEW["n_neurons"] for d in FEW["n_dendrites"] for k in range(8, 31)
    ]  # fmt: skip
    counts = [count_params(question(FEW).configure(params).structure) for params in every]
    n_fit = sum(400 <= count <= 500 for count in counts)
    assert len(proposed) == len({asked.configure(p) for p in proposed}) == n_fit


@pytest.mark.parametrize("strategy", [name for name in HERE if name != "grid"])
def test_a_generation_proposed_again_is_the_same(strategy):
    first, second = (search(strategy, question(RANGES), n_trials=36, generation=12) for _ in "ab")
    generations = carried_out(first, lambda p: p.total_params / 500)
    for number in (0, 2):
        again = second.propose(number, generations[:number])
        assert tuple(again) == generations[number].trials


@pytest.mark.parametrize("strategy", [name for name in HERE if name != "grid"])
def test_another_seed_proposes_otherwise(strategy):
    asked = [Schedule((question(RANGES),), strategy, (seed,), n_trials=5) for seed in (0, 1)]
    assert asked[0].propose(0, []) != asked[1].propose(0, [])


@pytest.mark.parametrize("strategy", ["random", "mixed", "qmc"])
def test_what_learns_nothing_is_one_sequence(strategy):
    whole = search(strategy, question(RANGES), n_trials=20, generation=20).propose(0, [])
    parts = search(strategy, question(RANGES), n_trials=20, generation=8)
    assert [p for number in range(3) for p in parts.propose(number, [])] == whole


@pytest.mark.parametrize("strategy", ["random", "qmc"])
def test_a_search_without_end(strategy):
    asked = search(strategy, question(RANGES), n_trials=None, generation=10)
    assert asked.n_generations is None
    proposed = [p for number in range(5) for p in asked.propose(number, [])]
    assert len({asked.configure(p) for p in proposed}) == 50


def test_pending_trials_are_not_proposed_again():
    asked = search("tpe", question(RANGES), n_trials=60, generation=20)
    first = carried_out(asked, many_inputs)[:1]
    pending = Generation(1, tuple(asked.propose(1, first)))
    other = asked.propose(2, [*first, pending])
    taken = {asked.configure(p) for p in (*first[0].trials, *pending.trials)}
    assert len(other) == 20
    assert not taken & {asked.configure(p) for p in other}


@pytest.mark.parametrize("strategy", [name for name in HERE if name in ("tpe", "gp")])
def test_what_learns_finds_better_networks(strategy):
    asked = search(strategy, question(RANGES, 2000), n_trials=60, generation=12)
    generations = carried_out(asked, many_inputs)
    means = [np.mean([r.validation_accuracy for r in g.results]) for g in generations]
    assert np.mean(means[-2:]) > means[0]


def test_nsga2_approaches_the_front():
    """Where half of the budget is as good as all of it, networks become smaller."""
    asked = search("nsga2", question(RANGES, 2000, 0.4), n_trials=120, generation=20)
    generations = carried_out(asked, many_inputs)
    sizes = [np.mean([p.total_params for p in g.trials]) for g in generations]
    means = [np.mean([r.validation_accuracy for r in g.results]) for g in generations]
    assert sizes[-1] < sizes[0]
    assert means[-1] > means[0]


def test_stopped_and_failed_trials_are_told():
    asked = search("tpe", question(RANGES), n_trials=60, generation=20)
    proposed = tuple(asked.propose(0, []))
    fates = [{"stopped_epoch": 2}, {"failed": 0}, {}]
    results = [result(p, 0.5, **fates[i % 3]) for i, p in enumerate(proposed)]
    assert len(asked.propose(1, [Generation(0, proposed, tuple(results))])) == 20


def test_importance_of_the_derived_size_is_not_zero():
    asked = search("tpe", question(RANGES, 2000), n_trials=200, generation=25)
    study = optuna.create_study(direction="maximize")
    for generation in carried_out(asked, many_inputs):
        for p, r in zip(generation.trials, generation.results, strict=True):
            study.add_trial(
                create_trial(
                    params=dict(p.point),
                    distributions=distributions(asked.dimensions),
                    value=r.validation_accuracy,
                )
            )
    importances = optuna.importance.get_param_importances(study)
    assert importances[FILL] > 0
    assert importances.keys() == asked.dimensions.keys()


def test_budgets_are_proposed_side_by_side():
    asked = search("tpe", question(RANGES, 500), question(RANGES, 2000), n_trials=30, generation=15)
    for generation in carried_out(asked):
        assert [p.budget for p in generation.trials] == [500] * 15 + [2000] * 15


def test_the_last_generation_is_what_is_left():
    for strategy in ("random", "tpe"):
        generations = carried_out(search(strategy, question(RANGES), n_trials=23, generation=10))
        assert [len(generation.trials) for generation in generations] == [10, 10, 3]


def test_seeds_of_a_list_are_all_trained():
    asked = search("tpe", question({**RANGES, "seed": [3, 5]}), seeds=(0, 1))
    assert {p.seeds for p in asked.propose(0, [])} == {(3, 4, 5, 6)}


def test_seeds_of_a_range_are_for_random_search():
    with pytest.raises(SpaceError, match="use the random strategy"):
        search("tpe", question({**RANGES, "seed": (0, 9)})).propose(0, [])


@pytest.mark.parametrize(("strategy", "expected"), [("random", 100), ("tpe", 13), ("gp", 13)])
def test_generations_by_default(strategy, expected):
    assert default_generation(strategy, 100) == expected


@pytest.mark.parametrize("strategy", ["random", "mixed", "qmc", "tpe", "nsga2"])
def test_nothing_fits(strategy):
    space = {"n_neurons": [80, 100], "n_dendrite_inputs": [64]}
    with pytest.raises(BudgetError, match="Lower n_neurons to"):
        search(strategy, question(space)).propose(0, [])


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
        search(strategy, question(RANGES), **options)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_the_gaussian_process_needs_is_said(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SearchError, match=r"pip install 'jdend\[gp\]'"):
        search("gp", question(RANGES))
