"""What is searched, with and without seeds."""

import pytest

from jdend.models import Problem
from jdend.search import SearchError, SpaceError
from jdend.search.space.budget import Budget
from jdend.search.space.dimensions import parse_space
from jdend.search.space.problem import SearchProblem


def problem_of(space):
    return SearchProblem(parse_space(space), Problem(784, 10), Budget(8000), {"lr": 0.5})


def test_seeds_are_the_distinct_values_of_seed():
    problem = problem_of({"lr": 0.1, "seed": [3, 1, 3]})
    assert problem.seeds == (3, 1)
    assert list(problem.seedless.space.dimensions) == ["lr"]


def test_a_space_without_seeds():
    problem = problem_of({"lr": 0.1})
    assert problem.seeds == ()
    assert problem.seedless == problem


@pytest.mark.parametrize(
    ("seed", "said"), [((0, 9), "seed: list its values"), ([-1], "whole number from 0")]
)
def test_impossible_seeds(seed, said):
    with pytest.raises(SearchError, match=said):
        _ = problem_of({"seed": seed}).seeds


def test_what_the_space_leaves_out_has_the_problems_defaults():
    problem = problem_of({"n_neurons": 3})
    assert problem.configure({"n_neurons": 3}).hyperparameters.lr == 0.5


def test_an_impossible_draw_is_an_error_of_the_space():
    with pytest.raises(SpaceError, match="784 features"):
        problem_of({"n_neurons": 3}).configure({"n_dendrite_inputs": 785})


@pytest.mark.parametrize("seed", [2**32 - 1, [0, 2**32 - 1], (0, 2**32 - 1)])
def test_a_trials_seeds_fit_into_32_bits(seed):
    problem = problem_of({"seed": seed})
    problem.check_sums((0,))
    with pytest.raises(SearchError, match=r"4294967296 is more than 2\*\*32 - 1"):
        problem.check_sums((0, 1))
