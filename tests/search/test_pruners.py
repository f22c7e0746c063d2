"""Pruners: how they divide a generation, and that all of them keep to the contract."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jdend.search import SearchError
from jdend.search.pruners import (
    Bracket,
    Pruner,
    Rung,
    find_pruner,
    halving,
    hyperband,
    none,
    pruners,
)
from jdend.testing import PrunerContract


@pytest.mark.parametrize("pruner", pruners())
class TestPruners(PrunerContract):
    pass


def cost(brackets, n_epochs):
    """Trial-epochs."""
    total = 0
    for bracket in brackets:
        left, at = len(bracket.members), 0
        for rung in bracket.rungs:
            total, left, at = total + left * (rung.epoch - at), rung.keep, rung.epoch
        total += left * (n_epochs - at)
    return total


def test_halving_keeps_a_third_at_each_rung():
    (bracket,) = halving(range(27), 27)
    assert bracket.rungs == (Rung(1, 9), Rung(3, 3), Rung(9, 1))


def test_rungs_are_counted_back_from_the_last_epoch():
    (bracket,) = halving(range(32), 15)
    assert bracket.rungs == (Rung(2, 11), Rung(5, 4))


def test_few_trials_have_few_rungs():
    (bracket,) = halving(range(8), 27)
    assert bracket.rungs == (Rung(9, 3),)


@pytest.mark.parametrize(("n", "n_epochs"), [(2, 27), (27, 2), (1, 1)])
def test_where_nothing_can_be_thirded_nothing_is_stopped(n, n_epochs):
    for pruner in (halving, hyperband, none):
        assert all(bracket.rungs == () for bracket in pruner(range(n), n_epochs))


def test_no_pruner_no_rungs():
    assert none(range(27), 27) == [Bracket(tuple(range(27)), ())]


def test_hyperband_has_a_bracket_for_each_first_rung():
    brackets = hyperband(range(34), 9)
    assert [bracket.rungs for bracket in brackets] == [
        (Rung(1, 6), Rung(3, 2)),
        (Rung(3, 4),),
        (),
    ]
    assert [len(bracket.members) for bracket in brackets] == [18, 10, 6]


@given(st.integers(1, 200), st.integers(1, 100), st.sampled_from([halving, hyperband]))
def test_brackets_share_all_trials_and_epochs_grow(n, n_epochs, pruner):
    brackets = pruner(range(n), n_epochs)
    assert sorted(trial for bracket in brackets for trial in bracket.members) == list(range(n))
    for bracket in brackets:
        epochs = [rung.epoch for rung in bracket.rungs]
        keeps = [len(bracket.members), *(rung.keep for rung in bracket.rungs)]
        assert epochs == sorted(set(epochs))
        assert all(1 <= epoch < n_epochs for epoch in epochs)
        assert all(1 <= after < before for before, after in itertools.pairwise(keeps))


@pytest.mark.parametrize(("n", "n_epochs"), [(27, 15), (32, 15), (64, 10), (128, 20)])
def test_halving_costs_a_third_at_most(n, n_epochs):
    assert cost(halving(range(n), n_epochs), n_epochs) <= n * n_epochs / 3


@pytest.mark.parametrize(
    ("brackets", "said"),
    [
        ([], "every trial into one bracket"),
        ([Bracket((0, 1, 2)), Bracket((2, 3))], "every trial into one bracket"),
        ([Bracket((0, 1, 2, 3), (Rung(3, 2), Rung(2, 1)))], "epochs must ascend from 1 to 8"),
        ([Bracket((0, 1, 2, 3), (Rung(9, 2),))], "epochs must ascend from 1 to 8"),
        ([Bracket((0, 1, 2, 3), (Rung(3, 0),))], "one at least"),
        ([Bracket((0, 1, 2, 3), (Rung(3, 1), Rung(4, 2)))], "fewer and fewer go on"),
    ],
)
def test_one_that_does_not_keep_its_contract_is_refused(brackets, said):
    with pytest.raises(SearchError) as caught:
        Pruner("mine", lambda members, n_epochs: brackets).divide(range(4), 9)
    assert said in str(caught.value)
    assert "'mine'" in str(caught.value)


def test_a_rung_may_stop_none():
    brackets = [Bracket((0, 1, 2, 3), (Rung(3, 4), Rung(4, 1)))]
    assert Pruner("mine", lambda members, n_epochs: brackets).divide(range(4), 9) == brackets


def test_an_unknown_name():
    with pytest.raises(SearchError, match="did you mean 'halving'"):
        find_pruner("halfing")
