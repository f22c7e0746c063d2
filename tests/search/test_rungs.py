"""Rungs: when trials are stopped, and which."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jdend.search.pruners import Bracket, Rung, Rungs, brackets

ALL_LIVE = np.ones(6, bool)


def one(keep, n=6, epoch=2, n_epochs=None):
    found = [Bracket(tuple(range(n)), (Rung(epoch, keep),))]
    return Rungs(found, [9] * n if n_epochs is None else n_epochs)


def cost(found, n_epochs):
    """Trial-epochs."""
    total = 0
    for bracket in found:
        left, at = len(bracket.members), 0
        for rung in bracket.rungs:
            total, left, at = total + left * (rung.epoch - at), rung.keep, rung.epoch
        total += left * (n_epochs - at)
    return total


def test_halving_keeps_a_third_at_each_rung():
    (bracket,) = brackets("halving", range(27), 27)
    assert bracket.rungs == (Rung(1, 9), Rung(3, 3), Rung(9, 1))


def test_rungs_are_counted_back_from_the_last_epoch():
    (bracket,) = brackets("halving", range(32), 15)
    assert bracket.rungs == (Rung(2, 11), Rung(5, 4))


def test_few_trials_have_few_rungs():
    (bracket,) = brackets("halving", range(8), 27)
    assert bracket.rungs == (Rung(9, 3),)


@pytest.mark.parametrize(("n", "n_epochs"), [(2, 27), (27, 2), (1, 1)])
def test_where_nothing_can_be_thirded_nothing_is_stopped(n, n_epochs):
    for pruner in ("halving", "hyperband", "none"):
        assert [b.rungs for b in brackets(pruner, range(n), n_epochs)] == [()]


def test_no_pruner_no_rungs():
    assert brackets("none", range(27), 27) == [Bracket(tuple(range(27)), ())]


def test_hyperband_has_a_bracket_for_each_first_rung():
    found = brackets("hyperband", range(34), 9)
    assert [bracket.rungs for bracket in found] == [
        (Rung(1, 6), Rung(3, 2)),
        (Rung(3, 4),),
        (),
    ]
    assert [len(bracket.members) for bracket in found] == [18, 10, 6]


@given(st.integers(1, 200), st.integers(1, 100), st.sampled_from(["halving", "hyperband"]))
def test_brackets_share_all_trials_and_epochs_grow(n, n_epochs, pruner):
    found = brackets(pruner, range(n), n_epochs)
    assert sorted(trial for bracket in found for trial in bracket.members) == list(range(n))
    for bracket in found:
        epochs = [rung.epoch for rung in bracket.rungs]
        keeps = [len(bracket.members), *(rung.keep for rung in bracket.rungs)]
        assert epochs == sorted(set(epochs))
        assert all(1 <= epoch < n_epochs for epoch in epochs)
        assert all(1 <= after < before for before, after in itertools.pairwise(keeps))


@pytest.mark.parametrize(("n", "n_epochs"), [(27, 15), (32, 15), (64, 10), (128, 20)])
def test_halving_costs_a_third_at_most(n, n_epochs):
    assert cost(brackets("halving", range(n), n_epochs), n_epochs) <= n * n_epochs / 3


def test_the_weakest_are_stopped():
    accuracy = np.array([0.5, 0.9, 0.1, 0.8, 0.7, 0.2])
    assert one(keep=2).stopped(2, accuracy, ALL_LIVE) == [0, 2, 4, 5]


def test_of_equals_the_earlier_goes_on():
    assert one(keep=2).stopped(2, np.full(6, 0.5), ALL_LIVE) == [2, 3, 4, 5]


def test_failed_trials_come_last():
    accuracy = np.array([np.nan, 0.1, np.nan, 0.2, 0.3, 0.4])
    assert one(keep=4).stopped(2, accuracy, ALL_LIVE) == [0, 2]
    assert one(keep=5).stopped(2, accuracy, ALL_LIVE) == [2]


def test_what_has_ended_keeps_its_place():
    live = np.array([True, True, False, True, True, True])
    rungs = one(keep=2, n_epochs=[9, 9, 2, 9, 9, 9])
    accuracy = np.array([0.5, 0.9, 0.95, 0.8, 0.7, 0.2])
    assert rungs.stopped(2, accuracy, live) == [0, 3, 4, 5]
    accuracy[2] = 0.1
    assert rungs.stopped(2, accuracy, live) == [0, 4, 5]


def test_what_was_stopped_takes_no_part():
    rungs = Rungs([Bracket(tuple(range(6)), (Rung(1, 3), Rung(3, 1)))], [9] * 6)
    accuracy = np.array([0.9, 0.8, 0.7, 0.99, 0.99, 0.99])
    live = np.array([True, True, True, False, False, False])
    assert rungs.stopped(3, accuracy, live) == [1, 2]


def test_brackets_are_ranked_apart():
    found = [Bracket((0, 2, 4), (Rung(1, 1),)), Bracket((1, 3, 5), (Rung(2, 1),))]
    rungs = Rungs(found, [9] * 6)
    accuracy = np.array([0.1, 0.9, 0.2, 0.8, 0.3, 0.7])
    assert rungs.epochs == [1, 2]
    assert rungs.stopped(1, accuracy, ALL_LIVE) == [0, 2]
    assert rungs.stopped(2, accuracy, ALL_LIVE) == [3, 5]


def test_an_example_stops_as_many_as_the_rungs_do():
    ends = Rungs(brackets("halving", range(27), 9), [9] * 27).example()
    assert sorted(ends) == [1] * 18 + [3] * 6 + [9] * 3
