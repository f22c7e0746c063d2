"""Several workers share one search in PostgreSQL."""

import signal
import time

from searches import figures, options, run, start

from jdend.study import StudyError, open_study

TRIALS = ("--trials", "32", "--generation", "4")


def is_at_work(worker, storage):
    """Whether it holds a generation that it has not finished."""
    try:
        study = open_study(storage, "shared")
    except StudyError:  # nobody has made it yet
        return False
    study.look()
    return worker.pid in [holding.process for holding in study.holdings(but=None)]


def test_four_workers_one_of_them_killed_find_what_one_finds(tmp_path, postgres):
    small = (*options(tmp_path), *TRIALS)
    run(*small, "--out", tmp_path / "alone")
    shared = (*small, "--storage", postgres, "--study", "shared")
    victim = start(*shared, "--out", tmp_path / "victim")
    others = [start(*shared, "--out", tmp_path / str(i)) for i in range(3)]
    while not is_at_work(victim, postgres):
        assert victim.poll() is None
        time.sleep(0.02)
    victim.kill()
    assert len(open_study(postgres, "shared").finished) < 8
    for worker in others:
        _, said = worker.communicate(timeout=180)
        assert worker.returncode == 0, said
    assert victim.wait() == -signal.SIGKILL
    trials = open_study(postgres, "shared").study.trials
    assert [trial.state.name for trial in trials] == ["COMPLETE"] * 32
    places = {(t.user_attrs["generation"], t.user_attrs["position"]) for t in trials}
    assert len(places) == 32
    alone = figures(tmp_path / "alone")
    assert all(figures(tmp_path / str(i)) == alone for i in range(3))
