"""Where a thread's time goes."""

import threading
import time

import pytest

from jdend._phases import phase, seconds_by_phase


def spent(work):
    before = seconds_by_phase()
    work()
    now = seconds_by_phase()
    return {name: now[name] - before.get(name, 0.0) for name in now}


def test_the_innermost_phase_counts():
    def work():
        with phase("outer"):
            time.sleep(0.02)
            with phase("inner"):
                time.sleep(0.06)

    seconds = spent(work)
    assert seconds["inner"] >= 0.06
    assert 0.02 <= seconds["outer"] < 0.06


def test_they_add_up_to_all_time():
    @phase("work")
    def work():
        time.sleep(0.01)

    begun = time.perf_counter()
    seconds = spent(lambda: (work(), time.sleep(0.01), work()))
    assert sum(seconds.values()) == pytest.approx(time.perf_counter() - begun, abs=0.005)


def test_a_phase_that_fails_has_its_time_and_ends():
    @phase("failing")
    def fail():
        time.sleep(0.01)
        raise KeyError

    def work():
        with pytest.raises(KeyError):
            fail()
        time.sleep(0.01)

    seconds = spent(work)
    assert seconds["failing"] >= 0.01
    assert seconds["other"] >= 0.01


def test_threads_are_counted_by_themselves():
    def elsewhere():
        with phase("elsewhere"):
            time.sleep(0.01)

    def work():
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()

    assert "elsewhere" not in spent(work)
