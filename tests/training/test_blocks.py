"""A population that trains in blocks side by side has the figures of one that is one block."""

import functools
import threading
from dataclasses import replace
from unittest import mock

import numpy as np
import pytest
from small_populations import BATCH, assert_equal, bucket_of, configured, data

from jdend.data import from_arrays, split
from jdend.training import (
    BlockShape,
    Bucket,
    Outcome,
    Run,
    _block_shape,
    _blocks,
    block_shape,
    compilations,
    compiled_bytes,
    estimate_bytes,
    find_metric,
    trains_in_blocks,
)
from jdend.training._block_shape import filled, have_one_end, in_blocks
from jdend.training._blocks import cut, cut_again, joined, side_by_side
from jdend.training._compilation import Program
from jdend.training._memory import state_bytes
from jdend.training._state import take

LENGTHS = (3, 1, 3, 2, 1, 2, 3)
RATES = (1e-2, 3e-3, 1e-3, 2e-3, 5e-3, 3e-2, 2e-2)
MEMBERS = [
    configured(n_epochs=n, lr=lr, schedule="cosine") for n, lr in zip(LENGTHS, RATES, strict=True)
]
BUCKET = bucket_of(MEMBERS[0])
SEEDS = (0, 5)


@pytest.fixture
def narrow_blocks(monkeypatch):
    """Blocks of three columns, whatever the size of the data."""
    monkeypatch.setattr(_block_shape, "FEWEST_TRIAL_STEPS", 1)


@pytest.fixture
def two_processors(monkeypatch):
    for module in (_blocks, _block_shape):
        monkeypatch.setattr(module, "n_processors", lambda: 2)


def shapes(some):
    """Of its blocks, in rows."""
    return [[state.failed_step.shape for state in row] for row in some._states]


def run(members=MEMBERS, seeds=SEEDS, **options):
    return Run(bucket_of(members[0]), members, seeds, data(), **options)


def finished(some):
    """Trained to the end; two are stopped on the way."""
    some.train_to(2)
    some.stop([0, 6])
    some.train_to(some.last_epoch)
    return some.outcomes()


@functools.cache
def of_the_whole(metric="accuracy"):
    with mock.patch.object(_block_shape, "trains_in_blocks", return_value=False):
        some = run(metric=find_metric(metric))
    some.train_to(1)
    assert shapes(some) == [[(len(SEEDS), len(MEMBERS))]]
    return finished(some)


def assert_alike(outcomes: list[Outcome], others: list[Outcome]):
    for one, other in zip(outcomes, others, strict=True):
        assert one.configuration == other.configuration
        assert one.stopped_epoch == other.stopped_epoch
        for name, values in one.history.items():
            np.testing.assert_allclose(values, other.history[name], atol=1e-5, err_msg=name)
        np.testing.assert_allclose(one.test_loss, other.test_loss, atol=1e-5)
        for name, values in one.measured.items():
            np.testing.assert_allclose(values, other.measured[name], atol=1e-5, err_msg=name)


@pytest.mark.parametrize("metric", ["accuracy", "balanced_accuracy"])
def test_blocks_have_the_figures_of_the_whole(narrow_blocks, metric):
    some = run(metric=find_metric(metric))
    some.train_to(1)
    assert shapes(some) == [[(1, 3), (1, 3)]] * 2  # two have ended
    assert_alike(finished(some), of_the_whole(metric))


def test_a_member_has_the_figures_that_it_has_alone(narrow_blocks):
    alone, some = run([MEMBERS[2]]), run()
    alone.train_to(3)
    some.train_to(3)
    assert_alike([some.outcomes()[2]], alone.outcomes())


def test_one_program_trains_any_number(narrow_blocks):
    """Nothing is compiled as trials end, nor for a population of another size."""
    finished(run())
    before = compilations()
    finished(run())
    finished(run([*MEMBERS, *MEMBERS]))
    assert compilations().programs == before.programs


def test_one_program_trains_any_number_of_seeds(narrow_blocks):
    finished(run(seeds=(0,)))
    before = compilations()
    finished(run(seeds=(3, 1, 4)))
    assert compilations().programs == before.programs


def test_a_row_of_blocks_has_one_seed(narrow_blocks):
    some = run(seeds=(3, 1, 4))
    some.train_to(1)
    assert [[state.seeds.tolist() for state in row] for row in some._states] == [
        [[seed]] * 2 for seed in (3, 1, 4)
    ]


def test_folds_train_in_blocks_of_all_seeds(narrow_blocks):
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (200, 6, 6)).astype(np.uint8), np.arange(200) % 4
    parts = split(from_arrays(images, labels, images, labels), folds=2)
    some = Run(bucket_of(MEMBERS[0]), MEMBERS[2:], SEEDS, parts)
    some.train_to(1)
    assert shapes(some) == [[(4, 3), (4, 3)]]
    assert some._states[0][0].seeds.tolist() == [0, 0, 5, 5]


