"""What each rung stopped, and how near it was."""

from made_up import result

from jdend.report._stopping import rungs_of

GENERATION = (
    result(0.9, curve=[0.5, 0.7, 0.9]),
    result(0.6, curve=[0.6, 0.6], stopped=2),
    result(0.4, curve=[0.4], stopped=1),
    result(0.3, curve=[0.3], stopped=1),
)


def test_a_rung_has_what_it_stopped_and_what_went_on():
    first, second = rungs_of([GENERATION])
    assert (first.epoch, first.reached, first.stopped) == (1, 4, 2)
    assert (first.best_stopped, first.weakest_kept) == (0.4, 0.5)
    assert (second.epoch, second.reached, second.stopped) == (2, 2, 1)
    assert (second.best_stopped, second.weakest_kept) == (0.6, 0.7)
    assert not first.crosses


def test_generations_are_counted_from_one():
    assert [rung.generation for rung in rungs_of([GENERATION, GENERATION])] == [1, 1, 2, 2]


def test_without_stopped_trials_there_is_no_rung():
    assert rungs_of([GENERATION[:1]]) == []


def test_brackets_may_keep_what_others_stop():
    rungs = rungs_of([(result(0.9, curve=[0.2, 0.9]), result(0.5, curve=[0.5], stopped=1))])
    assert rungs[0].crosses


def test_what_was_not_measured_is_left_out():
    nan = float("nan")
    rungs = rungs_of([(result(0.9, curve=[nan, 0.9]), result(nan, curve=[nan], stopped=1))])
    assert (rungs[0].best_stopped, rungs[0].weakest_kept) == (None, None)
