"""Several workers share one search in PostgreSQL."""

import time

from searches import figures, options, run, start

from jdend.study import StudyError, open_study

TRIALS = ("--trials", "64", "--generation", "4")


def n_finished(storage):
    try:
        return len(open_study(storage, "shared").finished)
    except StudyError:  # nobody has made it yet
        return 0


def test_four_workers_one_of_them_killed_find_what_one_finds(tmp_path, postgres):
    small = (*options(tmp_path), *TRIALS)
    run(*small, "--out", tmp_path / "alone")
    shared = (*small, "--storage", postgres, "--study", "shared")
    workers = [start(*shared, "--out", tmp_path / str(i)) for i in range(4)]
    while n_finished(postgres) < 4:
        assert any(worker.poll() is None for worker in workers)
        time.sleep(0.05)
    workers[0].kill()
    for worker in workers:
        _, said = worker.communicate(timeout=120)
        assert worker.returncode == (-9 if worker is workers[0] else 0), said
    trials = open_study(postgres, "shared").study.trials
    assert [trial.state.name for trial in trials] == ["COMPLETE"] * 64
    places = {(t.user_attrs["generation"], t.user_attrs["position"]) for t in trials}
    assert len(places) == 64
    alone = figures(tmp_path / "alone")
    assert all(figures(tmp_path / str(i)) == alone for i in (1, 2, 3))
