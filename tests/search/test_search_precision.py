"""`--precision`: kept with the search, in its workers, and in the network that is saved."""

import json

import pytest

from jdend import HyperparameterSearcher
from jdend.search import SearchError
from jdend.search.cli.main import main as search
from jdend.study import read_results

OPTIONS = ("--dataset", "digits", "--budget", "1000", "--seeds", "1", "--batch-size", "64")
SHORT = (*OPTIONS, "--epochs", "2", "--trials", "3", "--strategy", "random", "--pruner", "none")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("in_bfloat16") / "run"
    words = [*SHORT, "--precision", "bfloat16", "--save-best", "--no-report"]
    assert search([*words, "--out", str(folder)]) == 0
    return folder


def test_it_is_recorded_and_changes_figures(finished, tmp_path):
    plain = tmp_path / "plain"
    assert search([*SHORT, "--no-report", "--out", str(plain)]) == 0
    configs = [json.loads((f / "run.json").read_text())["config"] for f in (finished, plain)]
    assert configs[0]["precision"] == "bfloat16"
    assert "precision" not in configs[1]
    exact, rounded = (
        {r.total_params: r.test_accuracy for r in read_results(f / "results.json")}
        for f in (plain, finished)
    )
    assert exact != rounded
    assert exact == pytest.approx(rounded, abs=0.1)


def test_it_goes_on_with_its_precision_and_no_other(finished, capsys):
    before = read_results(finished / "results.json")
    assert search(["--resume", str(finished), "--no-report"]) == 0
    assert read_results(finished / "results.json") == before
    capsys.readouterr()
    assert search(["--resume", str(finished), "--precision", "float32", "--no-report"]) == 2
    assert 'precision is "bfloat16" there and "float32" here' in capsys.readouterr().err


def test_the_saved_network_has_the_figures_of_the_table(finished):
    best = max(read_results(finished / "results.json"), key=lambda r: r.validation_accuracy)
    figures = json.loads((finished / "best" / "config.json").read_text())["figures"]
    assert figures["test_accuracy"] == pytest.approx(best.test_accuracy, abs=1e-3)


def test_planned_populations_have_it(small_images, instant_training):
    searcher = HyperparameterSearcher(
        small_images, precision="bfloat16", batch_size=50, verbose=False
    )
    searcher.random_search({"n_neurons": (4, 12), "n_dendrites": [3]}, 4)
    assert {call[0].precision for call in instant_training} == {"bfloat16"}
    assert {call[0].kernel for call in instant_training} == {"dense"}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("tf32",), "precision 'tf32' is not to be had on this device, "),
        (("half",), "unknown precision 'half'; allowed are float32, bfloat16, tf32"),
        (("bfloat16", "--kernel", "gather"), "kernel 'gather' computes in float32 alone: "),
    ],
)
def test_what_cannot_be_is_one_line_before_anything_is_loaded(
    options, said, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr("jdend.kernels._precision._has", lambda precision, device: False)
    words = [*SHORT, "--out", str(tmp_path / "run"), "--precision", *options]
    assert search(words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"jdend.search: {said}")
    assert not (tmp_path / "run").exists()


def test_a_cluster_s_devices_are_not_asked_here(small_images):
    """The loop may run where no GPU is; its workers say what they lack."""
    HyperparameterSearcher(small_images, precision="tf32", cluster="127.0.0.1:1", verbose=False)
    with pytest.raises(SearchError, match="unknown precision"):
        HyperparameterSearcher(small_images, precision="half", cluster="127.0.0.1:1", verbose=False)
