"""The best network of a search is taken as it was trained, and not trained once more."""

import json

import jax
import numpy as np
import pytest
from flax import nnx

from jdend import HyperparameterSearcher, load
from jdend.report import _best_network as best_network
from jdend.report import portrait_of, read_record
from jdend.report.__main__ import main as report
from jdend.search.cli.main import main
from jdend.search.driver import retraining
from jdend.training import KeptNetworks

RANGES = {"n_neurons": (6, 12), "n_dendrites": (2, 4), "n_dendrite_inputs": (6, 16)}
SPACE = {**RANGES, "lr": 0.01}
SETTINGS = {"n_epochs": 3, "batch_size": 128, "compile_cache": False, "verbose": False}
WORDS = (
    *("--dataset", "digits", "--budget", "1000", "--epochs", "3", "--batch-size", "128"),
    *("--seeds", "2", "--strategy", "random", "--pruner", "halving", "--no-compile-cache"),
)


def searcher(**settings):
    return HyperparameterSearcher("digits", max_params=1000, **{**SETTINGS, **settings})


def command(folder, *words):
    lines = [
        f'{name} = {{type = "randint", low = {low}, high = {high}}}'
        for name, (low, high) in RANGES.items()
    ]
    (folder.parent / "space.toml").write_text("\n".join([*lines, "lr = 0.01"]))
    given = ["--space", str(folder.parent / "space.toml"), "--out", str(folder)]
    return main([*WORDS, *given, *words])


def no_training(monkeypatch):
    for module in (best_network, retraining):
        monkeypatch.setattr(module, "train_model", lambda *a, **o: pytest.fail("trained again"))


def assert_close(one, other):
    one, other = (nnx.to_pure_dict(nnx.state(model.module)) for model in (one, other))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-3), one, other)


@pytest.fixture(scope="module")
def halved(tmp_path_factory):
    """A searcher whose search stopped trials, in padded buckets with two seeds; and its folder."""
    folder = tmp_path_factory.mktemp("halved") / "out"
    made = searcher(seeds=2, out=folder)
    made.optimize(SPACE, 9, "random", pruner="halving")
    assert any(result.stopped_epoch for result in made.results)
    return made, folder


def test_it_is_the_network_that_training_again_makes(halved):
    made, _ = halved
    assert made.keeps_best
    best, again = made.best_model(), made.best_model(again=True)
    assert_close(best, again)
    assert best.origin == again.origin
    assert best.configuration == again.configuration
    assert best.figures.keys() == again.figures.keys()


def test_its_figures_are_those_of_the_search_to_the_last_bit(halved):
    made, _ = halved
    best = made.get_best_results(1)[0]
    place = best.seeds.index(best.best_seed)
    for name, value in made.best_model().figures.items():
        if name != "total_params":
            assert value == best.seed_figures[name][place], name


def test_a_report_shows_the_same_of_it_as_one_that_trains_it_again(halved):
    made, folder = halved
    record = read_record(folder)
    kept = portrait_of(record, observed=made.observed_best(), say=pytest.fail)
    again = portrait_of(record)
    assert (kept.trained_again, again.trained_again) == (False, True)
    assert_close(kept.model, again.model)
    assert kept.seed == again.seed
    assert kept.result == again.result
    assert len(kept.history) == len(again.history) == 4
    for one, other in zip(kept.history, again.history, strict=True):
        np.testing.assert_array_equal(one.indices, other.indices)
        np.testing.assert_allclose(one.weight, other.weight, rtol=1e-3, atol=1e-3)
    assert np.abs(kept.confusion - again.confusion).sum() <= 4
    assert kept.fields == again.fields


def test_other_networks_are_let_go_of(halved):
    made, _ = halved
    size = sum(leaf.nbytes for leaf in jax.tree.leaves(nnx.state(made.best_model().module)))
    n_seeds, n_states = 2, 4
    assert 0 < made._best.networks.nbytes <= 3 * n_seeds * n_states * size  # of its padded bucket


def test_a_search_with_a_report_and_save_best_trains_nothing_again(tmp_path, monkeypatch, capsys):
    no_training(monkeypatch)
    assert command(tmp_path / "out", "--trials", "9", "--save-best") == 0
    assert "again" not in capsys.readouterr().err
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "as the search trained it" in page
    assert "trained again" not in page
    seconds = json.loads((tmp_path / "out" / "run.json").read_text())["seconds"]
    assert "training the best again" not in seconds
    assert load(tmp_path / "out" / "best").class_names == tuple("0123456789")


def test_the_report_of_a_scenario_trains_nothing_again(tmp_path, monkeypatch, capsys):
    no_training(monkeypatch)
    words = [word for word in WORDS if word not in ("--strategy", "random", "--pruner", "halving")]
    scenario = ["--scenario", "optimize_for_budget", "--trials", "4"]
    assert main([*words, *scenario, "--out", str(tmp_path / "out")]) == 0
    assert "again" not in capsys.readouterr().err
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "as the search trained it" in page


def test_a_search_that_goes_on_trains_the_best_of_before_again(tmp_path, capsys):
    assert command(tmp_path / "out", "--trials", "9") == 0
    assert "trained again" not in capsys.readouterr().err
    assert command(tmp_path / "out", "--resume") == 0
    assert "the best network is trained again for it" in capsys.readouterr().err
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "trained again for this report" in page


def test_a_report_of_a_folder_trains_it_again(halved, capsys):
    _, folder = halved
    assert report([str(folder)]) == 0
    assert "trained again for this report" in (folder / "report.html").read_text(encoding="utf-8")


def test_the_best_of_several_searches_stays(monkeypatch):
    made = searcher(seeds=1)
    made.grid_search({"architecture": "mlp", "hidden_dim": [12, 14], "lr": 0.01})
    best = made.get_best_results(1)[0]
    made.grid_search({"architecture": "mlp", "hidden_dim": [12, 13], "lr": 1e-6})
    assert made.get_best_results(1)[0] == best
    no_training(monkeypatch)
    assert made.best_model().figures["test_accuracy"] == best.test_accuracy
    with pytest.raises(pytest.fail.Exception):  # another one is not kept
        made.best_model(made.get_best_results(2)[1])


def test_a_report_of_a_searcher_trains_nothing(tmp_path, monkeypatch):
    made = searcher(seeds=1)
    made.grid_search({"architecture": "mlp", "hidden_dim": [12, 14], "lr": 0.01})
    no_training(monkeypatch)
    page = made.report(tmp_path / "report.html").read_text(encoding="utf-8")
    assert "as the search trained it" in page


@pytest.mark.parametrize(
    "settings",
    [{"folds": 2, "subset_size": 600}, {"validation_fraction": 0.0}],
    ids=lambda given: next(iter(given)),
)
def test_with_folds_or_nothing_held_out_none_is_kept(settings):
    made = searcher(seeds=1, **settings)
    made.grid_search({"architecture": "mlp", "hidden_dim": [12, 14], "lr": 0.01})
    assert not made.keeps_best
    assert made._best.networks.nbytes == 0


def test_beyond_its_memory_the_best_is_trained_again(monkeypatch):
    made = searcher(seeds=1)
    monkeypatch.setattr(made._best, "networks", KeptNetworks(max_bytes=1000))
    made.grid_search({"architecture": "mlp", "hidden_dim": [12, 14], "lr": 0.01})
    assert not made.keeps_best
    best = made.get_best_results(1)[0]
    assert made.best_model().figures["test_accuracy"] == pytest.approx(best.test_accuracy, abs=0.01)
