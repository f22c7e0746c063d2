"""Spaces that are searched one after another."""

import pytest

from jdend import HyperparameterSearcher
from jdend.search.driver.trainer import Trainer
from jdend.search.errors import BudgetError
from jdend.search.in_turn import search_in_turn

SPACES = [
    {"n_neurons": (4, 9), "n_dendrites": (2, 4), "n_dendrite_inputs": (8, 20), "lr": 0.01},
    {"architecture": "mlp", "hidden_dim": (4, 12), "lr": (1e-3, 1e-2)},
]
TOO_LARGE = {"architecture": "mlp", "hidden_dim": [400]}


def searcher():
    return HyperparameterSearcher(
        "digits", max_params=800, n_epochs=1, batch_size=64, verbose=False
    )


def figures(results):
    return [(result.params, result.validation_accuracy, result.test_accuracy) for result in results]


@pytest.fixture(scope="module")
def found():
    return search_in_turn(searcher(), SPACES, 5)


def test_results_are_those_of_one_search_after_another(found):
    one = searcher()
    expected = [one.optimize(space, n, "random") for space, n in zip(SPACES, [3, 2], strict=True)]
    assert list(map(figures, found)) == list(map(figures, expected))


def test_programs_of_the_next_are_compiled_meanwhile(monkeypatch, found):
    prepared = []
    monkeypatch.setattr(Trainer, "prepare", lambda _, schedule: prepared.append(schedule))
    one = searcher()
    search_in_turn(one, SPACES, 5)
    one._trainer.close()
    (following,) = prepared
    assert [trial.params for trial in following.propose(0, [])] == [r.params for r in found[1]]


def test_what_cannot_be_compiled_meanwhile_is_compiled_in_its_turn(monkeypatch, found):
    def fail(*_):
        raise RuntimeError("no memory")

    monkeypatch.setattr(Trainer, "prepare", fail)
    assert list(map(figures, search_in_turn(searcher(), SPACES, 5))) == list(map(figures, found))


def test_fewer_trials_than_spaces_leave_some_out():
    one, other = search_in_turn(searcher(), SPACES, 1)
    assert (len(one), len(other)) == (1, 0)


@pytest.mark.parametrize("order", [1, -1])
def test_a_space_of_which_nothing_fits_has_no_results(order):
    spaces = [SPACES[0], TOO_LARGE][::order]
    assert [len(results) for results in search_in_turn(searcher(), spaces, 2)] == [1, 0][::order]


def test_of_several_of_which_nothing_fits_the_first_is_said():
    with pytest.raises(BudgetError, match="mlp"):
        search_in_turn(searcher(), [TOO_LARGE, TOO_LARGE], 2)
