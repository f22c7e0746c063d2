"""A disk that is full at any moment of a search: one line says so, and `--resume` loses nothing."""

import json

import pytest

from jdend.search.cli import main as cli
from jdend.study._journal import JournalFile

SEARCH = ("--dataset", "digits", "--budget", "900", "--strategy", "tpe", "--trials", "15")
SEARCH += ("--generation", "5", "--quiet", "--no-report")


def search(folder, capsys):
    """Exit code, standard output and standard error."""
    code = cli.main([*SEARCH, "--out", str(folder), "--resume"])
    return code, *capsys.readouterr()


def figures(folder):
    return json.loads((folder / "results.json").read_text())


@pytest.fixture
def disk(monkeypatch, tmp_path):
    """Writes to the test's journals: after how many more the disk is full, and how many there
    were."""
    disk = {"room": None, "written": 0}
    append = JournalFile.append_logs

    def write(backend, logs):
        if tmp_path not in backend._path.parents:
            return append(backend, logs)
        if disk["room"] == 0:
            with open(backend._path, "ab") as file:  # as much as there was room for
                file.write(json.dumps(logs[0]).encode()[:20])
            raise OSError(28, "No space left on device")
        append(backend, logs)
        disk["written"] += 1
        disk["room"] = None if disk["room"] is None else disk["room"] - 1

    monkeypatch.setattr(JournalFile, "append_logs", write)
    return disk


@pytest.fixture
def undisturbed(tmp_path, no_download, instant_training, disk, capsys):
    """The table of a search, how often it wrote, and its folder."""
    _, table, _ = search(tmp_path / "undisturbed", capsys)
    return table, disk["written"], tmp_path / "undisturbed"


def test_a_disk_that_is_full_at_any_write(undisturbed, disk, tmp_path, capsys):
    table, n_writes, folder = undisturbed
    for room in range(0, n_writes, 3):
        disk["room"] = room
        code, _, said = search(tmp_path / str(room), capsys)
        assert code == 2, room
        assert "No space left on device" in said
        assert said.count("\n") == 1
        disk["room"] = None
        assert search(tmp_path / str(room), capsys)[:2] == (0, table)
        assert figures(tmp_path / str(room)) == figures(folder)


def test_a_disk_that_fills_up_again_and_again(undisturbed, disk, tmp_path, capsys):
    table, n_writes, folder = undisturbed
    codes = []
    while 0 not in codes and len(codes) < n_writes:
        disk["room"] = 6
        code, shown, _ = search(tmp_path / "again", capsys)
        codes.append(code)
    assert codes == [2] * (len(codes) - 1) + [0]
    assert len(codes) > 3
    assert shown == table
    assert figures(tmp_path / "again") == figures(folder)
