"""The repository's address stands in `pyproject.toml`, and nowhere else otherwise."""

import sys

import pytest
from code_blocks import ROOT

sys.path.insert(0, str(ROOT / "docs" / "tools"))
import address


def test_every_file_has_the_address_of_pyproject():
    assert address.others(address.repository(), write=False) == []


@pytest.mark.parametrize("file", address.FILES)
def test_another_address_would_be_in_every_file(file):
    text = (ROOT / file).read_text(encoding="utf-8")
    changed = address.with_address(text, "https://github.com/somebody/else")
    assert "somebody/else" in changed
    own = "/".join(address.repository().split("/")[-2:])
    assert f"github.com/{own}" not in changed
    assert f"/github/{own}" not in changed


def test_no_other_file_has_an_address():
    own = address.repository().removeprefix("https://")
    folders = ("docs", "jdend", "experiments", "notebooks")
    paths = [p for folder in folders for p in (ROOT / folder).rglob("*") if p.suffix in SUFFIXES]
    paths += [p for p in ROOT.iterdir() if p.suffix in SUFFIXES]
    names = {str(p.relative_to(ROOT)) for p in paths if own in p.read_text(encoding="utf-8")}
    assert names <= {*address.FILES, "pyproject.toml"}


SUFFIXES = (".py", ".md", ".yml", ".toml", ".cff", ".ipynb", ".html")
