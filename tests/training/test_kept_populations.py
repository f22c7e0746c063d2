"""Programs of populations that are no longer in use are freed."""

import gc
import weakref

import pytest

from jdend.models import Problem, configure
from jdend.training import Bucket, _kept_populations, let_go_of_populations, population
from jdend.training._kept_populations import MOST_KEPT


@pytest.fixture(autouse=True)
def nothing_kept():
    let_go_of_populations(0)
    yield
    let_go_of_populations(0)


def population_of(n_neurons):
    params = {"n_neurons": n_neurons, "n_dendrites": 2, "n_dendrite_inputs": 4}
    return population(Bucket(configure(params, Problem(8, 3)).structure))


def test_those_used_last_are_kept():
    first, second = population_of(1), population_of(2)
    assert population_of(1) is first
    let_go_of_populations(1)
    assert population_of(1) is first
    assert population_of(2) is not second


def test_the_others_leave_memory():
    forgotten = weakref.ref(population_of(1).advance)
    let_go_of_populations(0)
    assert forgotten() is None


def test_there_are_never_more_than_so_many(monkeypatch):
    assert MOST_KEPT > 3
    monkeypatch.setattr(_kept_populations, "MOST_KEPT", 3)
    first = weakref.ref(population_of(1).advance)
    for n in range(2):
        population_of(2 + n)
    assert first() is not None
    population_of(1000)
    gc.collect()
    assert first() is None


def test_what_is_let_go_of_goes_back_to_the_system(monkeypatch):
    """glibc keeps what was freed until it is told to trim."""

    class Library:
        def malloc_trim(self, kept):
            trimmed.append(kept)

    trimmed = []
    monkeypatch.setattr(_kept_populations.ctypes, "CDLL", lambda name: Library())
    let_go_of_populations(0)
    assert trimmed == []  # there was none
    population_of(1)
    let_go_of_populations(0)
    assert trimmed == [0]


def test_where_nothing_can_be_trimmed_they_are_let_go_of_all_the_same(monkeypatch):
    monkeypatch.setattr(_kept_populations.ctypes, "CDLL", lambda name: object())
    forgotten = weakref.ref(population_of(1).advance)
    let_go_of_populations(0)
    assert forgotten() is None
