"""A population whose columns train in blocks has the figures of one that trains as a whole."""

import functools
from unittest import mock

import jax
import numpy as np
import pytest
from small_populations import bucket_of, configured, data

from jdend.training import (
    Bucket,
    Outcome,
    Run,
    _blocks,
    compilations,
    find_metric,
    trains_in_blocks,
)
from jdend.training._blocks import block_width, cut, filled, in_blocks, joined

LENGTHS = (3, 1, 3, 2, 1, 2, 3)
RATES = (1e-2, 3e-3, 1e-3, 2e-3, 5e-3, 3e-2, 2e-2)
MEMBERS = [
    configured(n_epochs=n, lr=lr, schedule="cosine") for n, lr in zip(LENGTHS, RATES, strict=True)
]
BUCKET = bucket_of(MEMBERS[0])
SEEDS = (0, 5)


@pytest.fixture
def narrow_blocks(monkeypatch):
    """Blocks of three columns, whatever the size of the data and the machine."""
    monkeypatch.setattr(_blocks, "FEWEST_TRIAL_STEPS", 1)
    monkeypatch.setattr(_blocks, "TRIALS_A_PROCESSOR", 0)


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
    with mock.patch.object(_blocks, "FEWEST_TRIAL_STEPS", 1_000_000):
        some = run(metric=find_metric(metric))
    some.train_to(1)
    assert [state.failed_step.shape[1] for state in some._states] == [len(MEMBERS)]
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
    assert [state.failed_step.shape[1] for state in some._states] == [3, 3]  # two have ended
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


def test_snapshots_do_not_depend_on_blocks(narrow_blocks):
    some = run()
    some.train_to(1)
    content = some.snapshot().to_bytes()
    other = run()
    other.restore(content)
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
    assert [state.failed_step.shape[1] for state in some._states] == [1]
    some.train_to(3)
    assert_alike(some.outcomes(), of_the_whole())


def test_blocks_at_different_steps_are_not_joined(narrow_blocks):
    some = run()
    some.train_to(1)
    first, second = some._states
    late = jax.tree.map(lambda x: x, second)
    object.__setattr__(late, "step", late.step + 1)
    with pytest.raises(RuntimeError, match="not at the same step"):
        joined((first, late))


def test_a_state_is_cut_and_joined_without_change(narrow_blocks):
    some = run()
    some.train_to(1)
    whole = joined(some._states)
    again = joined(cut(whole, 4))
    np.testing.assert_array_equal(again.loss_sum[:, :6], whole.loss_sum)
    np.testing.assert_array_equal(again.loss_sum[:, 6:], whole.loss_sum[:, [0, 0]])


def test_the_last_block_is_filled_with_the_first_item():
    assert filled([5, 6, 7, 8], 3) == [5, 6, 7, 8, 5, 5]
    assert in_blocks([5, 6, 7, 8], 3) == [[5, 6, 7], [8, 5, 5]]
    assert in_blocks([5, 6], 2) == [[5, 6]]


@pytest.mark.parametrize(
    ("n_columns", "n_members", "steps", "width"),
    [
        (27, 2, 210, 3), (9, 2, 210, 3), (1, 2, 210, 1), (4, 2, 210, 2), (5, 2, 210, 3),
        (27, 1, 210, 3), (27, 1, 100, 5), (27, 2, 5, 27), (1000, 2, 5, 50),
    ],
)  # fmt: skip
def test_blocks_are_as_narrow_as_pays(monkeypatch, n_columns, n_members, steps, width):
    monkeypatch.setattr(_blocks.os, "cpu_count", lambda: 2)
    assert block_width(BUCKET, n_columns, n_members, steps) == width


def test_more_processors_have_wider_blocks(monkeypatch):
    monkeypatch.setattr(_blocks.os, "cpu_count", lambda: 16)
    assert block_width(BUCKET, 120, 2, 210) == 12
    assert block_width(BUCKET, 120, 1, 210) == 24


def test_what_is_streamed_and_other_kernels_train_as_a_whole():
    assert block_width(BUCKET, 27, 2, 210, streamed=True) == 27
    dense = Bucket(BUCKET.structure, kernel="dense")
    assert not trains_in_blocks(dense)
    assert block_width(dense, 27, 2, 210) == 27
