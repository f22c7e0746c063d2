"""In PostgreSQL the server keeps a study's lock: whoever comes second is refused on any machine."""

import os
import socket
import subprocess
import sys
import time

import psycopg
import pytest

from jdend.study import StudyError
from jdend.study import _server_lock as server_lock
from jdend.study._lock import StudyLock

HOLD = (
    "import sys; from jdend.study._lock import StudyLock\n"
    "lock = StudyLock(*sys.argv[1:]); print('held', flush=True); sys.stdin.read()"
)
OWN = rf"process {os.getpid()} on {socket.gethostname()}"


@pytest.fixture
def of_another_machine(monkeypatch, tmp_path):
    """Starts a process with a cache folder of its own that holds a lock."""
    started = []

    def hold(url, name):
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD, url, name],
            env={**os.environ, "XDG_CACHE_HOME": str(tmp_path / "elsewhere")},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        started.append(process)
        assert process.stdout.readline() == "held\n"
        return process

    yield hold
    for process in started:
        process.kill()
        process.communicate()


def test_a_folder_of_such_a_name_is_no_server(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    StudyLock("postgresql-runs/study.journal", "one").release()
    assert (tmp_path / "postgresql-runs").is_dir()


def backends(url):
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(
            "select pid, application_name from pg_stat_activity where application_name ~ '^jdend'"
            " and datname = current_database()"
        ).fetchall()


def test_another_machine_is_refused_until_the_first_is_gone(postgres, of_another_machine):
    first = of_another_machine(postgres, "one")
    said = rf"study 'one' in {postgres} is in use by process {first.pid} on .*, since \d{{4}}-"
    with pytest.raises(StudyError, match=said):
        StudyLock(postgres, "one")
    StudyLock(postgres, "other").release()
    first.kill()
    first.communicate()
    while backends(postgres):  # the server has to notice
        pass
    StudyLock(postgres, "one").release()
    assert backends(postgres) == []


def test_whatever_the_way_a_url_is_written(postgres):
    first = StudyLock(postgres, "one")
    with pytest.raises(StudyError, match=f"in use by {OWN}"):
        StudyLock(postgres.replace("postgresql://", "postgresql+psycopg://"), "one")
    first.release()


def test_searches_of_one_process_may_share_the_lock_of_a_server(postgres):
    one, other = StudyLock(postgres, "one"), StudyLock(postgres, "one")
    one.release()
    one.release()
    assert len(backends(postgres)) == 1
    other.release()
    assert backends(postgres) == []


def test_a_lock_that_the_server_lost_is_taken_again(postgres, of_another_machine):
    lock = StudyLock(postgres, "one")
    lock.renew()
    (before,) = backends(postgres)
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("select pg_terminate_backend(%s)", before[:1])
        lock.renew()
        (after,) = backends(postgres)
        assert after[0] != before[0]
        connection.execute("select pg_terminate_backend(%s)", after[:1])
        while backends(postgres):
            pass
    taken_by = of_another_machine(postgres, "one")
    with pytest.raises(StudyError, match=f"in use by process {taken_by.pid} on"):
        lock.renew()
    lock.release()


def test_a_connection_of_its_own_that_is_not_missed_yet_is_waited_for(postgres, monkeypatch):
    lost, lock = StudyLock(postgres, "one"), StudyLock(postgres, "other")
    waited, really = [], time.sleep

    def sleep(seconds):
        waited.append(seconds)
        lost.release()
        really(0.2)  # the server takes a moment

    monkeypatch.setattr(server_lock.time, "sleep", sleep)
    again = server_lock.ServerLock(postgres, "two", StudyError)
    again._name = "one"  # as if its own connection had that
    again._connection.close()
    again.renew()
    assert set(waited) == {1.0}
    again.release()
    lock.release()


def test_the_server_notices_within_a_minute_that_a_machine_is_gone(postgres):
    lock = server_lock.ServerLock(postgres, "one", StudyError)
    said = [lock._run(lock._connection, f"SHOW {name}")[0][0] for name in server_lock.SETTINGS]
    assert said == ["30", "10", "3", "0"]
    lock.release()


@pytest.mark.parametrize(
    ("holder", "said"),
    [
        (("jdend 12@node-1", None), "process 12 on node-1"),
        (("psql", None), "another process"),
        ((None, None), "another process"),
        (("jdend 12@node-1", 0), "process 12 on node-1, since 19"),
    ],
)
def test_who_holds_it_as_far_as_the_server_says(holder, said):
    assert server_lock._described(*holder).startswith(said)
