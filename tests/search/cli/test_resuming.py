"""`--resume` alone goes on with what `run.json` says."""

import json

import pytest

from jdend.search.cli.main import main

SEARCH = (
    *("--dataset", "digits", "--budget", "900", "--trials", "4", "--strategy", "random"),
    *("--epochs", "3", "--lr", "0.01", "--seeds", "1", "--no-report", "--quiet"),
)


@pytest.fixture
def searched(tmp_path, no_download, instant_training, monkeypatch):
    """A folder with a finished search, and what trains afterwards."""
    monkeypatch.chdir(tmp_path)
    assert main([*SEARCH, "--out", "first"]) == 0
    instant_training.clear()
    return instant_training


def record(folder):
    return json.loads((folder / "run.json").read_text())


@pytest.mark.parametrize(
    "words",
    [
        ["--resume", "first"],
        ["--resume=first"],
        ["--out", "first", "--resume"],
        ["--resume", "first", "--budget", "900"],
        ["--top", "2", "--resume", "first", "--epochs=3"],
    ],
)
def test_what_is_missing_is_what_it_was(searched, tmp_path, words):
    before = record(tmp_path / "first")
    assert main(words) == 0
    assert searched == []
    after = record(tmp_path / "first")
    assert after["config"] == before["config"]
    assert after["resumed"]


def test_the_newest_goes_on(searched, tmp_path):
    later = [*SEARCH[:2], "--budget", "1000", *SEARCH[4:]]
    for words, name in ((SEARCH, "old"), (later, "new")):
        assert main([*words, "--out", f"runs/{name}"]) == 0
    searched.clear()
    assert main(["--resume"]) == 0
    assert searched == []
    assert record(tmp_path / "runs/new")["resumed"]
    assert not record(tmp_path / "runs/old")["resumed"]


def test_the_newest_of_some_data_and_budget_goes_on(searched, tmp_path):
    for budget in ("900", "1000"):
        assert main([*SEARCH[:2], "--budget", budget, *SEARCH[4:]]) == 0
    searched.clear()
    assert main(["--dataset", "digits", "--budget", "900", "--resume"]) == 0
    assert searched == []


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (("--epochs", "5"), "n_epochs is 3 there and 5 here"),
        (("--strategy", "tpe"), 'strategy is "random" there and "tpe" here'),
    ],
)
def test_what_differs_is_refused(searched, option, said, capsys):
    assert main(["--resume", "first", *option]) == 2
    assert said in capsys.readouterr().err


def test_what_was_resumed_can_be_resumed(searched, tmp_path):
    for _ in range(3):
        assert main(["--resume", "first"]) == 0
    assert searched == []
    assert record(tmp_path / "first")["command"].count("--resume") == 1


def test_a_folder_without_a_search_is_refused(searched, tmp_path, capsys):
    assert main(["--resume", "elsewhere"]) == 2
    said = capsys.readouterr().err
    assert said == "jdend.search: elsewhere holds no search to go on with; give the folder of one\n"
    assert not (tmp_path / "elsewhere").exists()


def test_a_search_from_python_goes_on_with_the_options_that_are_given(searched, tmp_path):
    run = tmp_path / "first" / "run.json"
    run.write_text(json.dumps({**json.loads(run.read_text()), "command": "python search.py"}))
    assert main([*SEARCH, "--resume", "first"]) == 0
    assert searched == []
