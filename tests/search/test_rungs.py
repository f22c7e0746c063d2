"""Rungs: when trials are stopped, and which."""

import numpy as np

from jdend.search.pruners import Bracket, Rung, halving
from jdend.search.rungs import Rungs

ALL_LIVE = np.ones(6, bool)


def one(keep, n=6, epoch=2, n_epochs=None):
    brackets = [Bracket(tuple(range(n)), (Rung(epoch, keep),))]
    return Rungs(brackets, [9] * n if n_epochs is None else n_epochs)


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
    brackets = [Bracket((0, 2, 4), (Rung(1, 1),)), Bracket((1, 3, 5), (Rung(2, 1),))]
    rungs = Rungs(brackets, [9] * 6)
    accuracy = np.array([0.1, 0.9, 0.2, 0.8, 0.3, 0.7])
    assert rungs.epochs == [1, 2]
    assert rungs.stopped(1, accuracy, ALL_LIVE) == [0, 2]
    assert rungs.stopped(2, accuracy, ALL_LIVE) == [3, 5]


def test_an_example_stops_as_many_as_the_rungs_do():
    rungs = Rungs(halving(range(27), 9), [9] * 27)
    assert sorted(rungs.example()) == [1] * 18 + [3] * 6 + [9] * 3
    assert rungs.example() == rungs.example()
