"""Which trials train together."""

import functools

import pytest

from jdend.models import Problem, configure
from jdend.search import SearchError
from jdend.search.planning import planner
from jdend.search.planning.cost_model import column_count, narrowing
from jdend.search.planning.population import Trial

PROBLEM = Problem(64, 10, (8, 8, 1))

plan = functools.partial(planner.plan, kernel="native")
programs = functools.partial(planner.programs, kernel="native")


def trial(seeds=(0,), **params):
    return Trial(configure({"n_dendrite_inputs": 16, **params}, PROBLEM), seeds)


def test_trials_of_one_structure_and_the_same_seeds_share_a_program():
    trials = [
        trial(n_neurons=5),
        trial(n_neurons=6),
        trial(n_neurons=5, lr=0.1, n_epochs=3, strategy="local_receptive_fields"),
        trial(n_neurons=5, seeds=(0, 1)),
        trial(n_neurons=5, batch_size=64),
        trial(n_neurons=6, synaptic_resampling=False),
    ]
    groups = plan(trials, "exact")
    assert [group.members for group in groups] == [(0, 2), (1, 5), (3,), (4,)]
    assert [group.seeds for group in groups] == [(0,), (0,), (0, 1), (0,)]
    for group in groups:
        assert group.bucket.structure == trials[group.members[0]].configuration.structure
        assert not group.bucket.padded


def test_unknown_modes_are_refused():
    with pytest.raises(SearchError, match="unknown buckets 'padding'"):
        plan([], "padding")


def test_exact_buckets_have_as_many_programs_as_shapes():
    with pytest.raises(SearchError, match="max_programs does not go with exact buckets"):
        plan([trial()], "exact", max_programs=2)


def shaped(n_neurons, n_inputs=16, **params):
    return trial(n_neurons=n_neurons, n_dendrite_inputs=n_inputs, **params)


def test_generations_share_programs_that_take_all_that_a_sample_holds():
    sample = [shaped(2 + i % 9, 3 + i % 13) for i in range(60)]
    shared = programs(sample, 20, mode="padded")
    assert len(shared) == 1
    for generation in (sample[:7], sample[7:14], sample[30:36]):
        groups = plan(generation, "padded", within=shared)
        assert [group.bucket for group in groups] == [shared[0].bucket]
        assert sum(len(group.members) for group in groups) == len(generation)
        assert groups[0].width == len(generation)
    # Where populations do not train in blocks, few widths are compiled.
    (dense,) = planner.programs(sample, 20, mode="padded", kernel="dense")
    (group,) = planner.plan(sample[:7], "padded", kernel="dense", within=[dense])
    assert group.width == column_count(7) > 7


def test_a_program_grows_until_the_rest_of_the_sample_fits():
    (program,) = programs([shaped(4, 9), shaped(6, 3), shaped(9, 2)], 2, mode="padded")
    assert program.bucket.padded
    assert program.bucket.structure.sizes["n_neurons"] == 9
    assert program.bucket.structure.sizes["n_dendrite_inputs"] == 9
    assert len(programs([shaped(4), shaped(6), shaped(9, seeds=(1,))], 2, mode="padded")) == 2


def test_what_fits_no_shared_program_has_one_of_its_own():
    shared = programs([shaped(4), shaped(6)], mode="padded")
    groups = plan([shaped(5), shaped(9), shaped(5, seeds=(1,))], "padded", within=shared)
    assert [group.members for group in groups] == [(0,), (1,), (2,)]
    assert groups[0].bucket == shared[0].bucket


def test_shared_programs_cover_architectures_that_the_planned_part_lacks():
    sample = [shaped(4), shaped(6), trial(architecture="mlp", n_neurons=3)]
    shared = programs(sample, 2, mode="padded")
    groups = plan(sample, "padded", within=shared)
    assert {group.bucket for group in groups} == {group.bucket for group in shared}


def test_a_trial_takes_the_smallest_program_that_it_fits():
    small, large = (programs([shaped(1, 2), shaped(n, 16)], mode="padded") for n in (4, 20))
    groups = plan([shaped(3, 5)], within=[*large, *small])
    assert groups[0].bucket == small[0].bucket


@pytest.mark.parametrize(
    ("n", "columns"),
    [(1, 1), (2, 2), (3, 3), (4, 4), (5, 6), (7, 8), (9, 12), (13, 16), (17, 24), (25, 32)],
)
def test_few_widths_are_compiled(n, columns):
    assert column_count(n) == columns


def test_a_population_is_narrowed_where_that_saves_more_than_a_program_costs():
    narrow = narrowing(plan([shaped(5)])[0].bucket, 500.0, 1)
    assert narrow(32, 8, 10_000_000) == 8
    assert narrow(32, 9, 10_000_000) == 12
    assert narrow(32, 8, 10) == 32


def parts(seconds, n_workers, n_trials=8):
    """How many trials are in each part of populations that train for so long."""
    trials = [shaped(5 + i) for i in range(len(seconds)) for _ in range(n_trials)]
    populations = plan(trials, "exact")
    divided = planner.divided(populations, seconds, n_workers)
    assert sorted(i for p in divided for i in p.members) == list(range(len(trials)))
    return [len(population.members) for population in divided]


def test_columns_are_divided_where_there_are_fewer_populations_than_workers():
    assert parts([100.0, 100.0], 2) == [8, 8]
    assert parts([100.0, 100.0], 4) == [4, 4, 4, 4]
    assert parts([100.0], 3) == [3, 3, 2]
    assert parts([100.0], 1) == [8]


def test_what_trains_longer_than_its_share_is_divided():
    assert parts([100.0, 10.0], 4) == [2, 2, 2, 2, 8]
    assert parts([90.0, 10.0, 10.0, 10.0], 3) == [3, 3, 2, 8, 8, 8]


def test_short_populations_and_single_trials_are_not_divided():
    assert parts([planner.MIN_SECONDS_OF_PART * 2.5], 8) == [4, 4]
    assert parts([1e6], 8, n_trials=3) == [1, 1, 1]


@pytest.mark.parametrize(("kernel", "width"), [("native", 5), ("dense", column_count(5))])
def test_parts_have_the_bucket_of_the_whole_and_a_usual_width(kernel, width):
    whole = planner.plan([shaped(5) for _ in range(10)], "exact", kernel=kernel)
    for part in planner.divided(whole, [100.0], 2):
        assert (part.bucket, part.seeds) == (whole[0].bucket, whole[0].seeds)
        assert part.width == width


def test_shared_programs_that_are_used_count_among_the_most():
    taken = [shaped(n, seeds=(1,)) for n in (5, 6)]
    apart = [shaped(n, n_epochs=100) for n in (2, 300)]
    shared = programs(taken, mode="padded")
    planned = functools.partial(plan, [*taken, *apart], within=shared, weight=1000.0)
    assert len(planned()) == 3
    assert len(planned(max_programs=2)) == 2
