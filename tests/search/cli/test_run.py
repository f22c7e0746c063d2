"""What the command line does with its options, in this process."""

import json

from jdend.search.cli.main import main


def test_with_json_lines_all_of_stderr_is_json(no_download, instant_training, tmp_path, capsys):
    options = ["--budget", "2000", "--trials", "4", "--generation", "2", "--log-format", "json"]
    options += ["--no-report", "--out", str(tmp_path / "run")]
    assert main(options) == 0
    events = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [e["event"] for e in events if e["event"] != "progress"] == [
        "note", "note", "begin", "end", "note",
    ]  # fmt: skip
    begin = next(e for e in events if e["event"] == "begin")
    assert begin["seconds_left"] > 0
    end = events[-2]
    assert (end["trials"], end["trials_done"]) == (4, 4)
    assert 0 < end["best"]["validation_accuracy"] < 1


def test_errors_are_json_lines_too(capsys):
    assert main(["--strategy", "guess", "--log-format", "json"]) == 2
    assert json.loads(capsys.readouterr().err)["event"] == "error"
