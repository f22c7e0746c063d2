"""A run that was broken off goes on from its snapshot, with the figures of an undisturbed one."""

import dataclasses
import functools
import os
import signal

import numpy as np
import pytest
from small_populations import assert_equal, bucket_of, configured, data

from jdend.training import Run, _interruption, compilations

LENGTHS = (1, 3, 2, 3)
MEMBERS = [configured(n_epochs=n, lr=1e-2, schedule="cosine") for n in LENGTHS]
BUCKET = bucket_of(MEMBERS[0])
N_REPORTS = 4  # in the middle of the first epoch, and at the end of each


def narrow(width, live, steps):
    return live if 2 * live <= width else width


def run(members=MEMBERS, *, on_progress=None):
    return Run(
        bucket_of(members[0]), members, (0, 5), data(), on_progress=on_progress, narrow=narrow
    )


def finished(some, *, stop_at=2):
    """Trains to the end; one is stopped on the way."""
    some.train_to(stop_at)
    some.stop([3])
    some.train_to(some.last_epoch)
    return some.outcomes()


@functools.cache
def undisturbed():
    return finished(run())


def broken_off(after, **options):
    """A run that Ctrl-C ends at its n-th report, counted from 0."""
    n_reports = 0

    def interrupt(progress):
        nonlocal n_reports
        n_reports += 1
        if n_reports > after:
            raise KeyboardInterrupt

    some = run(**options, on_progress=interrupt)
    with pytest.raises(KeyboardInterrupt):
        finished(some)
    return some


def restored(snapshot, **options):
    some = run(**options)
    some.restore(snapshot.to_bytes())
    return some


def assert_same(outcomes, expected):
    for one, other in zip(outcomes, expected, strict=True):
        for name, values in vars(other).items():
            if name != "seconds":
                assert_equal(getattr(one, name), values)


@pytest.mark.parametrize("after", range(N_REPORTS))
def test_it_goes_on_with_the_figures_of_an_undisturbed_run(after):
    some = broken_off(after)
    assert some.steps_done == (4, 12, 24, 36)[after]
    assert_same(finished(restored(some.snapshot())), undisturbed())


def test_the_state_is_the_same_bit_for_bit():
    snapshot = broken_off(1).snapshot()
    again = restored(snapshot).snapshot()
    assert_equal(again.state, snapshot.state)
    assert [columns for columns, _ in again.ended] == [[0]]
    assert_equal([state for _, state in again.ended], [state for _, state in snapshot.ended])
    assert again.to_bytes() == snapshot.to_bytes()


def test_the_snapshot_of_a_finished_run_has_its_outcomes_and_no_state():
    some = run()
    finished(some)
    snapshot = some.snapshot()
    assert snapshot.state is None
    assert not snapshot.ended
    before = compilations()
    again = restored(snapshot)
    again.train_to(again.last_epoch)
    assert_same(again.outcomes(), undisturbed())
    assert again.outcomes()[0].seconds == some.outcomes()[0].seconds
    assert compilations() == before


def test_of_what_a_rung_knew_nothing_is_lost():
    at_two = run()
    at_two.train_to(2)
    some = restored(broken_off(3).snapshot())
    assert some.epoch == 3
    expected = at_two.score
    np.testing.assert_array_equal(some.score_after(2), expected)
    np.testing.assert_array_equal(some.score_after(9), some.score)


@pytest.mark.parametrize(
    "members",
    [
        pytest.param([configured(n_epochs=n) for n in (3, 3, 3, 9)], id="lengths"),
        pytest.param([configured(n_neurons=4, n_epochs=n) for n in LENGTHS], id="fields"),
    ],
)
def test_the_snapshot_of_another_run_is_refused(members):
    content = broken_off(1).snapshot().to_bytes()
    with pytest.raises(ValueError, match="not the snapshot of such a population"):
        run(members).restore(content)


@pytest.mark.parametrize("length", [0, 7, 1000])
def test_a_torn_file_is_refused(length):
    content = broken_off(0).snapshot().to_bytes()
    with pytest.raises(ValueError, match="not the snapshot of such a population"):
        run().restore(content[:length])


class Interrupted:
    """A program of two blocks, in whose second steps Ctrl-C comes."""

    def __init__(self, program):
        self.compile, self._program, self._n_calls = program.compile, program, 0

    def __call__(self, *arguments):
        self._n_calls += 1
        if self._n_calls == 3:
            os.kill(os.getpid(), signal.SIGINT)
        return self._program(*arguments)


def test_a_signal_in_the_middle_of_a_step_is_heard_after_it():
    some = run()
    programs = some._population
    some.__dict__["_population"] = dataclasses.replace(
        programs,
        advance=Interrupted(programs.advance),  # pyright: ignore[reportArgumentType]
    )
    with pytest.raises(KeyboardInterrupt):
        finished(some)
    assert some.steps_done == 12
    assert_same(finished(restored(some.snapshot())), undisturbed())


def interrupt_twice(reached):
    with _interruption.uninterrupted():
        os.kill(os.getpid(), signal.SIGINT)
        reached.append("between")
        os.kill(os.getpid(), signal.SIGINT)
        reached.append("after")


def test_a_second_signal_is_heard_at_once():
    reached = []
    with pytest.raises(KeyboardInterrupt):
        interrupt_twice(reached)
    assert reached == ["between"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
