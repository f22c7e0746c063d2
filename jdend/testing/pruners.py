"""What every pruner must keep to."""

import itertools

from jdend.search.pruners import Pruner, find_pruner

__all__ = ["PrunerContract"]

TRIALS, EPOCHS = (1, 2, 3, 8, 27, 32, 100), (1, 2, 3, 9, 15, 100)


class PrunerContract:
    """Tests for pytest, to be inherited; each takes a pruner, or the name of a registered one.

    Example usage::

      >>> import pytest

      >>> from jdend.testing import PrunerContract

      >>> @pytest.mark.parametrize("pruner", ["halving"])
      ... class TestPruners(PrunerContract):
      ...   pass
    """

    def test_each_trial_is_in_one_bracket(self, pruner: Pruner | str):
        for n, n_epochs in itertools.product(TRIALS, EPOCHS):
            # Trials of several budgets are divided apart, so positions are any.
            members = [3 * i + 1 for i in range(n)]
            brackets = find_pruner(pruner).brackets(members, n_epochs)
            placed = sorted(member for bracket in brackets for member in bracket.members)
            assert placed == members, (n, n_epochs, placed)

    def test_epochs_ascend_and_lie_before_the_last(self, pruner: Pruner | str):
        for n, n_epochs in itertools.product(TRIALS, EPOCHS):
            for bracket in find_pruner(pruner).brackets(range(n), n_epochs):
                epochs = [rung.epoch for rung in bracket.rungs]
                assert epochs == sorted(set(epochs)), (n, n_epochs, epochs)
                assert all(1 <= epoch < n_epochs for epoch in epochs), (n, n_epochs, epochs)

    def test_fewer_and_fewer_go_on_but_one_at_least(self, pruner: Pruner | str):
        for n, n_epochs in itertools.product(TRIALS, EPOCHS):
            for bracket in find_pruner(pruner).brackets(range(n), n_epochs):
                kept = [len(bracket.members), *(rung.keep for rung in bracket.rungs)]
                fall = all(1 <= after < before for before, after in itertools.pairwise(kept))
                assert fall, (n, n_epochs, kept)

    def test_the_same_trials_are_divided_alike(self, pruner: Pruner | str):
        first, second = (find_pruner(pruner).brackets(range(27), 9) for _ in range(2))
        assert list(first) == list(second)

    def test_one_that_stops_says_so(self, pruner: Pruner | str):
        one = find_pruner(pruner)
        rungs = [r for n in TRIALS for b in one.brackets(range(n), 100) for r in b.rungs]
        assert bool(rungs) == one.stops
