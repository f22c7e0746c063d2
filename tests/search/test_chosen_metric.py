"""Networks are chosen and stopped by the metric asked for, and all that is said means it."""

import json

import numpy as np
import pytest

from jdend import HyperparameterSearcher
from jdend.data import from_arrays
from jdend.report import read_record, write_report
from jdend.search import SearchError
from jdend.search.cli.main import main as search
from jdend.search.cli.watch import view
from jdend.study import (
    SearchResult,
    TrialInTraining,
    open_study,
    pareto_front,
    rank,
    read_results,
    results_table,
    smallest_reaching,
    to_dataframe,
)
from jdend.training import Metric, MetricError, _metrics

SPACE = {"architecture": "mlp", "hidden_dim": (3, 9)}
LOSS = "validation_log_loss"


def by_loss(value, accuracy=0.5, total=100, *, seeds=(0, 1), **others):
    """A result whose seeds have the values ± 0.1 of log loss."""
    figures = {LOSS: [value + 0.1, value - 0.1], "test_log_loss": [value + 1.0] * 2}
    return SearchResult(
        {"n_neurons": 3}, 0.5, 0.5, total, 1.0, 0.5, accuracy, seeds=seeds, seed_figures=figures,
        history={LOSS: [2 * value, value]}, metric="log_loss", minimised=True, **others,
    )  # fmt: skip


@pytest.fixture(scope="module")
def unbalanced():
    """One example in eight is of the class 1, which is less probable than 0 wherever one looks."""
    rng = np.random.default_rng(0)
    y = (np.arange(1200) % 8 == 0).astype(int)
    x = rng.normal(size=(1200, 6)) + 0.7 * y[:, None] * (np.arange(6) < 2)
    return from_arrays(
        x[:800].astype(np.float32), y[:800], x[800:].astype(np.float32), y[800:], name="unbalanced"
    )


def searched(dataset, metric, **settings):
    searcher = HyperparameterSearcher(
        dataset, max_params=120, min_param_ratio=0.1, validation_fraction=0.4, batch_size=32,
        metric=metric, verbose=False, **settings,
    )  # fmt: skip
    space = {**SPACE, "lr": [1e-3, 3e-2], "n_epochs": [1, 30], "weight_decay": 0.0}
    searcher.grid_search({**space, "hidden_dim": [3, 12]})
    return searcher


def test_on_unbalanced_data_another_network_is_the_best(unbalanced):
    by_accuracy, balanced = (
        searched(unbalanced, name) for name in ("accuracy", "balanced_accuracy")
    )
    (first,), (second,) = (s.get_best_results(1) for s in (by_accuracy, balanced))
    assert first.params != second.params
    assert second.measured("validation")[0] == max(
        r.measured("validation")[0] for r in balanced.results
    )
    assert second.validation_accuracy < first.validation_accuracy
    (the_same,) = [r for r in balanced.results if r.params == first.params]
    assert the_same.validation_accuracy == first.validation_accuracy
    assert the_same.score < second.score


def test_results_are_ranked_by_what_they_were_chosen_by():
    low, high = by_loss(0.3, accuracy=0.6), by_loss(0.7, accuracy=0.9)
    assert rank([high, low]) == [low, high]
    assert (low.measured("test")[0], low.score) == (pytest.approx(1.3), pytest.approx(-0.3))
    assert low.measured("validation")[1] == pytest.approx(0.1 * 2**0.5)
    assert low.best_seed == 1
    assert low.score_history == [-0.6, -0.3]


def test_the_front_and_the_smallest_that_is_good_enough():
    small, large, worse = by_loss(0.5, total=50), by_loss(0.3), by_loss(0.6, total=90)
    assert pareto_front([large, worse, small]) == [small, large]
    assert smallest_reaching([large, small, worse], 0.4) == large
    assert smallest_reaching([large, small, worse], 0.55) == small


