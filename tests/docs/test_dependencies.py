"""The page on dependencies names what `pyproject.toml` has, with a reason for each."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
SECTIONS = re.split(
    r"^## ", (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8"), flags=re.M
)


def named(requirements):
    return {re.match(r"[\w-]+", requirement)[0] for requirement in requirements}


def rows(title):
    section = next(section for section in SECTIONS if section.startswith(title))
    table = [line for line in section.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in table]


def test_what_is_always_needed():
    assert {row[0] for row in rows("Always")} == named(PROJECT["dependencies"])


def test_every_extra_has_its_packages():
    listed = {
        (row[0], extra) for row in rows("If asked for") for extra in re.findall(r"`(\w+)`", row[1])
    }
    own = {row[0] for row in rows("To develop")}
    listed |= {(package, "test") for package in own}
    assert listed == {(package, extra) for extra in EXTRAS for package in named(EXTRAS[extra])}


@pytest.mark.parametrize("title", ["Always", "If asked for", "To develop"])
def test_each_has_a_reason(title):
    assert all(len(row[-1]) > 7 for row in rows(title))
