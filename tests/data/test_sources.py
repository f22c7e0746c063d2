"""Where a data set comes from, in what order, and what is said when it comes from nowhere."""

import gzip
import importlib.util
import sys
from dataclasses import replace

import numpy as np
import pytest
from idx_writing import idx_bytes

from jdend.data import DataError, _catalog, load, names


@pytest.fixture
def offline(monkeypatch):
    """Downloads fail the test."""

    def refuse(*_):
        raise AssertionError("downloaded")

    monkeypatch.setattr("jdend.data._sources.download", refuse)


def write(folder, files):
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def test_the_known_names():
    assert names() == ("mnist", "fashion-mnist", "kmnist", "emnist", "cifar10", "digits")
    assert all(_catalog.find(name).n_classes in (10, 47) for name in names())


@pytest.mark.parametrize("name", ["fashion_mnist", "Fashion-MNIST", "fmnist"])
def test_aliases_and_case(name):
    assert _catalog.find(name).name == "fashion-mnist"


@pytest.mark.parametrize(
    ("given", "meant"), [("fashon-mnist", "fashion-mnist"), ("CIFAR", "cifar10")]
)
def test_an_unknown_name_gets_the_nearest(given, meant):
    with pytest.raises(DataError, match=f"unknown data set '{given}'; did you mean '{meant}'"):
        load(given)


def test_the_publishers_files_are_downloaded_verified_and_cached(tiny, tmp_path):
    dataset = load("tiny")
    np.testing.assert_array_equal(dataset.train_images, tiny.train_images)
    np.testing.assert_array_equal(dataset.test_labels, tiny.test_labels)
    assert dataset.train_images.dtype == np.uint8
    assert dataset.train_labels.dtype == np.int32
    assert dataset.source == "the publisher's files, downloaded, SHA-256 verified"
    assert list((tmp_path / "cache/downloads/tiny").iterdir()) == []


def test_the_second_time_it_comes_from_the_cache(tiny, site):
    first = load("tiny")
    asked = len(site.asked)
    second = load("tiny")
    assert len(site.asked) == asked
    assert second.source.startswith("cache in ")
    assert "from the publisher's files" in second.source
    assert second.digest == first.digest


def test_refresh_passes_over_the_cache(tiny, site):
    load("tiny")
    assert load("tiny", refresh=True).source.startswith("the publisher's files")


def test_the_cache_can_be_put_elsewhere(tiny, tmp_path):
    load("tiny", data_dir=tmp_path / "other")
    assert (tmp_path / "other/tiny/dataset.json").is_file()


def test_a_given_folder_is_used_before_the_cache(tiny, tmp_path, offline):
    folder = write(tmp_path / "mine", tiny.files)
    assert load("tiny", from_dir=folder).source == f"files in {folder}"
    assert load("tiny", from_dir=folder).source == f"files in {folder}"


def test_a_given_folder_is_the_only_source(tiny, tmp_path, offline):
    with pytest.raises(
        DataError, match=r"no files of tiny in .*, and no data set prepared by TFDS"
    ):
        load("tiny", from_dir=tmp_path)
    with pytest.raises(DataError, match="is not a folder"):
        load("tiny", from_dir=tmp_path / "absent")


def test_an_installed_package_comes_before_downloads(tiny, tmp_path, offline, monkeypatch):
    folder = write(tmp_path / "installed", tiny.files)
    monkeypatch.setattr(_catalog, "ENTRIES", (replace(tiny.entry, debian=("x", str(folder))),))
    assert load("tiny").source.startswith("Debian package x, installed")


@pytest.mark.parametrize("folder", ["data_dir", "from_dir"])
def test_a_home_that_is_not_there_is_refused(tiny, folder):
    with pytest.raises(DataError, match="cannot use ~nobody-of-this-name/x"):
        load("tiny", **{folder: "~nobody-of-this-name/x"})