def test_without_validation_examples_there_is_no_score():
    assert by_loss(0.3, accuracy=None).measured("validation") == (None, None)
    assert by_loss(0.3, accuracy=None).score is None


def test_json_has_the_means_and_comes_back():
    result = by_loss(0.3)
    record = json.loads(json.dumps(result.to_dict()))
    assert (record["metric"], record["minimised"]) == ("log_loss", True)
    assert record[LOSS] == pytest.approx(0.3)
    assert record["test_log_loss_std"] == 0.0
    assert SearchResult.from_dict(record) == result


def test_of_accuracy_json_says_nothing_new():
    plain = SearchResult({}, 0.5, 0.5, 10, 1.0, 0.5, 0.5)
    assert not {"metric", "minimised"} & plain.to_dict().keys()
    assert plain.score == 0.5


def test_a_table_has_its_figures_before_the_accuracies():
    head, row, *_ = results_table([by_loss(0.3, accuracy=0.625)]).splitlines()
    assert head.split("  ")[:3] == ["#", "valid. log_loss", "test log_loss"]
    assert "valid. acc." in head
    assert row.split()[:4] == ["1", "0.3000±0.1414", "1.3000±0.0000", "0.6250"]
    frame = to_dataframe([by_loss(0.3)])
    assert frame.validation_log_loss[0] == pytest.approx(0.3)


@pytest.mark.usefixtures("instant_training")
def test_a_rung_keeps_those_that_are_best_by_it(small_images):
    """Training that takes no time has the share of errors for every other metric."""

    def kept(metric):
        searcher = HyperparameterSearcher(
            small_images, max_params=9000, min_param_ratio=0.1, batch_size=50, metric=metric,
            verbose=False,
        )  # fmt: skip
        space = {**SPACE, "n_epochs": 9, "lr": (1e-3, 1e-2)}
        results = searcher.optimize(space, 18, "random", pruner="halving")
        accuracies = [r.validation_accuracy for r in results if r.stopped_epoch is None]
        return max(accuracies), np.median([r.validation_accuracy for r in results])

    best, middle = kept("accuracy")
    assert best > middle
    best, middle = kept("auc")  # here the worse the accuracy
    assert best < middle
    best, middle = kept("log_loss")  # less of which is better
    assert best > middle


@pytest.mark.usefixtures("instant_training")
@pytest.mark.parametrize("strategy", ["tpe", "nsga2"])
def test_strategies_learn_of_it(strategy, small_images, tmp_path):
    """Optuna is told the score, and which trial is best."""
    searcher = HyperparameterSearcher(
        small_images, max_params=9000, min_param_ratio=0.1, batch_size=50, metric="log_loss",
        verbose=False, out=tmp_path / "run",
    )  # fmt: skip
    space = {**SPACE, "n_epochs": 2, "lr": (1e-3, 1e-2)}
    searcher.optimize(space, 12, strategy, generation=4, pruner="none")
    trials = open_study(tmp_path / "run").study.get_trials()
    assert [t.values[0] for t in trials] == [r.score for r in searcher.results]
    assert all(trial.values[0] < 0 for trial in trials)
    assert searcher.get_best_results(1)[0].score == max(trial.values[0] for trial in trials)


