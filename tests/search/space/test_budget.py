"""Which numbers of parameters fit a budget."""

import numpy as np
import pytest

from jdend.search import SearchError
from jdend.search.space.budget import Budget


def test_what_fits():
    budget = Budget(8000, 0.8)
    counts = np.array([6399, 6400, 8000, 8001])
    assert budget.fits(counts).tolist() == [False, True, True, False]
    assert budget.over(counts).tolist() == [False, False, False, True]
    assert budget.under(counts).tolist() == [True, False, False, False]


def test_a_ratio_that_binary_fractions_miss_is_exact():
    assert Budget(1000, 0.07).min_params == 70


def test_a_budget_is_at_most_what_int32_holds():
    assert Budget(2**31 - 1).max_params == 2**31 - 1
    with pytest.raises(SearchError, match="at most 2147483647, got 2147483648"):
        Budget(2**31)


@pytest.mark.parametrize(
    ("max_params", "ratio"),
    [(0, 0.8), (-5, 0.8), (8000.5, 0.8), ("8000", 0.8), (True, 0.8), (8000, 1.1), (8000, -0.1),
     (8000, "0.8"), (8000, float("nan"))],
)  # fmt: skip
def test_impossible_budgets(max_params, ratio):
    with pytest.raises(SearchError, match=r"max_params|min_param_ratio"):
        Budget(max_params, ratio)
