"""Dividing shapes into groups: as cheap as the cheapest of all divisions."""

import itertools

import numpy as np
import pytest

from jdend.search.planning.partition import _divide


@pytest.mark.parametrize("seed", range(5))
def test_no_division_is_cheaper(seed):
    n = 6
    table = np.triu(np.random.default_rng(seed).random((n, n)))
    table[np.tril_indices(n, -1)] = np.inf

    def cost(bounds):
        return sum(table[begin, end - 1] for begin, end in itertools.pairwise(bounds))

    divisions = _divide(table, n)
    assert len(divisions) == n
    for n_groups, (found, groups) in enumerate(divisions, 1):
        cuts = itertools.combinations(range(1, n), n_groups - 1)
        assert found == pytest.approx(min(cost((0, *inner, n)) for inner in cuts))
        assert cost([0, *(end for _, end in groups)]) == pytest.approx(found)
        assert [begin for begin, _ in groups] == [0, *(end for _, end in groups[:-1])]
