from pathlib import Path

import numpy as np
import pytest

from jdend.data import DataError, load
from jdend.data._cache import cached_source, default_data_dir, read_cache


@pytest.fixture
def folder(tiny, tmp_path):
    """The cached `tiny`."""
    load("tiny")
    return tmp_path / "cache" / "tiny"


def test_the_environment_names_the_folder(monkeypatch):
    monkeypatch.setenv("JDEND_DATA_DIR", "/data/jdend")
    assert default_data_dir() == Path("/data/jdend")


@pytest.mark.parametrize(
    ("xdg", "expected"),
    [("/var/c", "/var/c/jdend"), ("", "/home/me/.cache/jdend"), ("a/b", "/home/me/.cache/jdend")],
)
def test_the_default_is_the_users_cache_folder(monkeypatch, xdg, expected):
    monkeypatch.delenv("JDEND_DATA_DIR", raising=False)
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setenv("XDG_CACHE_HOME", xdg)
    assert default_data_dir() == Path(expected)


def test_arrays_are_read_only(tiny, folder):
    dataset = read_cache(tiny.entry, folder.parent)
    with pytest.raises(ValueError, match="read-only"):
        dataset.train_images[0] = 0


def test_nothing_but_whole_files_is_left(folder):
    names = ["train_images", "train_labels", "test_images", "test_labels"]
    expected = {"dataset.json", *(f"{name}.npy" for name in names)}
    assert {path.name for path in folder.iterdir()} == expected


def change_a_pixel(folder):
    images = np.load(folder / "train_images.npy")
    images[0, 0, 0, 0] ^= 1
    np.save(folder / "train_images.npy", images)


def cut_off(folder):
    content = (folder / "test_images.npy").read_bytes()
    (folder / "test_images.npy").write_bytes(content[:-1])


DAMAGES = {
    "a changed pixel": change_a_pixel,
    "a file cut off": cut_off,
    "an empty file": lambda folder: (folder / "test_images.npy").write_bytes(b""),
    "a missing file": lambda folder: (folder / "train_labels.npy").unlink(),
    "a broken record": lambda folder: (folder / "dataset.json").write_text("{"),
    "an incomplete record": lambda folder: (folder / "dataset.json").write_text('{"format": 1}'),
    "another format": lambda folder: (folder / "dataset.json").write_text('{"format": 0}'),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_a_damaged_cache_is_refused(tiny, folder, damage):
    damage(folder)
    with pytest.raises(DataError, match=r"the cache in .* (is damaged|has another format)"):
        read_cache(tiny.entry, folder.parent)


def test_a_damaged_cache_is_reported_and_replaced(folder, capsys):
    change_a_pixel(folder)
    assert load("tiny").source.startswith("the publisher's files")
    assert "is damaged: its SHA-256 is not the recorded one; getting tiny again" in (
        capsys.readouterr().err
    )
    assert load("tiny").source.startswith("cache in")


def test_where_it_came_from_is_kept(tiny, folder):
    assert cached_source(tiny.entry, folder.parent) == (
        "the publisher's files, downloaded, SHA-256 verified"
    )
    assert cached_source(tiny.entry, folder.parent / "other") is None
