"""Searches by the clock, and several budgets in one; training is a stand-in."""

import pytest

from jdend import HyperparameterSearcher
from jdend.search import SearchError
from jdend.search.cli.main import main
from jdend.search.driver import time_limit as clock
from jdend.search.driver.time_limit import TimeLimit

SPACE = {
    "n_neurons": (3, 12),
    "n_dendrites": (2, 8),
    "n_dendrite_inputs": (8, 64),
    "lr": (1e-3, 1e-2),
}


class Time:
    """A clock that a test moves."""

    def __init__(self):
        self.now = 0.0

    def monotonic(self):
        return self.now


@pytest.fixture
def time(monkeypatch):
    moved = Time()
    monkeypatch.setattr(clock, "time", moved)
    return moved


def n_generations(time, seconds, laps, waited=0.0, **arguments):
    """How many generations of given lengths a clock allows."""
    watch = TimeLimit(seconds, **arguments)
    watch.reserve_for(2.0)
    watch.begin()
    for n, lap in enumerate(laps):
        time.now += lap
        if watch.is_over(waited):
            return n + 1
    return None


def test_no_generation_begins_that_would_end_late(time):
    assert n_generations(time, 100, [10.0] * 20) == 9


def test_what_the_first_one_waited_for_is_not_expected_again(time):
    assert n_generations(time, 100, [60.0, *[10.0] * 20], waited=50.0) == 4


def test_the_longest_of_the_last_generations_counts(time):
    assert n_generations(time, 100, [10, 10, 30, 10, 10, 10]) == 5


def test_time_may_have_begun_before(time):
    time.now = 60.0
    assert n_generations(time, 100, [10.0] * 20, since=0.0) == 3


def test_time_may_be_kept_for_what_follows(time):
    assert n_generations(time, 100, [10.0] * 20, n_retrained=2) == 7


@pytest.mark.parametrize("seconds", [0, -1, float("inf"), float("nan"), True, "10m"])
def test_impossible_times(seconds):
    with pytest.raises(SearchError, match="seconds must be a positive number"):
        TimeLimit(seconds)


@pytest.fixture
def search(small_images, instant_training):
    def make(**settings):
        return HyperparameterSearcher(small_images, n_epochs=2, verbose=False, **settings)

    return make


def test_a_search_ends_by_the_clock(search):
    searcher = search(max_params=1000)
    found = searcher.optimize(SPACE, None, "random", seconds=1.0)
    assert found
    again = search(max_params=1000).optimize(SPACE, len(found), "random")
    assert [r.params for r in found] == [r.params for r in again]


def test_a_search_ends_with_its_trials_if_that_is_sooner(search):
    assert len(search(max_params=1000).optimize(SPACE, 5, "random", seconds=600.0)) == 5


@pytest.mark.parametrize("strategy", ["random", "tpe"])
def test_an_end_is_needed(search, strategy):
    with pytest.raises(SearchError, match="give n_trials, or seconds"):
        search(max_params=1000).optimize(SPACE, None, strategy)


@pytest.mark.parametrize("strategy", ["random", "tpe"])
def test_several_budgets_have_their_trials_each(search, strategy):
    found = search(max_params=1000).optimize(SPACE, 12, strategy, budgets=[500, 1000])
    assert sum(400 <= r.total_params <= 500 for r in found) == 12
    assert sum(800 <= r.total_params <= 1000 for r in found) == 12


def test_several_budgets_share_programs(search, instant_training):
    search(buckets="padded").optimize(SPACE, 12, "random", budgets=[500, 700, 1000])
    assert len({bucket for bucket, _, _ in instant_training}) == 1


def test_a_space_may_follow_from_the_budget(search):
    found = search().optimize(
        lambda budget: {**SPACE, "n_neurons": [budget // 100]}, 4, "random", budgets=[500, 1000]
    )
    assert {(r.total_params > 500, r.params["n_neurons"]) for r in found} == {
        (False, 5),
        (True, 10),
    }


@pytest.mark.parametrize("budgets", [[], [500, 500]])
def test_budgets_differ(search, budgets):
    with pytest.raises(SearchError, match="budgets must be different numbers"):
        search().optimize(SPACE, 4, "random", budgets=budgets)


@pytest.fixture
def command(no_download, instant_training, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: main([*arguments, "--quiet", "--epochs", "2"])


def test_one_table_has_the_best_of_each_budget(command, capsys):
    assert command("--budget", "2_000,1000", "--trials", "4", "--seeds", "1") == 0
    heading, *rows = capsys.readouterr().out.splitlines()
    assert heading.split()[0] == "budget"
    assert [row.split()[0] for row in rows[:2]] == ["1,000", "2,000"]


def test_a_time_needs_no_number_of_trials(command, capsys):
    assert command("--budget", "1000", "--time", "1s", "--seeds", "1") == 0
    assert "valid." in capsys.readouterr().out


def test_a_dry_run_tells_how_many_trials_there_is_time_for(command, capsys):
    assert command("--budget", "8000", "--time", "1h30m", "--dry-run") == 0
    assert "as many generations as end in 5400 s: about" in capsys.readouterr().out


def test_a_dry_run_may_compile(command, capsys):
    assert command("--budget", "1000", "--trials", "2", "--dry-run", "--compile") == 0
    assert "2 trials in" in capsys.readouterr().out
