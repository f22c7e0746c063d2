"""`python -m jdend.search watch`: what it shows of a study."""

from pathlib import Path

import pytest

from jdend.search.cli import main as cli
from jdend.study import ProposedTrial, SearchResult, SnapshotFolder, Study, TrialInTraining


@pytest.fixture
def folder(tmp_path):
    """A study of two generations; the second is in training."""
    study = Study(tmp_path / "run")
    ledger = study.ledger({"max_params": 1000})
    trials = [ProposedTrial({"n_neurons": n}, (0,), total_params=900 + n) for n in (4, 5, 6)]
    results = [
        SearchResult({"n_neurons": 4}, 0.4, 0.4, 904, 1.0, 0.5, validation_accuracy=0.41),
        SearchResult({"n_neurons": 5}, 0.5, 0.5, 905, 1.0, 0.5, validation_accuracy=0.52),
        SearchResult({"n_neurons": 6}, 0.5, 0.5, 906, 1.0, 0.5, failed=0),
    ]
    ledger.claim(2)
    ledger.begin(0, trials)
    ledger.finish(0, results)
    ledger.claim(2)
    ledger.begin(1, trials[:2])
    yield str(tmp_path / "run")
    ledger.release()


def test_the_best_come_first(folder, capsys):
    assert cli.main(["watch", folder, "--once", "--top", "2"]) == 0
    state, _, heading, *rows = capsys.readouterr().out.splitlines()
    assert state == "search: 3 trials finished, 1 of them failed, 2 in training or broken off"
    assert heading.split() == ["#", "valid.", "test", "params", "neurons"]
    assert [row.split()[-1] for row in rows] == ["5", "4"]


def test_trials_in_training_are_shown(folder, capsys):
    trials = [
        TrialInTraining("dendritic_simple", 905, 3, 15, 0.61),
        TrialInTraining("sparse_somata", 904, 3, 15, 0.72),
    ]
    SnapshotFolder(Path(folder), 1).tell(1, trials)
    assert cli.main(["watch", folder, "--once"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[-4] == "2 in training, 3 epochs done"
    assert [row.split() for row in shown[-2:]] == [
        ["0.7200", "904", "3", "of", "15", "sparse_somata"],
        ["0.6100", "905", "3", "of", "15", "dendritic_simple"],
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["no-such-folder"], "no-such-folder holds no study: give the folder of a search"),
        (["sqlite:////no/such/study.db"], "unable to open database file"),
        ([".", "--top", "0"], "must be positive"),
    ],
)
def test_what_cannot_be_shown(arguments, said, capsys):
    assert cli.main(["watch", *arguments]) == 2
    assert said in capsys.readouterr().err


def test_an_unknown_name(folder, capsys):
    assert cli.main(["watch", folder, "--study", "other"]) == 2
    assert "holds no study 'other'; there are: search" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--evry", "2"], ["run", "--top", "x"], []])
def test_a_typing_error_is_one_line(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["watch", *arguments])
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("jdend.search watch: ")
