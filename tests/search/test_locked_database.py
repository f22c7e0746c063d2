"""A database that another process has locked: a search waits, or says so and can go on later."""

import sqlite3
import threading

import optuna
import pytest
from optuna.storages import RDBStorage

from jdend.search.cli import main as cli
from jdend.study import _storage

SEARCH = ("--dataset", "digits", "--budget", "900", "--strategy", "random", "--trials", "6")
SEARCH += ("--generation", "2", "--quiet", "--no-report", "--study", "s", "--resume")
SEARCH += ("--buckets", "exact")

pytestmark = pytest.mark.usefixtures("no_download", "instant_training")


@pytest.fixture
def search(tmp_path, monkeypatch, capsys):
    """Runs a search in a database of this name: exit code, standard output, standard error."""

    def run(name):
        code = cli.main([*SEARCH, "--storage", f"sqlite:///{tmp_path}/{name}.db"])
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def lock(tmp_path, monkeypatch):
    """`lock(name, n, seconds)`: before the `n`-th write of the next search, another connection
    locks the database of this name for so many seconds; returns that connection."""
    due, connections = [], []

    def locking_first(write):
        def lock_and_write(*arguments, **keywords):
            if due:
                other, n, seconds = due.pop()
                if n > 1:
                    due.append((other, n - 1, seconds))
                else:
                    other.execute("BEGIN EXCLUSIVE")
                    timer = threading.Timer(seconds, other.rollback)
                    timer.daemon = True
                    timer.start()
            return write(*arguments, **keywords)

        return lock_and_write

    def lock(name, n, seconds):
        connections.append(sqlite3.connect(tmp_path / f"{name}.db", check_same_thread=False))
        due.append((connections[-1], n, seconds))
        return connections[-1]

    for owner, name in ((RDBStorage, "set_study_system_attr"), (optuna.Study, "add_trial")):
        monkeypatch.setattr(owner, name, locking_first(getattr(owner, name)))
    yield lock
    assert not due
    for other in connections:
        other.close()


def test_a_search_waits_for_another_that_writes(search, lock):
    undisturbed = search("undisturbed")
    lock("locked", 5, 0.5)
    assert search("locked") == undisturbed


def test_a_lock_that_stays_is_said_in_one_line_and_nothing_is_lost(search, lock, monkeypatch):
    undisturbed = search("undisturbed")
    for n in (1, 5, 9):
        with monkeypatch.context() as patched:
            patched.setattr(_storage, "SECONDS_FOR_ANOTHER_WRITER", 0.1)
            other = lock(f"locked{n}", n, 1000)
            code, _, said = search(f"locked{n}")
        assert code == 2
        assert f"locked{n}.db: database is locked" in said
        assert said.count("\n") == 1
        other.rollback()
        assert search(f"locked{n}") == undisturbed
