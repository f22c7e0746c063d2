"""The papers at the top of the repository agree with one another and with the code."""

import re

from code_blocks import ROOT

import jdend


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_this_version_is_in_the_changelog_and_cited():
    assert f"## {jdend.__version__} - " in read("CHANGELOG.md")
    assert f"\nversion: {jdend.__version__}\n" in read("CITATION.cff")


def test_before_a_commit_runs_what_make_lint_runs():
    programs = re.findall(
        r"entry: \.venv/bin/(\S+(?: check| format)?)", read(".pre-commit-config.yaml")
    )
    lint = read("Makefile").split("\nlint: ")[1].split("\n\n")[0]
    assert programs == re.findall(r"\$\(BIN\)/(\S+(?: check| format)?)", lint)


def test_every_target_of_make_is_explained():
    targets = set(re.search(r"^\.PHONY: (.*)$", read("Makefile"), re.MULTILINE).group(1).split())
    explained = set(re.findall(r"^\| `make (\S+)` \|", read("CONTRIBUTING.md"), re.MULTILINE))
    assert explained == targets - {"postgres", "chromium"}  # which `make test` brings about