def test_what_is_damaged_is_reported_and_passed_over(tiny, tmp_path, monkeypatch, capsys):
    folder = write(tmp_path / "installed", {**tiny.files, "train-labels-idx1-ubyte.gz": b"?"})
    monkeypatch.setattr(_catalog, "ENTRIES", (replace(tiny.entry, debian=("x", str(folder))),))
    assert load("tiny").source.startswith("the publisher's files")
    assert "installed by Debian: " in capsys.readouterr().err


def test_when_nothing_works_all_that_was_tried_is_listed(tiny, site, tmp_path, monkeypatch):
    entry = replace(tiny.entry, debian=("x", "/nonexistent"))
    monkeypatch.setattr(_catalog, "ENTRIES", (entry,))
    monkeypatch.setenv("PATH", "/nonexistent")
    real = importlib.util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name: None if name == "tensorflow" else real(name)
    )
    site.pages.clear()
    with pytest.raises(DataError) as caught:
        load("tiny")
    lines = str(caught.value).splitlines()
    assert lines[0] == "no source has tiny. Tried:"
    assert [line.split(":")[0] for line in lines[1:-1]] == [
        "  - cache",
        "  - prepared by TFDS",
        "  - installed by Debian",
        "  - publisher",
        "  - TFDS preparation",
        "  - apt-get",
    ]
    assert "404 Not Found" in lines[4]
    assert "pip install 'jdend[prepare]'" in lines[5]
    assert lines[-1].startswith("What to do: put train-images-idx3-ubyte.gz, ")
    assert "python -m jdend.data fetch tiny --from DIR" in lines[-1]


def test_tfds_is_not_asked_where_no_server_answers(tiny, monkeypatch):
    unreachable = replace(tiny.entry.files[0], urls=("http://127.0.0.1:1/x",))
    monkeypatch.setattr(_catalog, "ENTRIES", (replace(tiny.entry, files=(unreachable,)),))
    monkeypatch.setattr("jdend.data._sources.require_tensorflow", lambda: None)
    with pytest.raises(DataError, match="TFDS preparation: no server that publishes tiny answers"):
        load("tiny")


def test_without_download_only_what_is_here_is_tried(tiny, site):
    with pytest.raises(DataError, match="What to do: allow downloads, or put"):
        load("tiny", download=False)
    assert site.asked == []


def test_contents_with_another_digest_are_refused(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(_catalog, "ENTRIES", (replace(tiny.entry, digest="0" * 64),))
    folder = write(tmp_path / "mine", tiny.files)
    with pytest.raises(DataError, match=r"is not the published tiny: the SHA-256 of its arrays is"):
        load("tiny", from_dir=folder)
    assert not (tmp_path / "cache").exists()


def test_a_folder_that_cannot_be_written_is_reported(tiny, tmp_path, capsys):
    (tmp_path / "file").write_text("in the way")
    folder = write(tmp_path / "mine", tiny.files)
    dataset = load("tiny", from_dir=folder, data_dir=tmp_path / "file")
    assert len(dataset.train_labels) == 30
    assert "cannot cache tiny in" in capsys.readouterr().err


def test_other_images_under_the_same_name_change_the_digest(tiny, tmp_path):
    first = load("tiny").digest
    changed = idx_bytes(tiny.train_images[..., 0] ^ 1)
    tiny.files["train-images-idx3-ubyte.gz"] = gzip.compress(changed)
    assert load("tiny", from_dir=write(tmp_path / "mine", tiny.files)).digest != first


def test_digits_come_from_scikit_learn(tmp_path):
    dataset = load("digits", data_dir=tmp_path)
    assert dataset.image_shape == (8, 8, 1)
    assert dataset.in_features == 64
    assert len(dataset.test_labels) == 0
    assert load("digits", data_dir=tmp_path).digest == _catalog.find("digits").digest


def test_digits_without_scikit_learn_say_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(DataError, match=r"pip install 'jdend\[digits\]'"):
        load("digits", data_dir=tmp_path)


def test_a_target_is_for_csv_files():
    with pytest.raises(DataError, match="target='label' is for tables"):
        load("mnist", target="label")
