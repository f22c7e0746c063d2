"""Files and folders that are written whole or not at all, and the cache folder."""

import json
import os
import stat
from pathlib import Path

import numpy as np
import pytest

from jdend._files import (
    cache_folder,
    os_errors_as,
    replacing,
    user_path,
    write_bytes,
    write_folder,
    write_json,
    write_text,
)
from jdend.data._cache import default_data_dir
from jdend.training import program_cache_folder


@pytest.fixture
def full(monkeypatch):
    """A disk without room."""

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)


@pytest.fixture
def umask():
    before = os.umask(0o027)
    yield
    os.umask(before)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_holds_what_was_written_and_nothing_is_beside_it(tmp_path):
    write_bytes(tmp_path / "a", b"\0\1")
    write_text(tmp_path / "b", "ü\n")
    assert (tmp_path / "a").read_bytes() == b"\0\1"
    assert (tmp_path / "b").read_bytes() == "ü\n".encode()
    assert names(tmp_path) == ["a", "b"]


def test_until_the_block_ends_the_old_file_is_there(tmp_path):
    path = tmp_path / "a"
    write_text(path, "old")
    with replacing(path) as file:
        file.write(b"new")
        file.flush()
        assert path.read_text() == "old"
    assert path.read_text() == "new"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_block_that_fails_leaves_the_old_file_alone(tmp_path, error):
    path = tmp_path / "a"
    write_text(path, "old")

    def write_half():
        with replacing(path) as file:
            file.write(b"half")
            raise error

    with pytest.raises(error):
        write_half()
    assert path.read_text() == "old"
    assert names(tmp_path) == ["a"]


def test_a_full_disk_leaves_the_old_file_alone(tmp_path, full):
    (tmp_path / "a").write_text("old")
    with pytest.raises(OSError, match="No space left"):
        write_text(tmp_path / "a", "new")
    assert (tmp_path / "a").read_text() == "old"
    assert names(tmp_path) == ["a"]


def test_a_folder_in_the_files_place_is_an_error_that_leaves_nothing(tmp_path):
    (tmp_path / "a").mkdir()
    with pytest.raises(OSError, match="directory"):
        write_text(tmp_path / "a", "new")
    assert names(tmp_path) == ["a"]


def test_permissions_are_those_of_any_new_file(tmp_path, umask):
    write_text(tmp_path / "a", "")
    write_folder(tmp_path / "folder", {"b": b""})
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("a", "folder/b", "folder")]
    assert modes == [0o640, 0o640, 0o750]


def test_json_has_a_line_for_each_item_of_two_levels(tmp_path):
    write_json(tmp_path / "a.json", {"x": [{"y": [1, 2]}, []], "z": {}})
    assert (tmp_path / "a.json").read_text() == (
        '{\n  "x": [\n    {"y": [1, 2]},\n    []\n  ],\n  "z": {}\n}\n'
    )


def test_numbers_of_numpy_are_stored_as_pythons(tmp_path):
    write_json(tmp_path / "a.json", {"x": np.float32(0.5), "n": np.int64(3)})
    assert json.loads((tmp_path / "a.json").read_text()) == {"x": 0.5, "n": 3}


@pytest.mark.parametrize(
    ("value", "error"), [(float("nan"), ValueError), (object(), TypeError), ({1, 2}, TypeError)]
)
def test_what_json_lacks_is_an_error_that_leaves_nothing(tmp_path, value, error):
    with pytest.raises(error):
        write_json(tmp_path / "a.json", [value])
    assert names(tmp_path) == []


def test_a_folder_takes_the_place_of_the_old_one(tmp_path):
    write_folder(tmp_path / "new" / "model", {"a": b"1", "b": b"2"})
    write_folder(tmp_path / "new" / "model", {"a": b"3"})
    assert (tmp_path / "new" / "model" / "a").read_bytes() == b"3"
    assert names(tmp_path / "new" / "model") == ["a"]
    assert names(tmp_path / "new") == ["model"]


def test_a_full_disk_leaves_the_old_folder_alone(tmp_path, full):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "a").write_text("old")
    with pytest.raises(OSError, match="No space left"):
        write_folder(tmp_path / "model", {"a": b"new"})
    assert (tmp_path / "model" / "a").read_text() == "old"
    assert names(tmp_path) == ["model"]


def test_an_error_of_the_system_becomes_the_callers(tmp_path):
    with (
        pytest.raises(LookupError, match=r"^cannot read a: No such file or directory$"),
        os_errors_as(LookupError, "cannot read a"),
    ):
        (tmp_path / "a").read_text()


def test_other_errors_stay_as_they_are():
    with pytest.raises(ZeroDivisionError), os_errors_as(LookupError, "cannot divide"):
        _ = 1 / 0


def test_one_rule_says_where_caches_are(monkeypatch, tmp_path):
    monkeypatch.delenv("JDEND_DATA_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_data_dir() == cache_folder()
    assert program_cache_folder().parent.parent == cache_folder()


@pytest.mark.parametrize("path", ["~nobody-of-this-name/a", "a" * 256, "a\0b"])
def test_what_no_file_can_be_called_is_an_error_of_the_callers(path):
    with pytest.raises(KeyError, match="cannot use"):
        user_path(path, KeyError)


def test_a_path_of_the_user_begins_at_home_and_need_not_exist(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    assert user_path("~/a/b", KeyError) == Path("/home/me/a/b")
