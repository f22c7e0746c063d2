"""A search with folds: its figures, what it says of them, and the network that is kept."""

import json

import numpy as np
import pytest

from jdend import HyperparameterSearcher
from jdend.data import from_arrays
from jdend.report import portrait_of, read_record, write_report
from jdend.search import SearchError
from jdend.search.cli.main import main as search
from jdend.study import SearchResult, StudyError

SPACE = {"architecture": "mlp", "hidden_dim": [4, 8], "n_epochs": 4, "lr": 0.03}
SETTINGS = {"max_params": 120, "min_param_ratio": 0.1, "batch_size": 16, "verbose": False}


@pytest.fixture(scope="module")
def dataset():
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], [40, 35, 25])
    return from_arrays(rng.normal(size=(100, 5)) + np.eye(3, 5)[y], y, name="few")


@pytest.fixture(scope="module")
def searcher(dataset, tmp_path_factory):
    out = tmp_path_factory.mktemp("folds") / "out"
    searcher = HyperparameterSearcher(dataset, folds=4, seeds=2, out=out, **SETTINGS)
    searcher.optimize(SPACE, None, "grid", pruner="halving")
    record = read_record(out)
    write_report(record, out / "report.html", portrait=portrait_of(record, dataset))
    return searcher, out


def test_figures_are_means_over_the_folds_of_each_seed(searcher):
    for result in searcher[0].results:
        figures = result.seed_figures["validation_accuracy"]
        assert (result.seeds, len(figures), result.n_networks) == ((0, 1), 8, 8)
        assert result.validation_accuracy == pytest.approx(np.mean(figures))
        assert result.validation_accuracy_std == pytest.approx(np.std(figures, ddof=1))


def test_one_seed_has_a_deviation_over_folds(dataset):
    searcher = HyperparameterSearcher(dataset, folds=3, **SETTINGS)
    result = searcher.train_and_evaluate({**SPACE, "hidden_dim": 4, "n_epochs": 1})
    assert result.seeds == (0,)
    assert result.validation_accuracy_std > 0


def test_results_are_read_back_as_they_were(searcher):
    for result in searcher[0].results:
        assert SearchResult.from_dict(json.loads(json.dumps(result.to_dict()))) == result


def test_the_record_says_how_examples_were_divided(searcher):
    run = json.loads((searcher[1] / "run.json").read_text())
    config = run["config"]
    assert (config["folds"], config["fold_repeats"]) == (4, 1)
    assert "validation_fraction" not in config
    assert (config["n_train"], config["n_validation"]) == (60, 80)
    assert run["validation_interval"]


def test_the_report_speaks_of_folds(searcher):
    page = (searcher[1] / "report.html").read_text()
    assert "2 seeds each, on 4 folds" in page
    assert "over seeds and folds" in page
    assert "with all training examples, those of every fold" in page
    assert "sums are rounded in another order" not in page


def test_the_network_that_is_kept_is_trained_with_all_training_examples(searcher):
    model = searcher[0].best_model()
    assert model.origin["mean_validation_accuracy"] == searcher[0].get_best_results(1)[0].score
    assert model.origin["seed"] == searcher[0].get_best_results(1)[0].best_seed
    assert "validation_accuracy" not in model.figures


def test_the_best_seed_has_the_best_mean_over_its_folds():
    scores = [0.9, 0.1, 0.1, 0.5, 0.6, 0.4]
    result = SearchResult(
        {}, 0.5, 0.5, 10, 1.0, 0.5, 0.5, seeds=(7, 8), seed_figures={"validation_accuracy": scores}
    )
    assert result.best_seed == 8


def test_it_goes_on_with_the_same_folds_and_no_others(dataset, tmp_path):
    def searched(**changed):
        settings = {"folds": 3, "out": tmp_path / "out", "resume": True, **SETTINGS, **changed}
        searcher = HyperparameterSearcher(dataset, **settings)
        return searcher.optimize(SPACE, None, "grid", generation=1)

    first = searched()
    assert [r.seed_figures for r in searched()] == [r.seed_figures for r in first]
    with pytest.raises(StudyError, match="folds is 3 there and 4 here"):
        searched(folds=4)


def test_folds_of_what_is_not_loaded_yet_can_be_planned(capsys):
    searcher = HyperparameterSearcher(folds=5, fold_repeats=2, dry_run=True, verbose=False)
    searcher.grid_search({"architecture": "mlp", "hidden_dim": [9, 10]})
    assert (searcher.n_folds, searcher.n_train) == (10, 48_000)
    assert "mlp" in capsys.readouterr().out


def test_few_examples_point_to_folds_unless_there_are(dataset, capsys):
    for folds, expected in {None: True, 3: False}.items():
        searcher = HyperparameterSearcher(dataset, folds=folds, **{**SETTINGS, "verbose": True})
        searcher.grid_search({**SPACE, "n_epochs": 1})
        said = capsys.readouterr().err
        assert "validation examples: differences of some per cent are luck" in said
        assert ("--folds 5" in said) == expected


def test_a_teacher_does_not_go_with_folds(dataset, tmp_path):
    (tmp_path / "teacher.npz").write_bytes(b"")
    with pytest.raises(SearchError, match="folds and a teacher"):
        HyperparameterSearcher(dataset, folds=3, teacher=tmp_path / "teacher.npz", **SETTINGS)


def test_the_command_line_divides_and_keeps_the_best(tmp_path, capsys):
    rows = ["a,b,kind", *(f"{i % 7},{i % 5},{'xy'[i % 7 > 3]}" for i in range(60))]
    (tmp_path / "table.csv").write_text("\n".join(rows))
    (tmp_path / "space.toml").write_text(
        'architecture = "mlp"\nhidden_dim = [3, 4]\nn_epochs = 1\nlr = 0.01\nbatch_size = 8\n'
    )
    arguments = f"--dataset {tmp_path}/table.csv --target kind --space {tmp_path}/space.toml"
    arguments += " --budget 60 --min-ratio 0.1 --strategy grid --seeds 1 --folds 3 --fold-repeats 2"
    assert search([*arguments.split(), "--out", f"{tmp_path}/out", "--save-best"]) == 0
    printed = capsys.readouterr()
    assert "trained with all training examples" in printed.err
    assert "±" in printed.out
    assert "valid.: on 48 examples" in printed.out
