"""Regression from a table to predictions: search, ranking, report, saved network, export."""

import json
import subprocess

import jax.numpy as jnp
import numpy as np
import pytest

import jdend
from jdend import HyperparameterSearcher
from jdend.data import DataError, from_arrays
from jdend.predict import main as predict
from jdend.report import portrait_of, read_record, write_report
from jdend.search import SearchError
from jdend.search.cli.main import main as search
from jdend.study import SearchResult, rank
from jdend.training import Loss, Metric

SPACE = {"n_neurons": [3, 5], "n_dendrites": 2, "n_dendrite_inputs": 3, "lr": 0.03, "n_epochs": 6}
SETTINGS = {"max_params": 120, "min_param_ratio": 0.1, "batch_size": 16, "verbose": False}


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """Prices around 1000 that follow from size, floor (with holes) and a word."""
    rng = np.random.default_rng(0)
    lines = ["size,floor,town,price"]
    for i in range(240):
        size, floor, town = rng.uniform(20, 120), i % 6, rng.choice(["north", "south"])
        price = 1000 + 8 * size + 30 * floor + 200 * (town == "north") + rng.normal(0, 20)
        lines.append(f"{size:.1f},{'' if i % 11 == 0 else floor},{town},{price:.2f}")
    path = tmp_path_factory.mktemp("prices") / "prices.csv"
    path.write_text("\n".join(lines))
    return path


@pytest.fixture(scope="module")
def searched(table):
    out = table.parent / "out"
    searcher = HyperparameterSearcher(
        table, target="price", task="regression", seeds=2, out=out, **SETTINGS
    )
    searcher.optimize(SPACE, None, "grid", pruner="halving")
    return searcher, out


@pytest.fixture(scope="module")
def saved(searched):
    return jdend.save(searched[0].best_model(), searched[1].parent / "best")


def test_networks_are_ranked_by_the_root_of_the_mean_squared_error(searched):
    results = searched[0].results
    best = rank(results)[0]
    assert best.metric == "rmse"
    assert best.minimised
    ended = [r for r in results if r.stopped_epoch is None]
    assert best.measured("validation")[0] == min(r.measured("validation")[0] for r in ended)
    assert best.score == -best.measured("validation")[0]


def test_errors_are_in_the_units_of_the_target(searched):
    assert (
        20 < searched[0].get_best_results(1)[0].measured("test")[0] < 200
    )  # of a deviation of 260


def test_there_are_no_accuracies(searched, capsys):
    searched[0].print_results()
    table = capsys.readouterr().out
    assert "valid. rmse" in table
    assert "acc" not in table
    assert not searched[0].results[0].has_accuracy


def test_results_are_read_back_and_ranked_alike(searched):
    results = searched[0].results
    again = [SearchResult.from_dict(json.loads(json.dumps(r.to_dict()))) for r in results]
    assert [r.score for r in rank(again)] == [r.score for r in rank(results)]


def test_the_report_shows_predictions_and_no_confusion(searched):
    record = read_record(searched[1])
    portrait = portrait_of(record)
    page = write_report(record, searched[1] / "report.html", portrait=portrait).read_text()
    assert "root of its mean squared error" in page
    assert "units of price" in page
    assert "RMSE against parameters" in page
    assert "confusion" not in page.split("</style>")[1].lower()
    assert "Accuracy in per cent" not in page
    true, predicted = portrait.predictions.T
    rmse = np.sqrt(np.mean((true - predicted) ** 2))
    best = searched[0].get_best_results(1)[0]
    of_seed = best.seed_figures["test_rmse"][best.seeds.index(best.best_seed)]
    assert rmse == pytest.approx(of_seed, rel=1e-3)


@pytest.mark.parametrize("form", ["md", "png"])
def test_other_forms_of_the_report_have_them_as_well(searched, form, tmp_path):
    record = read_record(searched[1])
    path = write_report(record, tmp_path / f"r.{form}", form=form, portrait=portrait_of(record))
    assert path.stat().st_size > 1000


