"""After a search: its best network, trained again to be kept, and trained with fresh seeds."""

import numpy as np
import pytest

from jdend import HyperparameterSearcher, load
from jdend.data import load as load_data
from jdend.report import _best_network as best_network
from jdend.search import SearchError
from jdend.search.cli.main import main
from jdend.search.driver.retraining import fresh_seeds
from jdend.study import SearchResult

SETTINGS = {"n_epochs": 2, "batch_size": 128, "seeds": 2, "compile_cache": False, "verbose": False}
SPACE = {"architecture": "mlp", "hidden_dim": [8, 10], "lr": 0.01}


@pytest.fixture(scope="module")
def searcher():
    made = HyperparameterSearcher("digits", max_params=1000, min_param_ratio=0.1, **SETTINGS)
    made.grid_search(SPACE)
    return made


@pytest.fixture(scope="module")
def best(searcher):
    return searcher.get_best_results(1)[0]


@pytest.fixture(scope="module")
def model(searcher):
    return searcher.best_model()


def test_the_best_model_is_of_the_best_result(model, best):
    assert model.configuration.structure["hidden_dim"] == best.params["hidden_dim"]
    assert model.figures["total_params"] == best.total_params


def test_it_has_the_best_seed_and_its_figures(model, best):
    scores = best.seed_figures["validation_accuracy"]
    assert model.origin["seed"] == best.seeds[int(np.argmax(scores))]
    assert model.figures["validation_accuracy"] == pytest.approx(max(scores), abs=0.01)


def test_it_says_what_all_seeds_did(model, best):
    assert model.origin["seeds"] == [0, 1]
    assert model.origin["mean_validation_accuracy"] == best.validation_accuracy


def test_any_result_has_a_model(searcher):
    worst = searcher.get_best_results(2)[1]
    found = searcher.best_model(worst).configuration.structure["hidden_dim"]
    assert found == worst.params["hidden_dim"]


def test_retraining_has_fresh_seeds_and_another_length(searcher, best):
    again = searcher.retrain(best, n_epochs=3, seeds=3)
    assert again.seeds == (2, 3, 4)
    assert len(again.history["train_loss"]) == 3
    assert again.total_params == best.total_params
    assert again.test_accuracy_std is not None
    assert again not in searcher.results


def result(seeds):
    return SearchResult({}, 0.5, 0.5, 10, 1.0, 1.0, seeds=seeds)


@pytest.mark.parametrize(
    ("old", "asked", "fresh"),
    [((0, 1), 2, (2, 3)), ((7,), 1, (8,)), ((5, 2), 1, (6,)), ((0,), [0, 9], (0, 9))],
)
def test_fresh_seeds_follow_the_old(old, asked, fresh):
    assert fresh_seeds(result(old), asked) == fresh


@pytest.mark.parametrize("seeds", [0, -1, True, "2", []])
def test_seeds_that_are_none_are_refused(seeds):
    with pytest.raises(SearchError):
        fresh_seeds(result((0,)), seeds)


def command(tmp_path, *more):
    (tmp_path / "space.toml").write_text('architecture = "mlp"\nhidden_dim = [8]\nlr = 0.01\n')
    settings = "--dataset digits --budget 1000 --epochs 1 --batch-size 128 --no-compile-cache"
    space = ["--space", str(tmp_path / "space.toml"), "--min-ratio", "0.1", "--trials", "1"]
    return main([*settings.split(), *space, "--quiet", "--out", str(tmp_path / "run"), *more])


def test_save_best_saves_beside_the_results(tmp_path):
    assert command(tmp_path, "--save-best") == 0
    model = load(tmp_path / "run" / "best")
    data = load_data("digits")
    assert model.predict(data.train_images[:3]).shape == (3,)
    assert (tmp_path / "run" / "results.json").exists()


def test_save_best_takes_a_folder(tmp_path):
    assert command(tmp_path, "--save-best", str(tmp_path / "kept")) == 0
    assert load(tmp_path / "kept").class_names == tuple("0123456789")


def test_a_report_does_not_train_what_was_trained_to_be_saved(tmp_path, monkeypatch):
    monkeypatch.setattr(best_network, "train_model", lambda *a, **o: pytest.fail("trained again"))
    assert command(tmp_path, "--save-best") == 0
    assert "Most frequent confusions" in (tmp_path / "run" / "report.html").read_text()


@pytest.mark.parametrize("option", ["--dry-run", "--scenario=compare_architectures"])
def test_save_best_needs_a_search_of_its_own(tmp_path, option, capsys):
    given = ["--save-best", option, "--out", str(tmp_path / "run"), "--quiet"]
    assert main(given) == 2
    assert "--save-best" in capsys.readouterr().err
