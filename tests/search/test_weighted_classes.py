"""Searches with class weights."""

import json

import pytest

from jdend import HyperparameterSearcher
from jdend.report import portrait_of, read_record
from jdend.search import SearchError
from jdend.search.cli.main import main as search
from jdend.study import read_results

SPACE = 'architecture = "linear"\nlr = 0.05\nbatch_size = 16\nn_epochs = 2\n'


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """160 rows, of which 20 are of the class `yes`."""
    rows = [f"{i % 7},{(i * i) % 11},{i % 3},{'no' if i % 8 else 'yes'}" for i in range(160)]
    path = tmp_path_factory.mktemp("table") / "rare.csv"
    path.write_text("\n".join(["a,b,c,y", *rows]))
    return path


def test_they_are_recorded_and_the_best_network_is_trained_again_with_them(table, tmp_path, capsys):
    (tmp_path / "space.toml").write_text(SPACE)
    folder = tmp_path / "run"
    options = ["--dataset", str(table), "--space", str(tmp_path / "space.toml"), "--seeds", "1"]
    options += ["--strategy", "grid", "--budget", "100", "--min-ratio", "0", "--no-report"]
    options += ["--class-weights", "balanced", "--out", str(folder)]
    assert search([*options, "--save-best"]) == 0
    (result,) = read_results(folder / "results.json")
    assert json.loads((folder / "run.json").read_text())["config"]["class_weights"] == "balanced"
    saved = json.loads((folder / "best" / "config.json").read_text())
    assert saved["figures"]["train_loss"] == pytest.approx(result.train_loss, rel=1e-4)
    portrait = portrait_of(read_record(folder))
    assert portrait.model.figures["train_loss"] == pytest.approx(result.train_loss, rel=1e-4)
    assert search(["--resume", str(folder), "--no-report"]) == 0
    capsys.readouterr()
    assert search(["--resume", str(folder), "--class-weights", "balance"]) == 2
    assert "unknown class_weights 'balance'; did you mean" in capsys.readouterr().err


def test_they_change_what_is_learned(table):
    def loss(**settings):
        searcher = HyperparameterSearcher(
            table, max_params=100, n_epochs=2, batch_size=16, verbose=False, **settings
        )
        configuration = {"architecture": "linear", "lr": 0.05}
        return searcher.train_and_evaluate(configuration, allow_any_size=True).train_loss

    assert loss() < loss(class_weights="balanced")
    with pytest.raises(SearchError, match="unknown class_weights 'equal'; allowed are balanced"):
        loss(class_weights="equal")
