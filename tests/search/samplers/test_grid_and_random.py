"""Proposals: they fit, they differ, and they have the law that they should have."""

import itertools

import numpy as np
import pytest

from jdend.models import Problem, architectures, configure, count_params
from jdend.search import BudgetError, SearchError, SpaceError, default_space
from jdend.search.samplers.grid_and_random import grid, mixed, random
from jdend.search.samplers.local import around
from jdend.search.scenarios import budget_space
from jdend.search.space.budget import Budget
from jdend.search.space.dimensions import parse_space
from jdend.search.space.problem import SearchProblem

IMAGES = Problem(784, 10, (28, 28, 1))
DEFAULTS = {"n_epochs": 10, "lr": 5e-4, "weight_decay": 0.01, "batch_size": 256}
SIZES = {"n_neurons": (8, 20), "n_dendrites": (3, 12), "n_dendrite_inputs": (16, 200)}
GUIDE = {
    "n_neurons": [8, 10, 12],
    "n_dendrites": [4, 6, 8],
    "n_dendrite_inputs": [64, 96, 128],
    "soma_enabled": [True, False],
    "architecture": ["dendritic_simple"],
    "synaptic_resampling": [True, False],
}


def ask(space, max_params=8000, ratio=0.8, problem=IMAGES):
    return SearchProblem(parse_space(space), problem, Budget(max_params, ratio), DEFAULTS)


def rng(seed=0):
    return np.random.default_rng(seed)


def count(params, problem=IMAGES):
    return count_params(configure(params, problem, DEFAULTS).structure)


@pytest.mark.parametrize("max_params", [500, 2000, 5000, 8000, 20000])
@pytest.mark.parametrize("make", [default_space, budget_space])
def test_every_draw_fits_and_differs(make, max_params):
    proposed = random(ask(make(max_params, IMAGES), max_params), rng(), 50)
    counts = [count(candidate.params) for candidate in proposed.candidates]
    assert len(counts) == 50
    assert min(counts) >= 0.8 * max_params
    assert max(counts) <= max_params
    assert len({candidate.configuration for candidate in proposed.candidates}) == 50


@pytest.mark.parametrize("name", [name for name in architectures() if name != "linear"])
def test_every_architecture(name):
    space = {**SIZES, "architecture": [name], "hidden_dim": (2, 20), "n_dendrites": (3, 60)}
    assert len(random(ask(space, ratio=0.7), rng(), 3).candidates) == 3


def test_the_same_generator_draws_the_same():
    first, second = (random(ask(SIZES), rng(7), 20).candidates for _ in range(2))
    assert first == second


def test_another_seed_draws_otherwise():
    assert random(ask(SIZES), rng(0), 20).candidates != random(ask(SIZES), rng(1), 20).candidates


def test_a_finite_space_is_exhausted_and_no_more():
    proposed = random(ask(GUIDE), rng(), 100)
    assert len(proposed.candidates) == 8
    assert "there are no more" in proposed.summary(Budget(8000))[-1]


def test_the_grid_holds_every_combination_that_fits():
    proposed = grid(ask(GUIDE), rng())
    every = [dict(zip(GUIDE, values, strict=True)) for values in itertools.product(*GUIDE.values())]
    fitting = [params for params in every if 6400 <= count(params) <= 8000]
    assert [candidate.params for candidate in proposed.candidates] == fitting
    counts = [count(params) for params in every]
    assert proposed.n_over == sum(c > 8000 for c in counts)
    assert proposed.n_under == sum(c < 6400 for c in counts)


def test_a_sampled_grid_prefers_configurations_that_differ():
    space = {**GUIDE, "percentage_resample": [0.1, 0.2, 0.3]}  # none without resampling
    whole = grid(ask(space), rng())
    assert (len(whole.candidates), whole.n_same) == (24, 8)
    assert grid(ask(space), rng(), 16).n_same == 0
    assert grid(ask(space), rng(), 20).n_same == 4
    assert len(grid(ask(space), rng(), 200).candidates) == 24


def test_seeds_of_a_grid_make_no_trials():
    proposed = grid(ask({**GUIDE, "seed": [3, 4, 5]}), rng())
    assert len(proposed.candidates) == 8
    assert all(candidate.seeds == [3, 4, 5] for candidate in proposed.candidates)


