"""Which functions a population needs; fewer compute the same."""

import numpy as np
import pytest
from small_populations import (
    STEPS_PER_EPOCH,
    assert_equal,
    bucket_of,
    configured,
    data,
    on_host,
)

from jdend.connectivity import CONNECTIVITIES
from jdend.fields import HYPERPARAMETERS
from jdend.training import (
    ACCURACY,
    epoch_order,
    find_metric,
    on_device,
    population,
    trace_hyperparameters,
)
from jdend.training._kept_populations import population_for
from jdend.training._population import make_population
from jdend.training._state import take

SEEDS = np.array([0, 1], np.uint32)


def programs_for(*configurations):
    hyperparameters = trace_hyperparameters(configurations, STEPS_PER_EPOCH)
    return population_for(bucket_of(configurations[0]), hyperparameters)


def after_an_epoch(configuration, **programs):
    made = population(bucket_of(configuration), **programs)
    hyperparameters = trace_hyperparameters([configuration], STEPS_PER_EPOCH)
    state, on = made.init(hyperparameters, SEEDS), on_device(data())
    state = made.advance(state, on.examples, epoch_order(SEEDS, 0, on.n_train), np.int32(12))
    return on_host(state)


def choices(**names):
    return frozenset((n, HYPERPARAMETERS[n].allowed().index(value)) for n, value in names.items())


OF_WIRING = choices(connectivity="random")
OF_RESAMPLING = OF_WIRING | choices(resampling_rule="flat", resampling_inputs="uniform")
NEVER = {"steps_to_resample": 3 * STEPS_PER_EPOCH + 1}


@pytest.mark.parametrize(
    ("params", "needed"),
    [
        ({}, True),
        ({"synaptic_resampling": False}, False),
        (NEVER, False),
        ({"steps_to_resample": 3 * STEPS_PER_EPOCH}, True),
        ({"steps_to_resample": 20, "resampling_end": 0.5}, False),
    ],
)
def test_what_never_resamples_has_a_program_without_it(params, needed):
    configuration = configured(**{"synaptic_resampling": True, **params})
    needs = OF_RESAMPLING if needed else OF_WIRING
    expected = population(bucket_of(configuration), resampling=needed, choices=needs)
    assert programs_for(configuration) is expected


def test_one_that_resamples_is_enough_for_the_program_with_it():
    members = [configured(**NEVER), configured()]
    with_it = population(bucket_of(members[0]), choices=OF_RESAMPLING)
    assert programs_for(*members) is with_it


def test_members_that_differ_have_a_program_with_every_branch():
    members = [
        configured(resampling_inputs="uniform", **named)
        for named in ({}, {"resampling_rule": "soft", "connectivity": "local_receptive_fields"})
    ]
    common = choices(resampling_inputs="uniform")
    assert programs_for(*members) is population(bucket_of(members[0]), choices=common)


def test_members_that_are_wired_alike_share_but_how_they_begin_with_any():
    of_bucket = bucket_of(configured())
    one, any_other = (population(of_bucket, choices=c) for c in (OF_WIRING, frozenset()))
    assert one.init is not any_other.init
    assert (one.advance, one.evaluate) == (any_other.advance, any_other.evaluate)


def test_another_metric_takes_no_more_programs_than_the_one_that_measures():
    of_bucket = bucket_of(configured())
    plain, measured = (population(of_bucket, metric=m) for m in (ACCURACY, find_metric("auc")))
    assert plain.measure is None
    assert measured.measure is not None
    assert (measured.init, measured.advance) == (plain.init, plain.advance)
    assert measured.evaluate is plain.evaluate


def test_without_resampling_all_programs_but_the_steps_are_those_with_it():
    of_bucket = bucket_of(configured())
    with_it, without = (population(of_bucket, resampling=r) for r in (True, False))
    assert (without.init, without.evaluate) == (with_it.init, with_it.evaluate)
    assert without.advance is not with_it.advance


def test_without_resampling_steps_are_the_same_to_the_last_bit():
    never = configured(**NEVER)
    with_it = after_an_epoch(never, choices=OF_RESAMPLING)
    assert_equal(with_it, after_an_epoch(never, resampling=False, choices=OF_RESAMPLING))


@pytest.mark.parametrize(
    ("rule", "inputs"),
    [
        ("flat", "local"),
        ("shrinking", "uniform_free"),
        ("sigmoid", "uniform"),
        ("laplace", "local_free"),
        ("soft", "local"),
    ],
)
def test_synapses_move_the_same_whatever_else_their_program_could_do(rule, inputs):
    """Those of a layer that reads an image, and of one that reads none."""
    named = {"resampling_rule": rule, "resampling_inputs": inputs}
    configuration = configured(
        **named, architecture="sparse_somata", n_dendrites=8, percentage_resample=0.7
    )
    alone = after_an_epoch(configuration, choices=choices(**named))
    assert_equal(after_an_epoch(configuration), alone)


@pytest.mark.parametrize("padded", [False, True])
def test_synapses_are_drawn_the_same_whatever_else_their_program_could_draw(padded):
    members = [configured(connectivity=rule, field_std=1.5) for rule in CONNECTIVITIES]
    traced = trace_hyperparameters(members, STEPS_PER_EPOCH, padded=padded)
    of_bucket = bucket_of(members[0], padded=padded)
    together = on_host(population(of_bucket).init(traced, SEEDS))
    for column, rule in enumerate(CONNECTIVITIES):
        one = population(of_bucket, choices=choices(connectivity=rule)).init
        assert_equal(take(on_host(one(traced, SEEDS)), [column]), take(together, [column]))


def test_of_a_populations_programs_that_of_training_steps_alone_counts_as_one():
    made = make_population(bucket_of(configured()), False, frozenset(), ACCURACY, None)
    programs = (made.init, made.advance, made.evaluate, made.evaluate_folds)
    assert [program._trains for program in programs] == [False, True, False, False]
