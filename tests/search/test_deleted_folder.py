"""A folder that vanishes during a search: what was found is printed, in one line why it is lost."""

import shutil

import pytest

from jdend.search.cli.main import main
from jdend.study._optuna_ledger import OptunaLedger

WORDS = ["--dataset=digits", "--budget=900", "--strategy=random", "--trials=4", "--generation=2"]


@pytest.mark.usefixtures("instant_training", "no_download")
@pytest.mark.parametrize("after", [0, 1])
def test_a_folder_that_is_deleted_loses_no_table(tmp_path, monkeypatch, capsys, after):
    finish, n_finished = OptunaLedger.finish, []

    def finish_and_delete(self, *arguments, **named):
        result = finish(self, *arguments, **named)
        n_finished.append(1)
        if len(n_finished) == after + 1:
            shutil.rmtree(tmp_path / "run")
        return result

    monkeypatch.setattr(OptunaLedger, "finish", finish_and_delete)
    code = main([*WORDS, f"--out={tmp_path / 'run'}", "--no-report", "--quiet", "--seeds=1"])
    captured = capsys.readouterr()
    assert code == 2
    assert len(captured.err.splitlines()) == 1
    assert "run" in captured.err
    assert "valid." in captured.out
    assert len(captured.out.splitlines()) > 3
