"""A second process in one study is refused, in one line that says who is there."""

import json
import os
import re
import signal
import socket
import time

import pytest
from searches import figures, options, run, start

from jdend.study import StudyError, open_study
from jdend.study._optuna_ledger import OptunaLedger

TRIALS = ("--trials", "6", "--generation", "3")


def began(place, name=None):
    """Whether a search has begun its first generation."""
    try:
        return bool(open_study(place, name).begun())
    except StudyError:
        return False


@pytest.fixture(params=["a folder", "sqlite", "postgres"])
def place(request, tmp_path):
    """Where the study is: options of the command line, and what opens it."""
    folder = tmp_path / "out"
    if request.param == "a folder":
        return ("--out", folder), (folder, "search")
    url = f"sqlite:///{tmp_path}/study.db"
    if request.param == "postgres":
        url = request.getfixturevalue("postgres")
    return ("--storage", url, "--study", "one", "--out", folder), (url, "one")


def test_it_is_refused_until_the_first_is_gone(place, tmp_path):
    where, study = place
    words = (*options(tmp_path), *TRIALS)
    first = start(*words, *where)
    while not began(*study):
        assert first.poll() is None, first.communicate()
        time.sleep(0.02)
    first.send_signal(signal.SIGSTOP)
    second = start(*words, *where, "--resume")
    shown, said = second.communicate(timeout=60)
    assert (second.returncode, shown) == (2, "")
    assert re.fullmatch(
        rf"jdend\.search: study '{study[1]}' in .* is in use by process {first.pid} on "
        rf"{re.escape(socket.gethostname())}, since [-\d]+ [:\d]+: wait for it, or end it\n",
        said,
    )
    first.send_signal(signal.SIGKILL)
    first.communicate()
    run(*words, *where, "--resume")  # the lock went with its holder
    assert len(figures(tmp_path / "out")) == 6


def opened(path):
    return OptunaLedger(str(path), "search", {"space": {}})


def test_searches_of_one_process_may_share_it(tmp_path):
    one, other = opened(tmp_path / "j"), opened(tmp_path / "j")
    holder = tmp_path / ".j.search.json"
    assert json.loads(holder.read_text())["process"] == os.getpid()
    for _ in range(2):
        one.release()
    assert holder.exists()
    other.release()
    assert not holder.exists()
    opened(tmp_path / "j").release()


def test_a_ledger_that_cannot_be_opened_holds_nothing(tmp_path):
    opened(tmp_path / "j").release()
    with pytest.raises(StudyError, match="is another search"):
        OptunaLedger(str(tmp_path / "j"), "search", {"space": {"n_neurons": 4}})
    assert not (tmp_path / ".j.search.json").exists()