def test_a_saved_network_predicts_the_same_table(searched, saved, table, capsys):
    assert predict([str(saved), str(table), "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines[0].keys() == {"row", "target", "value"}
    assert lines[0]["target"] == "price"
    true = [float(line.split(",")[-1]) for line in table.read_text().splitlines()[1:]]
    assert np.corrcoef([line["value"] for line in lines], true)[0, 1] > 0.9


def test_the_page_of_a_saved_network_says_what_it_predicts(saved):
    card = (saved / "README.md").read_text()
    assert "predicts price, a number" in card
    assert "| price | the target |" in card
    assert "accuracy" not in card


def test_the_c_file_predicts_in_the_target_s_units(saved, tmp_path):
    path = jdend.export(saved, "c", tmp_path / "n.c").path
    assert "price in its own units" in path.read_text()
    command = ["cc", "-std=c99", "-Wall", "-Werror", "-DJDEND_CHECK", path, "-o", tmp_path / "n"]
    subprocess.run(command, check=True)
    assert subprocess.run([tmp_path / "n"], check=False).returncode == 0


def test_the_portable_program_predicts_in_the_target_s_units(saved):
    from jdend.exporting._stablehlo import portable

    model = jdend.load(saved)
    x = np.random.default_rng(0).normal(
        60, 20, (5, model.configuration.structure.problem.in_features)
    )
    x = x.astype(np.float32)
    np.testing.assert_allclose(portable(model)(jnp.asarray(x)), model.logits(x), rtol=1e-4)


def test_it_goes_on_after_an_end(searched, table):
    again = HyperparameterSearcher(
        table, target="price", task="regression", seeds=2, out=searched[1], resume=True, **SETTINGS
    )
    results = again.optimize(SPACE, None, "grid", pruner="halving")
    for result, before in zip(results, searched[0].results, strict=True):
        np.testing.assert_equal(result.seed_figures, before.seed_figures)


@pytest.fixture(scope="module")
def line():
    x = np.random.default_rng(0).normal(size=(90, 4)).astype(np.float32)
    return from_arrays(x, 3 * x[:, 0] + 10, task="regression", name="line")


MLP = {"architecture": "mlp", "hidden_dim": 4, "n_epochs": 5, "lr": 0.05}


def test_arrays_and_folds_and_another_metric(line):
    searcher = HyperparameterSearcher(line, folds=3, metric="r2", loss="huber", **SETTINGS)
    result = searcher.train_and_evaluate(MLP)
    assert result.n_networks == 3
    assert 0.3 < result.measured("validation")[0] < 1


def test_a_metric_and_a_loss_of_one_s_own(line):
    jdend.register_loss(
        Loss("absolute", lambda logits, y: jnp.abs(logits[..., 0] - y), "regression")
    )
    worst = Metric(
        "worst", lambda p, y, counted: jnp.where(counted, jnp.abs(p[:, 0] - y), 0.0).max(),
        minimised=True, task="regression",
    )  # fmt: skip
    searcher = HyperparameterSearcher(line, metric=worst, loss="absolute", **SETTINGS)
    result = searcher.train_and_evaluate(MLP)
    rmse = HyperparameterSearcher(line, loss="absolute", **SETTINGS).train_and_evaluate(MLP)
    assert result.validation_loss == rmse.validation_loss
    assert result.measured("validation")[0] > rmse.measured("validation")[0]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"metric": "accuracy"}, "unknown metric 'accuracy' for regression"),
        ({"loss": "cross_entropy"}, "unknown loss 'cross_entropy' for regression"),
        ({"class_weights": "balanced"}, "class_weights=balanced is for classes"),
        ({"task": "classification"}, "line is for regression"),
    ],
)
def test_what_is_for_classes_is_refused(line, settings, said):
    with pytest.raises((SearchError, DataError), match=said):
        HyperparameterSearcher(line, **SETTINGS, **settings)


def test_label_smoothing_is_for_classes(line):
    searcher = HyperparameterSearcher(line, **SETTINGS)
    with pytest.raises(ValueError, match=r"label_smoothing=0\.1 is for classes"):
        searcher.train_and_evaluate({**MLP, "label_smoothing": 0.1})


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (("--task", "regresion"), "unknown task 'regresion'"),
        (("--task", "regression"), "task='regression' needs data of yours"),
        (("--metric", "rmse"), "unknown metric 'rmse' for classification"),
        (("--loss", "huber"), "unknown loss 'huber' for classification"),
    ],
)
def test_the_command_line_says_so_in_one_line(settings, said, capsys):
    assert search(["--dataset", "digits", "--budget", "1000", "--dry-run", *settings]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_the_default_space_finds_networks_for_a_number(table, tmp_path, capsys):
    arguments = ["--dataset", str(table), "--target", "price", "--task", "regression"]
    arguments += ["--budget", "300", "--trials", "2", "--epochs", "2", "--pruner", "none"]
    assert search([*arguments, "--seeds", "1", "--out", str(tmp_path / "out"), "--no-report"]) == 0
    assert "valid. rmse" in capsys.readouterr().out
    config = json.loads((tmp_path / "out/run.json").read_text())["config"]
    assert config["task"] == "regression"
    assert "label_smoothing" not in config["space"]
