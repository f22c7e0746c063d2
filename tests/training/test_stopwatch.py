"""A stopwatch adds up what is spent within it."""

import pytest

from jdend._phases import seconds_by_phase
from jdend.training import _stopwatch
from jdend.training._stopwatch import Stopwatch


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands at `now[0]`."""
    now = [100.0]
    monkeypatch.setattr(_stopwatch.time, "perf_counter", lambda: now[0])
    return now


def test_it_begins_at_zero():
    assert Stopwatch("work").seconds == 0.0


def test_blocks_and_what_is_added_are_summed(clock):
    watch = Stopwatch("work")
    with watch:
        clock[0] += 2.0
    clock[0] += 50.0  # outside of its blocks
    watch.add(0.5)
    with watch:
        clock[0] += 3.0
    assert watch.seconds == 5.5


def test_within_a_block_the_time_so_far_counts(clock):
    watch = Stopwatch("work")
    watch.add(1.0)
    with watch:
        clock[0] += 2.0
        assert watch.seconds == 3.0


def test_its_blocks_are_a_phase_of_the_thread(clock):
    watch, before = Stopwatch("a stopwatch's work"), seconds_by_phase()
    with watch:
        clock[0] += 2.0
    clock[0] += 3.0
    now = seconds_by_phase()
    assert now["a stopwatch's work"] == 2.0
    assert now["other"] - before["other"] == 3.0
