"""Debian's package, through a stand-in for apt-get that behaves as told."""

import os
from dataclasses import replace

import pytest

from jdend.data import load
from jdend.data._catalog import find
from jdend.data._debian import download_package, read_installed
from jdend.data._errors import Unavailable

APT = """#!/bin/sh
echo "$@" >> {log}
case "$*" in *update*) touch {known}; exit 0;; esac
[ -e {known} ] || {{ echo 'E: Unable to locate package x' >&2; exit 100; }}
[ -e {broken} ] && {{ echo 'E: Failed to fetch x' >&2; exit 100; }}
touch x.deb
"""
DPKG = """#!/bin/sh
mkdir -p "$3/usr/share/datasets" && cp -r {files} "$3/usr/share/datasets/tiny"
"""


@pytest.fixture
def debian(tiny, tmp_path, monkeypatch):
    """The entry of `tiny`, packaged by a Debian whose tools are stand-ins; and their folder."""
    tools, files = tmp_path / "tools", tmp_path / "files"
    tools.mkdir()
    files.mkdir()
    for name, content in tiny.files.items():
        (files / name).write_bytes(content)
    apt = APT.format(log=tools / "log", known=tools / "known", broken=tools / "broken")
    for name, script in (("apt-get", apt), ("dpkg-deb", DPKG.format(files=files))):
        (tools / name).write_text(script)
        (tools / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    return replace(tiny.entry, debian=("x", "/usr/share/datasets/tiny")), tools


def test_the_package_is_downloaded_and_read(debian):
    entry, tools = debian
    (tools / "known").touch()
    arrays, source = download_package(entry, print)
    assert [len(array) for array in arrays] == [30, 30, 10, 10]
    assert source == "Debian package x"


def test_package_lists_are_fetched_into_a_folder_of_our_own_where_they_lack(debian):
    entry, tools = debian
    download_package(entry, print)
    first, update, second = (tools / "log").read_text().splitlines()
    assert "Dir::State::lists" not in first
    assert "Dir::State::lists=" in update
    assert update.endswith("update")
    assert "Dir::State::lists=" in second


def test_what_apt_says_is_passed_on(debian):
    entry, tools = debian
    (tools / "known").touch()
    (tools / "broken").touch()
    with pytest.raises(Unavailable, match=r"apt-get failed: E: Failed to fetch x"):
        download_package(entry, print)


def test_other_systems_are_told_apart(debian, monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(Unavailable, match="no apt-get here: this is not Debian or Ubuntu"):
        download_package(debian[0], print)


def test_a_set_without_package_says_so():
    with pytest.raises(Unavailable, match="Debian has no package of mnist"):
        download_package(find("mnist"), print)


def test_a_package_that_is_not_installed_says_so(debian):
    entry = replace(debian[0], debian=("x", "/nonexistent"))
    with pytest.raises(Unavailable, match="package x is not installed"):
        read_installed(entry)


def test_an_installed_package_is_read(debian, tmp_path):
    entry = replace(debian[0], debian=("x", str(tmp_path / "files")))
    arrays, source = read_installed(entry)
    assert len(arrays[0]) == 30
    assert source.startswith("Debian package x, installed in ")


def test_fashion_mnist_has_the_recorded_digest():
    dataset = load("fashion-mnist")
    assert dataset.digest == "5f06bd0df99ad3dc904134efe2e620e96a51dc83af7575151eb993b975560d7a"
    assert dataset.train_images.shape == (60_000, 28, 28, 1)
    assert dataset.class_names[9] == "Ankle boot"
