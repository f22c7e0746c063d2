"""A second process in one study is refused, in one line that says who is there."""

import json
import os
import re
import signal
import socket
import time

import pytest
from filelock import FileLock
from searches import figures, options, run, start

from jdend.study import StudyError, open_study
from jdend.study._lock import StudyLock
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
        assert first.returncode is None, first.end()
        time.sleep(0.02)
    first.send_signal(signal.SIGSTOP)
    second = start(*words, *where, "--resume")
    shown, said = second.end()
    assert (second.returncode, shown) == (2, "")
    assert re.fullmatch(
        rf"jdend\.search: study '{study[1]}' in .* is in use by process {first.pid} on "
        rf"{re.escape(socket.gethostname())}, since [-\d]+ [:\d]+: wait for it, or end it\n",
        said,
    )
    first.send_signal(signal.SIGKILL)
    first.end()
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


def test_who_comes_second_is_told_at_once_who_is_there(tmp_path):
    lock, holder = tmp_path / ".j.search.lock", tmp_path / ".j.search.json"
    first = StudyLock(str(tmp_path / "j"), "search")
    record = holder.read_text()
    first.release()
    holder.write_text(record)
    with (
        FileLock(lock, thread_local=False),
        pytest.raises(StudyError, match=rf"by process {os.getpid()} on .*, since \d{{4}}-.*: wait"),
    ):
        StudyLock(str(tmp_path / "j"), "search")


def test_without_a_record_it_is_in_use_by_another_process(tmp_path):
    lock = tmp_path / ".j.search.lock"
    with (
        FileLock(lock, thread_local=False),
        pytest.raises(StudyError, match="by another process: "),
    ):
        StudyLock(str(tmp_path / "j"), "search")


def test_each_study_of_a_database_has_a_lock_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "not" / "there"))
    locks = [StudyLock("sqlite:///s.db", name) for name in ("one", "other", "one")]
    folder = tmp_path / "not" / "there" / "jdend" / "searches"
    holders = list(folder.glob(".*.search.json"))
    assert len(holders) == 2
    for lock in locks:
        lock.release()
    assert list(folder.glob(".*.search.json")) == []


def test_a_lock_that_is_released_twice_is_still_that_of_others(tmp_path):
    one, other = (StudyLock(str(tmp_path / "j"), "search") for _ in range(2))
    one.release()
    one.release()
    assert (tmp_path / ".j.search.json").exists()
    other.release()