def test_draws_equal_but_for_the_seed_are_one_trial():
    space = {"n_neurons": 12, "n_dendrites": 6, "n_dendrite_inputs": 96, "seed": [0, 1, 2]}
    (candidate,) = random(ask(space), rng(), 3).candidates
    assert sorted(candidate.seeds) == [0, 1, 2]


def test_mixed_goes_through_the_lists_evenly():
    space = {**SIZES, "schedule": ["constant", "cosine"], "synaptic_resampling": [True, False]}
    candidates = mixed(ask(space), rng(), 22).candidates
    combined = [(d.params["schedule"], d.params["synaptic_resampling"]) for d in candidates]
    assert sorted(combined.count(c) for c in set(combined)) == [5, 5, 6, 6]
    assert all(6400 <= count(candidate.params) <= 8000 for candidate in candidates)


def test_mixed_leaves_out_combinations_in_which_nothing_fits():
    candidates = mixed(ask({**SIZES, "n_neurons": [1, 12]}), rng(), 6).candidates
    assert {candidate.params["n_neurons"] for candidate in candidates} == {12}


@pytest.mark.parametrize("sampler", [grid, random, mixed])
@pytest.mark.parametrize(
    ("space", "max_params", "said"),
    [
        ({"n_neurons": [80, 100]}, 8000, "has 47,930. Lower n_neurons to 13, or take"),
        ({"n_dendrite_inputs": [128]}, 2000, "has 9,502. Lower n_dendrite_inputs to 23"),
        ({"n_neurons": [1], "n_dendrites": [2]}, 40, "Lower n_dendrite_inputs to"),
        ({"n_dendrite_inputs": [8, 10]}, 8000, "the largest"),
        ({"n_dendrite_inputs": [20, 200]}, 8000, "the nearest have 1,726 and 14,686"),
    ],
)
def test_a_space_in_which_nothing_fits(sampler, space, max_params, said):
    with pytest.raises(BudgetError) as caught:
        sampler(ask(space, max_params), rng(), 5)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_grid_takes_no_ranges():
    with pytest.raises(SpaceError, match="'n_neurons' is a range"):
        grid(ask(SIZES), rng())


@pytest.mark.parametrize("n", [0, -1, 2.5, "5", True, None])
def test_impossible_numbers_of_trials(n):
    with pytest.raises(SearchError, match="must be a positive integer"):
        random(ask(SIZES), rng(), n)


def test_a_grid_too_large_to_list_is_sampled():
    space = {
        **GUIDE,
        "lr": [1e-3 + i * 1e-6 for i in range(3000)],
        "batch_size": list(range(1, 1001)),
    }
    with pytest.raises(SpaceError, match="give max_trials"):
        grid(ask(space), rng())
    assert len(grid(ask(space), rng(), 5).candidates) == 5


def test_refinement_proposes_each_centre_and_its_neighbourhood():
    centres = [
        {"n_neurons": n, "n_dendrites": 6, "n_dendrite_inputs": k, "lr": 2e-3, "schedule": "cosine"}
        for n, k in ((12, 96), (11, 100))
    ]
    candidates = around(ask({"n_neurons": 12}), rng(), centres, 4).candidates
    assert len(candidates) == 8
    assert [candidates[0].params, candidates[4].params] == centres
    for centre, near in ((centres[0], candidates[1:4]), (centres[1], candidates[5:])):
        for candidate in near:
            assert 6400 <= count(candidate.params) <= 8000
            assert abs(candidate.params["n_neurons"] - centre["n_neurons"]) <= 2
            assert abs(candidate.params["n_dendrite_inputs"] - centre["n_dendrite_inputs"]) <= 16
            assert 1 / 1.5 <= candidate.params["lr"] / 2e-3 <= 1.5
            assert candidate.params["schedule"] == "cosine"


def test_a_centre_without_room_around_it_is_proposed_alone():
    centre = {"n_neurons": 12, "n_dendrites": 6, "n_dendrite_inputs": 96}
    problem = ask({"n_neurons": 12}, max_params=count(centre), ratio=1.0)
    assert [candidate.params for candidate in around(problem, rng(), [centre], 1).candidates] == [
        centre
    ]
