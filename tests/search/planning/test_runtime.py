"""How long populations are said to take."""

import functools

import pytest

from jdend.data import split
from jdend.models import Problem, configure
from jdend.search.planning import planner
from jdend.search.planning.population import Trial
from jdend.search.planning.runtime import forecast

plan = functools.partial(planner.plan, kernel="native")


@pytest.fixture(scope="module")
def data(small_images):
    return split(small_images)


def trial(seeds=(0,), **params):
    sizes = {"n_neurons": 6, "n_dendrites": 4, "n_dendrite_inputs": 32, "n_epochs": 9}
    return Trial(configure({**sizes, **params}, Problem(784, 10, (28, 28, 1))), seeds)


def expected(trials, data, ends=None, **options):
    return forecast(trials, plan(trials, **options), data, ends)


def test_nothing_takes_no_time(data):
    assert expected([], data).seconds == 0


@pytest.mark.parametrize(
    "more",
    [
        [trial(), trial(lr=0.01)],
        [trial(seeds=(0, 1))],
        [trial(n_epochs=18)],
        [trial(n_neurons=60)],
    ],
)
def test_more_work_takes_longer(data, more):
    assert expected(more, data).training > expected([trial()], data).training


def test_trials_that_end_early_take_less(data):
    trials = [trial(lr=0.001 * i, n_epochs=90_000) for i in range(1, 28)]
    whole = expected(trials, data).training
    assert expected(trials, data, [10_000] * 26 + [90_000]).training < whole / 2


def test_an_exact_bucket_pads_nothing(data):
    assert expected([trial()], data).padding == 0


def test_padding_is_part_of_training(data):
    trials = [trial(n_neurons=n) for n in (2, 40)]
    found = expected(trials, data, mode="padded")
    assert 0 < found.padding < found.training


def test_twice_the_trials_have_twice_the_padding(data):
    trials = [trial(n_neurons=n) for n in (2, 40)]
    twice = [*trials, *(trial(n_neurons=n, lr=0.01) for n in (2, 40))]
    once = expected(trials, data, mode="padded").padding
    assert expected(twice, data, mode="padded").padding == pytest.approx(2 * once)


def test_networks_without_dendrites_take_time_too(data):
    assert expected([trial(architecture="mlp")], data).training > 0


def test_each_width_is_a_program_of_its_own(data):
    one, two = (expected([trial(lr=0.01 * i) for i in range(1, n)], data) for n in (2, 3))
    assert one.programs != two.programs


def test_compiling_is_once_a_program(data):
    one, more = [trial()], [trial(), trial(lr=0.01), trial(n_neurons=7)]
    together = expected(more, data, mode="padded").compiling
    assert together == expected(one, data).compiling
    assert expected(more, data, mode="exact").compiling > together


def test_what_was_compiled_before_is_only_loaded(data):
    trials = [trial(), trial(n_neurons=7)]
    populations = plan(trials, mode="exact")
    new = forecast(trials, populations, data)
    again = forecast(trials, populations, data, cached=new.programs)
    assert len(new.programs) == 2
    assert again.compiling < new.compiling
    assert again.training == new.training