def test_blocks_train_at_the_same_time(narrow_blocks, two_processors, monkeypatch):
    """Each waits in its first call until another has come."""
    both, call = threading.Barrier(2, timeout=60), Program.__call__

    def meet(self, *arguments):
        if self._function.__name__ == "advance":
            both.wait()
        return call(self, *arguments)

    some = run(MEMBERS[2:3])
    some.train_to(1)
    monkeypatch.setattr(Program, "__call__", meet)
    some.train_to(2)
    assert some.epoch == 2


def test_as_many_blocks_train_at_a_time_as_there_are_processors(two_processors):
    running, most, lock = 0, 0, threading.Lock()
    both = threading.Barrier(2, timeout=60)

    def work(number):
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        both.wait()
        with lock:
            running -= 1
        return 10 * number

    assert side_by_side(work, range(6)) == [0, 10, 20, 30, 40, 50]
    assert most == 2


def test_one_block_stays_in_the_thread_that_trains_it():
    assert side_by_side(lambda _: threading.current_thread(), [0]) == [threading.current_thread()]


def test_an_exception_comes_when_all_blocks_that_began_are_done(two_processors):
    both, failing, done = threading.Barrier(2, timeout=60), threading.Event(), []

    def work(number):
        if number == 0:
            both.wait()
            failing.set()
            raise ValueError("the first")
        both.wait()
        failing.wait()
        done.append(number)

    with pytest.raises(ValueError, match="the first"):
        side_by_side(work, range(2))
    assert done == [1]


def test_a_run_whose_block_failed_has_lost_its_state(narrow_blocks, monkeypatch):
    """Other blocks have taken the step, so nothing tells what all of them had before."""
    some, call, calls = run(), Program.__call__, []
    some.train_to(1)

    def fail_second(self, *arguments):
        if self._function.__name__ == "advance":
            calls.append(self)
            if len(calls) == 2:
                raise RuntimeError("of one block")
        return call(self, *arguments)

    monkeypatch.setattr(Program, "__call__", fail_second)
    with pytest.raises(RuntimeError, match="of one block"):
        some.train_to(2)
    with pytest.raises(RuntimeError, match="deleted"):
        some.snapshot()


def test_runs_train_in_several_threads_at_once(narrow_blocks):
    found = side_by_side(lambda _: finished(run()), range(3))
    for outcomes in found:
        assert_alike(outcomes, of_the_whole())


def test_snapshots_do_not_depend_on_blocks(narrow_blocks):
    some = run()
    some.train_to(1)
    with mock.patch.object(_block_shape, "trains_in_blocks", return_value=False):
        between = run()
    between.restore(some.snapshot().to_bytes())
    other = run()
    other.restore(between.snapshot().to_bytes())
    assert other.live == some.live
    expected, found = finished(some), finished(other)
    for one, another in zip(expected, found, strict=True):
        np.testing.assert_array_equal(one.test_loss, another.test_loss)


def test_what_was_restored_may_be_stopped_before_it_trains(narrow_blocks):
    some = run()
    some.train_to(2)
    other = run()
    other.restore(some.snapshot().to_bytes())
    other.stop([0, 6])
    other.train_to(3)
    assert_alike(other.outcomes(), of_the_whole())


def test_the_last_block_may_become_narrower(narrow_blocks):
    some = run(narrow=lambda width, live, steps: live)
    some.train_to(2)
    some.stop([0, 6])
    assert shapes(some) == [[(1, 1)]] * 2
    some.train_to(3)
    assert_alike(some.outcomes(), of_the_whole())


def test_blocks_at_different_steps_are_not_joined(narrow_blocks):
    some = run()
    some.train_to(1)
    first, (second, third) = some._states
    late = replace(third, step=third.step + 1)
    with pytest.raises(RuntimeError, match="not at the same step"):
        joined((first, (second, late)))


def test_a_state_is_cut_and_joined_without_change(narrow_blocks):
    some = run()
    some.train_to(1)
    whole = joined(some._states)
    assert whole.seeds.tolist() == list(SEEDS)
    for seeds in (1, 2):
        again = joined(cut(whole, BlockShape(seeds, 4)))
        assert_equal(take(again, range(6)), whole)
        assert_equal(take(again, [6, 7]), take(whole, [0, 0]))


