"""The loop of a search: what is trained again, and what is left of what is broken off."""

import pytest

from jdend import HyperparameterSearcher
from jdend.search import Study
from jdend.search.executors import local

SIZES = {"n_neurons": [5, 6], "n_dendrites": [4], "n_dendrite_inputs": [32]}


@pytest.fixture
def search(small_images, instant_training):
    def make(**settings):
        settings = {"max_params": 1000, "min_param_ratio": 0.7, "verbose": False, **settings}
        return HyperparameterSearcher(small_images, n_epochs=9, **settings)

    return make


def n_trained(calls):
    return sum(len(configurations) for _, configurations, _ in calls)


def test_what_a_searcher_has_trained_it_knows(search, instant_training):
    searcher = search()
    searcher.grid_search(SIZES)
    assert n_trained(instant_training) == 2
    searcher.grid_search(SIZES)
    assert n_trained(instant_training) == 2


def test_another_searcher_knows_nothing_of_it(search, instant_training):
    study = Study()
    for _ in range(2):
        search(study=study).grid_search(SIZES)
    assert n_trained(instant_training) == 4


def test_a_study_that_keeps_trains_each_generation_as_if_it_were_the_first(
    search, instant_training, tmp_path
):
    searcher = search(out=tmp_path / "run")
    for _ in range(2):
        searcher.grid_search(SIZES)
    assert n_trained(instant_training) == 4


def test_rungs_rank_trials_that_are_trained_side_by_side(search, instant_training):
    searcher = search()
    searcher.optimize(SIZES, 2, "grid")
    searcher.optimize(SIZES, 2, "grid", pruner="halving")
    assert n_trained(instant_training) == 4


@pytest.fixture
def broken_off(monkeypatch, instant_training):
    """An error when the second population begins."""
    runs = local.runs

    def failing(*arguments, **options):
        if len(instant_training) == 1:
            raise ZeroDivisionError
        return runs(*arguments, **options)

    monkeypatch.setattr(local, "runs", failing)


@pytest.mark.usefixtures("broken_off")
def test_an_error_leaves_what_is_finished(search):
    searcher = search(buckets="exact")
    with pytest.raises(ZeroDivisionError):
        searcher.grid_search(SIZES)
    assert [r.params["n_neurons"] for r in searcher.results] == [5]


@pytest.mark.usefixtures("broken_off")
def test_what_was_finished_before_an_error_is_not_trained_again(search, instant_training):
    searcher = search(buckets="exact")
    with pytest.raises(ZeroDivisionError):
        searcher.grid_search(SIZES)
    instant_training.append((None, [], ()))  # from here on, training works
    assert len(searcher.grid_search(SIZES)) == 2
    assert n_trained(instant_training) == 2


def test_the_kernel_is_taken_once_and_recorded_as_it_was_asked_for(search, monkeypatch):
    monkeypatch.setenv("JDEND_KERNEL", "dense")
    searcher = search()
    monkeypatch.delenv("JDEND_KERNEL")
    assert searcher._trainer.kernel == "dense"
    assert searcher.describe()["kernel"] == "auto"
