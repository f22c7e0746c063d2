"""Several workers share one search in PostgreSQL."""

import time

from searches import figures, options, run, start

from jdend.study import StudyError, open_study

# So long that it is killed midway on a fast machine, too.
TRIALS = ("--trials", "64", "--generation", "4", "--epochs", "100")


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
    victim = next(worker for worker in workers if worker.poll() is None)
    victim.kill()
    assert n_finished(postgres) < 64
    for worker in workers:
        _, said = worker.communicate(timeout=120)
        assert worker.returncode == (-9 if worker is victim else 0), said
    trials = open_study(postgres, "shared").study.trials
    assert [trial.state.name for trial in trials] == ["COMPLETE"] * 64
    places = {(t.user_attrs["generation"], t.user_attrs["position"]) for t in trials}
    assert len(places) == 64
    alone = figures(tmp_path / "alone")
    folders = [tmp_path / str(i) for i in range(4) if workers[i] is not victim]
    assert all(figures(folder) == alone for folder in folders)
