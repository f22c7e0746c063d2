"""Points of static dimensions and the configurations that they mean: all of them fit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jdend.models import Problem, architectures, count_params
from jdend.search import BudgetError
from jdend.search.samplers.grid_and_random import random
from jdend.search.space.budget import Budget
from jdend.search.space.dimensions import Choice, IntRange, RealRange, parse_space
from jdend.search.space.encoding import FILL, Encoding, _distinct_rows
from jdend.search.space.parameter_count import confirmed_params
from jdend.search.space.problem import SearchProblem

DIGITS = Problem(64, 10, (8, 8, 1))
DEFAULTS = {"n_epochs": 10, "lr": 5e-4, "weight_decay": 0.01, "batch_size": 64}
SIZES = {
    "n_neurons": (1, 60),
    "n_dendrites": (1, 300),
    "n_dendrite_inputs": (1, 64),
    "hidden_dim": (1, 300),
}
BUDGETS = (500, 2000, 8000, 20000)


def ask(space, max_params=2000, ratio=0.8):
    return SearchProblem(parse_space(space), DIGITS, Budget(max_params, ratio), DEFAULTS)


def any_point(dimensions, rng):
    return {name: dimension.draw(rng) for name, dimension in dimensions.items()}


def counted(encoding, params):
    return count_params(encoding.configure(params).structure)


@pytest.mark.parametrize("max_params", BUDGETS)
@pytest.mark.parametrize("name", [name for name in architectures() if name != "linear"])
def test_every_point_fits(name, max_params):
    space = {**SIZES, "architecture": name, "lr": (1e-3, 1e-2)}
    encoding = Encoding(ask(space, max_params))
    rng = np.random.default_rng(0)
    for _ in range(30):
        params = encoding.params(any_point(encoding.dimensions, rng))
        assert 0.8 * max_params <= counted(encoding, params) <= max_params
        assert params.keys() == space.keys()
    structure = encoding.configure(params).structure
    assert confirmed_params(structure) == count_params(structure)


@pytest.mark.parametrize("max_params", BUDGETS)
def test_a_draws_point_means_that_draw(max_params):
    space = {**SIZES, "architecture": ["dendritic_simple", "soma_disabled"], "lr": (1e-3, 1e-2)}
    question = ask(space, max_params)
    encoding = Encoding(question)
    for draw in random(question, np.random.default_rng(1), 30).candidates:
        point = encoding.point(draw.params)
        assert encoding.configure(encoding.params(point)) == draw.configuration
        assert encoding.point(encoding.params(point)) == point


@settings(deadline=None, max_examples=60)
@given(
    n=st.tuples(st.integers(1, 30), st.integers(0, 30)),
    d=st.lists(st.integers(1, 12), min_size=1, max_size=4),
    k=st.one_of(
        st.lists(st.integers(1, 64), min_size=1, max_size=5),
        st.tuples(st.integers(1, 20), st.integers(20, 64)),
    ),
    max_params=st.integers(100, 5000),
    ratio=st.sampled_from([0.0, 0.5, 0.8, 1.0]),
    seed=st.integers(0, 99),
)
def test_any_space_whose_points_exist(n, d, k, max_params, ratio, seed):
    space = {"n_neurons": (n[0], n[0] + n[1]), "n_dendrites": d, "n_dendrite_inputs": k}
    try:
        encoding = Encoding(ask(space, max_params, ratio))
    except BudgetError:
        return
    budget = Budget(max_params, ratio)
    params = encoding.params(any_point(encoding.dimensions, np.random.default_rng(seed)))
    assert budget.fits(counted(encoding, params))
    assert n[0] <= params["n_neurons"] <= sum(n)
    assert params["n_dendrites"] in d
    assert params["n_dendrite_inputs"] in (range(k[0], k[1] + 1) if isinstance(k, tuple) else k)
    again = encoding.params(encoding.point(params))
    assert encoding.configure(again) == encoding.configure(params)


def test_fill_stands_for_the_inputs():
    encoding = Encoding(ask({**SIZES, "n_dendrites": (1, 40)}))
    assert encoding.derived == "n_dendrite_inputs"
    assert list(encoding.dimensions) == ["n_neurons", "n_dendrites", "hidden_dim", FILL]
    assert encoding.dimensions[FILL] == RealRange(0.8, 1.0)


def test_more_fill_is_more_parameters():
    encoding = Encoding(ask({**SIZES, "n_neurons": 2, "n_dendrites": 20, "hidden_dim": 1}))
    counts = [counted(encoding, encoding.params({FILL: fill})) for fill in np.linspace(0.8, 1, 5)]
    assert counts == sorted(counts)
    assert len(set(counts)) == 5


def test_fill_is_the_share_of_the_budget():
    encoding = Encoding(ask({"n_neurons": 1, "n_dendrites": 20, "n_dendrite_inputs": (1, 64)}, 900))
    for fill in (0.8, 0.9, 1.0):
        params = encoding.params({FILL: fill})
        assert abs(counted(encoding, params) / 900 - fill) <= 20 / 900  # an input each


def test_of_a_list_fill_indexes_what_fits():
    space = {"n_neurons": 3, "n_dendrites": 10, "n_dendrite_inputs": [30, 4, 5, 6, 7, 64]}
    encoding = Encoding(ask(space, 320, 0.6))  # 4, 5, 6 and 7 fit
    means = [encoding.params({FILL: f})["n_dendrite_inputs"] for f in (0.6, 0.72, 0.85, 1.0)]
    assert means == [4, 5, 6, 7]


def test_where_inputs_cannot_vary_another_size_is_derived():
    encoding = Encoding(ask({**SIZES, "n_dendrite_inputs": 16, "n_dendrites": (2, 9)}))
    assert encoding.derived == "n_neurons"
    encoding = Encoding(ask({**SIZES, "architecture": "mlp", "n_dendrites": 2}))
    assert encoding.derived == "hidden_dim"


def test_inputs_of_two_values_leave_the_neurons_to_be_derived():
    encoding = Encoding(
        ask({"n_neurons": (1, 200), "n_dendrites": (2, 9), "n_dendrite_inputs": [8, 9]})
    )
    assert encoding.derived == "n_neurons"


def test_dimensions_hold_only_what_can_fit():
    space = {"n_neurons": (1, 100), "n_dendrites": [2, 500], "n_dendrite_inputs": (4, 64)}
    dimensions = Encoding(ask(space)).dimensions
    assert "n_dendrites" not in dimensions  # but one value of it can
    neurons = dimensions["n_neurons"]
    assert isinstance(neurons, IntRange)
    assert (neurons.low, neurons.high) == (12, 86)


def test_a_point_without_room_is_moved_to_the_nearest_with_room():
    space = {"n_neurons": (2, 40), "n_dendrites": (2, 40), "n_dendrite_inputs": (4, 64)}
    encoding = Encoding(ask(space))
    params = encoding.params({"n_neurons": 40, "n_dendrites": 40, FILL: 0.9})
    assert params == encoding.params({"n_neurons": 40, "n_dendrites": 40, FILL: 0.9})
    moved = encoding.point(params)
    assert moved["n_neurons"] < 40
    assert moved["n_dendrites"] < 40
    assert encoding.params(moved) == params


def test_what_has_room_is_not_moved():
    space = {"n_neurons": (2, 40), "n_dendrites": (2, 40), "n_dendrite_inputs": (4, 64)}
    encoding = Encoding(ask(space))
    for fill in (0.8, 0.9, 1.0):
        params = encoding.params({"n_neurons": 10, "n_dendrites": 10, FILL: fill})
        assert (params["n_neurons"], params["n_dendrites"]) == (10, 10)


def test_a_budget_to_be_used_whole_leaves_nothing_to_fill():
    space = {"n_neurons": [5], "n_dendrites": [4], "n_dendrite_inputs": (1, 64)}
    whole = {"n_neurons": 5, "n_dendrites": 4, "n_dendrite_inputs": 30}
    count = count_params(ask(space).configure(whole).structure)
    encoding = Encoding(ask(space, count, 1.0))
    assert encoding.dimensions == {}
    assert encoding.params({}) == whole


def test_ranges_without_end():
    space = {"n_neurons": (1, 10**6), "n_dendrites": (1, 10**6), "n_dendrite_inputs": (1, 64)}
    encoding = Encoding(ask(space))
    rng = np.random.default_rng(0)
    for _ in range(10):
        params = encoding.params(any_point(encoding.dimensions, rng))
        assert 1600 <= counted(encoding, params) <= 2000


def test_repeated_values_are_one():
    space = {**SIZES, "schedule": ["cosine", "cosine", "constant"], "n_dendrite_inputs": [8, 8, 9]}
    encoding = Encoding(ask(space))
    assert encoding.dimensions["schedule"] == Choice(("cosine", "constant"))
    params = encoding.params(any_point(encoding.dimensions, np.random.default_rng(0)))
    assert encoding.params(encoding.point(params)) == params


def test_nothing_fits():
    with pytest.raises(BudgetError, match="Lower n_neurons"):
        Encoding(ask({"n_neurons": [80, 100], "n_dendrite_inputs": 64}))


@pytest.mark.parametrize("n_columns", [0, 1, 3])
def test_distinct_rows_are_those_of_numpy(n_columns):
    rows = np.random.default_rng(n_columns).integers(0, 4, (50, n_columns))
    np.testing.assert_array_equal(_distinct_rows(rows), np.unique(rows, axis=0))
