"""Ctrl-C when the search itself is over."""

import json

import pytest

from jdend.search.cli import run
from jdend.search.cli.main import main

SEARCH = ("--dataset", "digits", "--budget", "900", "--strategy", "random", "--trials", "1")
SEARCH += ("--epochs", "1", "--batch-size", "256", "--seeds", "1")


@pytest.mark.parametrize("while_it", ["show", "_keep"])
def test_it_is_said_that_the_search_is_complete(while_it, tmp_path, monkeypatch, capsys):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(run, while_it, interrupted)
    out = tmp_path / "out"
    assert main([*SEARCH, "--no-report", "--out", str(out)]) == 130
    said = capsys.readouterr().err.splitlines()[-1]
    assert said == f"jdend.search: interrupted after the search, which is complete in {out}"
    assert json.loads((out / "run.json").read_text())["status"] == "complete"
