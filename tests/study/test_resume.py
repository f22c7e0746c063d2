"""A search that is killed again and again finds what an undisturbed one finds."""

import json
import random
import signal
import time

from searches import figures, options, run, start

from jdend.study import StudyError, open_study
from jdend.study._folder import JOURNAL
from jdend.study._lock import files_of_lock

N_KILLS = 20
N_GENERATIONS, N_TRIALS = 60, 120
TRIALS = ("--trials", N_TRIALS, "--generation", N_TRIALS // N_GENERATIONS)


def training(folder, process=None):
    """The generations that are finished, and whether a process trains one now."""
    try:
        study = open_study(folder)
        holder = json.loads(files_of_lock(folder / JOURNAL)[1].read_text())["process"]
    except (StudyError, OSError, ValueError):
        return len(open_study(folder).finished) if process is None else 0, False
    is_here = process is not None and process.pid == holder
    return len(study.finished), is_here and len(study.begun()) > len(study.finished)


def test_twenty_kills_lose_nothing_and_count_nothing_twice(tmp_path):
    rng = random.Random(0)
    small, folder = (*options(tmp_path), *TRIALS), tmp_path / "out"
    table = run(*small, "--out", tmp_path / "undisturbed")
    for _ in range(N_KILLS):
        process = start(*small, "--out", folder, "--resume")
        while process.returncode is None and not training(folder, process)[1]:
            time.sleep(0.02)
        assert process.returncode is None, process.end()
        time.sleep(rng.uniform(0, 0.25))
        process.send_signal(signal.SIGKILL)
        process.end()
    assert training(folder)[0] < N_GENERATIONS  # the last kill came before the end
    assert run(*small, "--out", folder, "--resume") == table
    assert figures(folder) == figures(tmp_path / "undisturbed")
    assert len(open_study(folder).study.trials) == N_TRIALS