def test_blocks_of_a_snapshot_are_no_wider_than_they_were(narrow_blocks):
    some = run()
    some.train_to(1)
    whole = joined(some._states)

    def of_width(n, width):
        rows = cut_again(take(whole, range(n)), BlockShape(1, width), 5)
        return [[state.failed_step.shape for state in row] for row in rows]

    assert cut_again(None, BlockShape(1, 3), 5) == ()
    assert of_width(2, 3) == [[(1, 2)]] * 2
    assert of_width(6, 3) == [[(1, 3), (1, 3)]] * 2
    assert of_width(6, 5) == [[(1, 5)]] * 2


def test_the_last_block_is_filled_with_the_first_item():
    assert filled([5, 6, 7, 8], 3) == [5, 6, 7, 8, 5, 5]
    assert in_blocks([5, 6, 7, 8], 3) == [[5, 6, 7], [8, 5, 5]]
    assert in_blocks([5, 6], 2) == [[5, 6]]


def sized(steps):
    """Data with so many training steps in an epoch, of which only the size is read."""
    return replace(
        data(),
        train_x=np.broadcast_to(np.uint8(0), (steps * BATCH, 36)),
        train_y=np.broadcast_to(np.int64(0), steps * BATCH),
    )


@pytest.mark.parametrize(
    ("n_columns", "steps", "width"),
    [
        (27, 210, 3), (9, 210, 3), (1, 210, 1), (4, 210, 2), (5, 210, 3),
        (27, 100, 5), (27, 10, 27), (1000, 5, 100), (4, 0, 4),
    ],
)  # fmt: skip
@pytest.mark.parametrize("n_seeds", [1, 2, 3])
def test_blocks_have_one_seed_and_are_as_narrow_as_pays(n_columns, steps, width, n_seeds):
    assert block_shape(BUCKET, n_columns, n_seeds, sized(steps)) == (1, width)


@pytest.mark.parametrize(
    ("n_columns", "width"), [(7, 3), (8, 8), (9, 3), (15, 8), (24, 8), (27, 3), (32, 8), (81, 8)]
)
def test_blocks_are_wider_where_all_configurations_have_one_end(two_processors, n_columns, width):
    assert block_shape(BUCKET, n_columns, 2, sized(210), one_end=True) == (1, width)


def test_blocks_are_no_wider_than_leaves_one_for_each_processor(monkeypatch):
    monkeypatch.setattr(_block_shape, "n_processors", lambda: 8)
    assert block_shape(BUCKET, 32, 2, sized(210), one_end=True) == (1, 8)
    assert block_shape(BUCKET, 32, 1, sized(210), one_end=True) == (1, 3)


def test_configurations_have_one_end_where_nothing_leaves_any_out():
    one, longer = configured(n_epochs=2), configured(n_epochs=3)
    assert have_one_end([one, one], None)
    assert not have_one_end([one, longer], None)
    assert not have_one_end([one, one], lambda width, live, steps: width)


def test_what_is_streamed_and_other_kernels_train_as_a_whole():
    assert block_shape(BUCKET, 27, 2, sized(210), streamed=True) == (2, 27)
    dense = Bucket(BUCKET.structure, kernel="dense")
    assert not trains_in_blocks(dense)
    assert block_shape(dense, 27, 2, sized(210)) == (2, 27)


@pytest.mark.parametrize(
    ("n_seeds", "n_columns", "at_once"),
    [(1, 1, 1), (1, 3, 1), (1, 4, 2), (2, 3, 2), (2, 4, 4), (2, 27, 4)],
)
def test_as_many_blocks_are_trained_at_once_as_there_are_processors(
    monkeypatch, n_seeds, n_columns, at_once
):
    monkeypatch.setattr(_block_shape, "n_processors", lambda: 4)
    assert BlockShape(1, 3).at_once(n_seeds, n_columns) == at_once


def test_blocks_that_wait_take_memory_for_their_state_alone(two_processors):
    def estimated(n_seeds, block=None):
        return estimate_bytes(BUCKET, 6, n_seeds, block=block)

    whole = [estimated(n) for n in (1, 2, 3)]
    in_blocks = [estimated(n, BlockShape(1, 6)) for n in (1, 2, 3)]
    assert in_blocks[:2] == whole[:2]  # all train at once
    assert in_blocks[2] - in_blocks[1] == 6 * state_bytes(BUCKET)
    assert whole[2] - whole[1] > 6 * state_bytes(BUCKET)


def test_the_compiler_says_what_blocks_take_that_train_at_once(narrow_blocks, monkeypatch):
    def compiled(n_processors):
        monkeypatch.setattr(_block_shape, "n_processors", lambda: n_processors)
        return compiled_bytes(BUCKET, MEMBERS, SEEDS, data())

    taken = [compiled(n) for n in (1, 2, 3, 6, 8)]
    steps = np.diff(taken)
    assert (steps[:3] > 0).all()
    assert steps[2] == 3 * steps[0]
    assert steps[3] == 0  # there are six blocks