OPTIONS = ("--dataset", "digits", "--budget", "1000", "--seeds", "2", "--batch-size", "64")
SHORT = (*OPTIONS, "--epochs", "2", "--trials", "3", "--strategy", "random", "--pruner", "none")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The folder of a search by log loss."""
    folder = tmp_path_factory.mktemp("by_loss") / "run"
    assert search([*SHORT, "--metric", "log_loss", "--out", str(folder)]) == 0
    return folder


def test_the_table_and_the_files_mean_the_same_by_best(finished, capsys):
    results = read_results(finished / "results.json")
    best = min(results, key=lambda r: r.measured("validation")[0])
    run = json.loads((finished / "run.json").read_text())
    assert run["config"]["metric"] == "log_loss"
    assert rank(results)[0] == best
    assert search(["watch", str(finished)]) == 0
    shown = capsys.readouterr().out.splitlines()
    value, std = best.measured("validation")
    assert shown[3].split()[1] == f"{value:.4f}±{std:.4f}"


def test_the_report_speaks_of_it(finished, tmp_path):
    record = read_record(finished)
    text = write_report(record, tmp_path / "report.html").read_text()
    assert "validation log loss" in text
    assert "Log loss against parameters" in text
    assert "Networks are chosen by the log loss on examples" in text
    assert "test accuracy" in text
    assert "validation log loss" in (finished / "report.html").read_text()


def test_events_say_the_best_by_it(finished, tmp_path, capsys):
    options = (*SHORT, "--metric", "log_loss", "--out", str(tmp_path / "run"), "--no-report")
    assert search([*options, "--log-format", "json"]) == 0
    events = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    (end,) = [event for event in events if event["event"] == "end"]
    best = rank(read_results(tmp_path / "run" / "results.json"))[0]
    assert end["best"][LOSS] == pytest.approx(best.measured("validation")[0], abs=1e-6)


def test_it_goes_on_with_its_metric_and_no_other(finished, capsys):
    before = read_results(finished / "results.json")
    assert search(["--resume", str(finished), "--no-report"]) == 0
    assert read_results(finished / "results.json") == before
    capsys.readouterr()
    assert search(["--resume", str(finished), "--metric", "auc", "--no-report"]) == 2
    assert 'metric is "log_loss" there and "auc" here' in capsys.readouterr().err


def test_a_line_while_it_searches_and_those_who_watch_say_its_name(finished, monkeypatch):
    trials = [TrialInTraining("mlp", 90, 1, 3, v, "log_loss", True) for v in (0.7, 0.4, None)]
    monkeypatch.setattr("jdend.search.cli.watch.trials_in_training", lambda folder: trials)
    *_, heading, first, second, third = view(open_study(finished), 5).splitlines()
    assert heading.startswith("valid. log_loss")
    assert [line.split()[0] for line in (first, second, third)] == ["0.4000", "0.7000", "-"]


@pytest.mark.parametrize("given", ["f1", "", "Accuracy"])
def test_an_unknown_metric_is_one_line(given, tmp_path, capsys):
    assert search([*SHORT, "--metric", given, "--out", str(tmp_path / "run")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"jdend.search: unknown metric {given!r}")
    assert line.endswith("allowed are accuracy, balanced_accuracy, f1_macro, auc, log_loss")
    assert not (tmp_path / "run").exists()


def test_a_metric_that_returns_no_number_is_refused_before_training(unbalanced):
    with pytest.raises(SearchError, match="'each' must return one number"):
        searched(unbalanced, Metric("each", lambda logits, y, counted: logits))
    with pytest.raises(SearchError, match="cannot be named 'loss'"):
        searched(unbalanced, Metric("loss", lambda logits, y, counted: 0.0))
    assert issubclass(MetricError, ValueError)


def test_one_of_ones_own_from_the_command_line(tmp_path, monkeypatch):
    monkeypatch.setattr(_metrics, "_METRICS", dict(_metrics._METRICS))
    (tmp_path / "own_metric.py").write_text(
        "from jdend import register_metric\n"
        "from jdend.training import Metric\n"
        "def errors(logits, y, counted):\n"
        "    return (counted & (logits.argmax(-1) != y)).sum() / counted.sum()\n"
        'register_metric(Metric("errors", errors, minimised=True))\n'
    )
    options = ("--plugin", str(tmp_path / "own_metric.py"), "--metric", "errors", "--no-report")
    assert search([*SHORT, *options, "--out", str(tmp_path / "run")]) == 0
    for result in read_results(tmp_path / "run" / "results.json"):
        errors, _ = result.measured("validation")
        assert errors == pytest.approx(1 - result.validation_accuracy, abs=1e-6)
