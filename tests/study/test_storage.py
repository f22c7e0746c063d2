"""Storages: what a kill or a full disk leaves can be opened, and what cannot is said in a line."""

import subprocess
import sys

import optuna
import pytest

from jdend.study import StudyError
from jdend.study._folder import journal_in
from jdend.study._storage import (
    _without_secrets,
    open_storage,
    without_password,
    words_without_passwords,
)


def study_in(journal):
    return optuna.create_study(storage=open_storage(journal), study_name="s", load_if_exists=True)


def add(study, value):
    study.add_trial(optuna.trial.create_trial(value=value))


@pytest.fixture
def journal(tmp_path):
    path = tmp_path / "study.journal"
    for value in (1.0, 2.0):
        add(study_in(path), value)
    return path


@pytest.mark.parametrize("n_lost", [1, 20, 100])
def test_a_torn_last_line_is_cut_off(journal, n_lost):
    journal.write_bytes(journal.read_bytes()[:-n_lost])
    assert [t.value for t in study_in(journal).trials] == [1.0]
    add(study_in(journal), 3.0)
    assert [t.value for t in study_in(journal).trials] == [1.0, 3.0]


HIDDEN = "what it says is left out, as it may hold a password"
DAMAGE = {
    "blank lines": b"\n\n",
    "zero bytes": bytes(4096),
    "zero bytes in a line": b'{"op_code": 4, "wor' + bytes(100),
    "text": b"text of another file\nand more of it",
    "a whole line that is no entry": b"[1, 2]\n",
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_damage_after_the_last_entry_is_cut_off_and_said(journal, damage):
    entries, said = journal.read_bytes(), []
    journal.write_bytes(entries + damage)
    open_storage(journal, say=said.append)
    assert journal.read_bytes() == entries
    assert said == [
        f"{journal} ended in {len(damage):,} damaged bytes after its last entry: they are cut off"
    ]


def test_a_file_without_any_entry_is_left_as_it_is(tmp_path):
    file = tmp_path / "notes.txt"
    file.write_text("notes\nof mine\n")
    with pytest.raises(StudyError, match="is no journal of Optuna's"):
        open_storage(file, say=print)
    assert file.read_text() == "notes\nof mine\n"


def test_who_only_reads_leaves_a_damaged_journal_as_it_is(journal):
    damaged = journal.read_bytes() + bytes(100)
    journal.write_bytes(damaged)
    open_storage(journal)
    assert journal.read_bytes() == damaged


def test_a_journal_that_is_open_survives_a_write_that_failed(journal):
    study = study_in(journal)
    with open(journal, "ab") as file:
        file.write(b'{"op_code": 4, "wor')
    add(study, 3.0)
    assert [t.value for t in study.trials] == [1.0, 2.0, 3.0]


def test_a_full_disk_loses_nothing_that_was_written(journal):
    """The process may write 64 KiB in all to a file; the system then refuses."""
    code = (
        "import resource, signal, sys, optuna\n"
        "from jdend.study._storage import open_storage\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (2**16, 2**16))\n"
        "study = optuna.load_study(storage=open_storage(sys.argv[1]), study_name='s')\n"
        "try:\n"
        "    for value in range(1000):\n"
        "        study.add_trial(optuna.trial.create_trial(value=float(value)))\n"
        "        print(value, flush=True)\n"
        "except OSError: pass\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, journal], capture_output=True, text=True, check=True
    )
    written = [1.0, 2.0, *map(float, ended.stdout.split())]
    assert not journal.read_bytes().endswith(b"\n")
    add(study_in(journal), -1.0)
    assert [t.value for t in study_in(journal).trials] == [*written, -1.0]


def test_the_lock_of_a_killed_writer_holds_nobody_up(journal):
    code = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from jdend.study._journal import JournalLock\n"
        "JournalLock(Path(sys.argv[1])).acquire()\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", code, journal], check=False)
    add(study_in(journal), 3.0)


def test_a_folder_stands_for_its_journal(tmp_path):
    assert journal_in(tmp_path) == tmp_path / "study.journal"
    assert journal_in(tmp_path / "other.log") == tmp_path / "other.log"


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("nonsense://", "no URL of a database"),
        ("redis://me:secret@127.0.0.1/0", "unpickled"),
        ("REDISS://127.0.0.1/0", "unpickled"),
        ("sqlite:////no/such/folder/s.db", "unable to open database file"),
        ("postgresql+psycopg://me:secret@127.0.0.1:1/db", "me:[*]{3}@127.*[Cc]onnection refused"),
        ("/no/such/folder/study.journal", "No such file or directory"),
    ],
)
def test_what_cannot_be_opened_is_said_in_a_line(where, said):
    with pytest.raises(StudyError, match=said) as caught:
        open_storage(where)
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("content", ['[{"params": {}}]\n', "a\nb\n", "precious"])
def test_something_else_than_a_journal_is_left_alone(tmp_path, content):
    path = tmp_path / "results.json"
    path.write_text(content)
    with pytest.raises(StudyError, match="no journal"):
        study_in(path)
    assert path.read_text() == content


@pytest.mark.parametrize(
    ("where", "shown"),
    [
        ("postgresql://a:secret@c/d", "postgresql://a:***@c/d"),
        ("postgresql://a:secret/3@c/d", "postgresql://a:***@c/d"),
        ("postgresql://c/d?user=a&password=secret", "postgresql://c/d?***"),
        ("sqlite:///x.db?password=secret", "sqlite:///x.db?***"),
        ("sqlite:////home/x.db", "sqlite:////home/x.db"),
        ("postgresql://a:se@cret@c/d", "***"),
        ("postgresql://a/secret@c/d", "***"),
        ("postgresql://a:secret@c:x/d", "***"),
        ("://a:secret@c/d", "***"),
        ("runs/a:b@c", "runs/a:b@c"),
    ],
)
def test_passwords_are_hidden(where, shown):
    assert without_password(where) == shown
    command = ["--storage", where, f"--storage={where}", "--top=3"]
    assert words_without_passwords(command) == [
        "--storage",
        shown,
        f"--storage={shown}",
        "--top=3",
    ]


@pytest.mark.parametrize(
    "where",
    [
        "postgresql://127.0.0.1:1/d?user=u&password=secret",
        "postgresql://127.0.0.1:1/d?secret=secret",
        "postgresql://u:secret@@127.0.0.1:1/d",
        "mysql+nodriver://u:secret@127.0.0.1:1/d",
        "mysql+cymysql://u:secret@127.0.0.1:1/d",
        "mysql://u:secret@127.0.0.1:1/d",
    ],
)
def test_no_error_says_a_password(where):
    with pytest.raises(StudyError) as caught:
        open_storage(where)
    assert "secret" not in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("said", "where", "shown"),
    [
        ("no u with 'secret'\nat line 3", "postgresql://u:secret@c/d", "no u with '***'"),
        ("a=b,c secret", "postgresql://u@c/d?o=b&o=secret&p=c", "a=***,*** ***"),
        ("", "postgresql://u:secret@c/d", ""),
        ("x/secret", "postgresql://u:x/secret@c/d", "***"),
        ("secret", "postgresql://a/secret@c/d", HIDDEN),
    ],
)
def test_of_a_drivers_message_the_first_line_is_shown_without_secrets(said, where, shown):
    assert _without_secrets(said, where) == shown
