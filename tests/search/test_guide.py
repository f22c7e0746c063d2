"""A program written as the older toolkit's guide teaches works with only its imports changed.

Training is replaced by an instant stand-in, and data by small ones; all sizes, numbers of trials
and epochs are the guide's. `test_real_training.py` trains for real.
"""

import contextlib
import json

import pytest

from jdend import HyperparameterSearcher, SearchResult
from jdend.search import BudgetError, BudgetWarning, SpaceError
from jdend.search.scenarios import (
    ARCHITECTURES,
    optimize_for_budget,
    quick_prototype_search,
)

pytestmark = pytest.mark.usefixtures("instant_training", "no_download")


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_quick_start(tmp_path, capsys):
    searcher = HyperparameterSearcher(
        dataset="fashion-mnist", max_params=8000, n_epochs=15, verbose=True
    )
    param_grid = {
        "n_neurons": [8, 10, 12],
        "n_dendrites": [4, 6, 8],
        "n_dendrite_inputs": [64, 96, 128],
        "soma_enabled": [True, False],
        "architecture": ["dendritic_simple"],
        "synaptic_resampling": [True, False],
    }
    searcher.grid_search(param_grid, max_trials=20)
    searcher.print_results(5)
    searcher.save_results("my_search_results.json")

    assert len(searcher.results) == 8  # of 54 shapes, 4 fit, each with and without resampling
    assert all(6400 <= result.total_params <= 8000 for result in searcher.results)
    assert len(capsys.readouterr().out.splitlines()) >= 6
    assert len(json.loads((tmp_path / "my_search_results.json").read_text())) == 8


def test_one_budget_in_one_line(capsys):
    result = optimize_for_budget(max_params=5000, dataset="mnist")
    print(f"Best accuracy: {result.test_accuracy:.3f}")
    assert capsys.readouterr().out.startswith("Best accuracy: 0.")


def test_search_strategies():
    searcher = HyperparameterSearcher()
    searcher.grid_search(
        {"n_neurons": [8, 10, 12], "n_dendrites": [4, 6, 8], "n_dendrite_inputs": [64, 96, 128]}
    )
    n_results = len(searcher.results)
    param_distributions = {
        "n_neurons": (8, 15),
        "n_dendrites": [4, 6, 8, 10],
        "n_dendrite_inputs": {"type": "randint", "low": 32, "high": 200},
    }
    searcher.random_search(param_distributions, n_trials=50)
    assert len(searcher.results) == n_results + 50


def test_results_analysis():
    searcher = HyperparameterSearcher()
    searcher.random_search({"n_neurons": (8, 15), "n_dendrite_inputs": (60, 120)}, n_trials=8)
    best_results = searcher.get_best_results(5)
    searcher.print_results(5)
    searcher.save_results("results.json")
    best = best_results[0]
    assert isinstance(best, SearchResult)
    assert f"Best config: {best.params}"
    assert f"Accuracy: {best.test_accuracy:.3f}"
    assert best.total_params <= 8000
    assert best.train_time > 0
    assert best.final_test_loss >= 0
    assert 0 <= best.train_accuracy <= 1


def test_example_workflow():
    quick_result = quick_prototype_search(max_params=5000)
    assert quick_result.total_params <= 5000

    searcher = HyperparameterSearcher(max_params=8000, n_epochs=20)
    param_distributions = {
        "n_neurons": (10, 15),
        "n_dendrites": (4, 8),
        "n_dendrite_inputs": (80, 120),
        "architecture": ["dendritic_simple"],
        "synaptic_resampling": [True],
    }
    searcher.random_search(param_distributions, n_trials=30)
    best_config = searcher.get_best_results(1)[0].params
    longer = HyperparameterSearcher(max_params=8000, n_epochs=40)
    assert longer.train_and_evaluate(best_config).params == best_config


def test_a_loop_over_architectures_goes_on_where_nothing_fits():
    """Of 20 dendrites at most, a network without somata is too small for the budget."""
    best = {}
    for architecture in ["dendritic_simple", "soma_disabled", "dendritic_with_hidden"]:
        searcher = HyperparameterSearcher(max_params=8000, min_param_ratio=0.75, verbose=False)
        param_grid = {
            "n_neurons": [8, 10, 12],
            "n_dendrites": [6, 8] if architecture != "soma_disabled" else [15, 20, 25, 30],
            "n_dendrite_inputs": [32, 64, 96],
            "architecture": [architecture],
            "soma_enabled": [architecture != "soma_disabled"],
            "seed": [42, 123],
        }
        if architecture == "soma_disabled":
            with pytest.warns(BudgetWarning, match="the largest.*has 3,412"):
                searcher.grid_search(param_grid, max_trials=5)
        else:
            searcher.grid_search(param_grid, max_trials=5)
        if searcher.results:
            best[architecture] = searcher.get_best_results(1)[0].params
    assert set(best) == {"dendritic_simple", "dendritic_with_hidden"}


def test_a_refinement_by_hand_keeps_what_fits():
    """Some of the variations have more parameters than allowed, some fewer."""
    searcher = HyperparameterSearcher(max_params=8000, min_param_ratio=0.85, verbose=False)
    searcher.random_search(
        {"n_neurons": (5, 20), "n_dendrites": (3, 15), "n_dendrite_inputs": (32, 256)}, n_trials=10
    )
    n_broad, n_skipped = len(searcher.results), 0
    for centre in searcher.get_best_results(3):
        for delta in [-32, -8, 0, 8, 32]:
            variation = centre.params.copy()
            variation["n_dendrite_inputs"] += delta
            variation["seed"] = 42
            fits = searcher.is_valid_config(variation)
            with contextlib.nullcontext() if fits else pytest.warns(BudgetWarning):
                result = searcher.train_and_evaluate(variation)
            if result:
                searcher.results.append(result)
            else:
                n_skipped += 1
    assert n_skipped > 0
    assert len(searcher.results) == n_broad + 15 - n_skipped
    assert all(6800 <= r.total_params <= 8000 for r in searcher.get_best_results(99))


def test_parameters_are_estimated_with_arguments_in_the_toolkits_order():
    estimate = HyperparameterSearcher.estimate_params
    assert estimate(784, 10, 6, 128, True) == 10 * (6 * 129 + 7) + 11 * 10
    assert estimate(784, 10, 6, 128, False) == 6 * 129 + 7 * 10
    assert estimate(784, 10, 6, 128, True, 26) == 10 * (6 * 129 + 7) + 11 * 26
    assert estimate(784, 10, 25, 64, False, 10, "soma_disabled") == 25 * 65 + 26 * 10 + 11 * 10
    with_hidden = estimate(784, 10, 6, 48, True, 10, "dendritic_with_hidden", 8)
    assert with_hidden == 10 * (6 * 49 + 7) + 11 * 8 + 9 * 10
    with pytest.raises(SpaceError, match="soma_enabled must be True or False, got 10"):
        estimate(784, 10, 6, 128, 10)


def test_a_dendritic_layer_is_counted_with_linear_layers_after_it():
    searcher = HyperparameterSearcher(verbose=False)
    assert searcher.calculate_dendritic_params(784, 12, 6, 96) == 7198
    assert searcher.calculate_dendritic_params(784, 12, 6, 96, False) == 6 * 97 + 7 * 10
    assert searcher.calculate_dendritic_params(
        784, 12, 6, 96, True, additional_layers=[(-1, 8), (8, 10)]
    ) == searcher.estimate_params(784, 12, 6, 96, True, 10, "dendritic_with_hidden", 8)


def test_a_searcher_is_asked_what_it_was_told():
    searcher = HyperparameterSearcher(
        dataset="mnist", max_params=5000, min_param_ratio=0.75, n_epochs=8, lr=0.001,
        weight_decay=0.02, batch_size=512, verbose=False,
    )  # fmt: skip
    assert (searcher.max_params, searcher.min_params) == (5000, 3750)
    assert searcher.min_param_ratio == 0.75
    assert (searcher.n_epochs, searcher.batch_size) == (8, 512)
    assert (searcher.lr, searcher.weight_decay) == (0.001, 0.02)
    assert (searcher.in_dim, searcher.n_classes) == (784, 10)
    assert (searcher.subset_size, searcher.verbose) == (None, False)
    with pytest.raises(AttributeError):
        searcher.max_params = 6000


def test_a_searchers_data_are_arrays(small_images):
    searcher = HyperparameterSearcher(small_images, verbose=False)
    assert f"{searcher.dataset}_results.json" == "small_results.json"
    assert searcher.X_train.shape == (540, 784)  # a tenth is held out
    assert searcher.X_train.dtype == "float32"
    assert abs(searcher.X_train.mean()) < 0.1
    assert searcher.y_train.shape == (540,)
    assert (searcher.X_test.shape, searcher.y_test.shape) == ((100, 784), (100,))


def test_a_model_comes_with_its_number_of_parameters():
    searcher = HyperparameterSearcher(verbose=False)
    params = {"n_neurons": 12, "n_dendrites": 6, "n_dendrite_inputs": 96}
    model, total_params = searcher.create_model(params, counted=True)
    assert total_params == 7198
    assert model.dendritic.out_features == 12


def test_a_hidden_layer_after_dendrites_without_somata():
    params = {
        "architecture": "dendritic_with_hidden", "n_neurons": 10, "n_dendrites": 6,
        "n_dendrite_inputs": 128, "hidden_dim": 8, "soma_enabled": False,
    }  # fmt: skip
    searcher = HyperparameterSearcher(max_params=1000, verbose=False)
    model, total_params = searcher.create_model(params, counted=True)
    assert total_params == 920
    assert model.dendritic.out_features == 6
    assert searcher.is_valid_config(params)
    assert not searcher.is_valid_config({**params, "soma_enabled": True})  # it has 7,988
    estimate = searcher.estimate_params
    assert estimate(784, 10, 6, 128, False, 10, "dendritic_with_hidden", 8) == 920
    assert estimate(784, 10, 6, 128, True, 10, "dendritic_with_hidden", 8) == 7988


def test_names_with_hyphens(instant_training):
    searcher = HyperparameterSearcher(max_params=8000, min_param_ratio=0.1, verbose=False)
    grid = {
        "n_neurons": [1, 10],
        "n_dendrites": [4],
        "n_dendrite_inputs": [64],
        "strategy": ["random", "local-receptive-fields", "fully-connected"],
    }
    searcher.grid_search(grid)
    assert {(r.params["strategy"], r.total_params) for r in searcher.results} == {
        ("random", 2760), ("local_receptive_fields", 2760), ("fully_connected", 3165),
    }  # fmt: skip
    assert searcher.estimate_params(784, 1, 4, 64, strategy="fully-connected") == 3165


def test_architectures_are_printed_where_they_differ(capsys):
    searcher = HyperparameterSearcher(verbose=False)
    space = {
        "n_neurons": (8, 20), "n_dendrites": (4, 40), "n_dendrite_inputs": (32, 200),
        "architecture": ["dendritic_simple", "soma_disabled", "dendritic_with_hidden"],
        "hidden_dim": (5, 15), "percentage_resample": (0.1, 0.5), "steps_to_resample": [64, 128],
    }  # fmt: skip
    searcher.random_search(space, n_trials=30)
    searcher.print_results(30)
    printed = capsys.readouterr().out
    assert {r.params["architecture"] for r in searcher.results} == set(ARCHITECTURES)
    assert all(printed.count(name) >= 1 for name in ARCHITECTURES)
    assert max(map(len, printed.splitlines())) <= 80


def test_a_file_that_the_toolkit_wrote_is_ranked_by_what_it_has(tmp_path, capsys):
    records = [
        {"params": {"n_neurons": 10, "seed": 42}, "test_accuracy": accuracy, "total_params": 7000,
         "train_accuracy": 0.9, "train_time": 300.5, "final_test_loss": 0.4}
        for accuracy in (0.84, 0.86, 0.85)
    ]  # fmt: skip
    (tmp_path / "results.json").write_text(json.dumps(records))
    searcher = HyperparameterSearcher(verbose=False)
    searcher.load_results("results.json")
    with pytest.warns(UserWarning, match="ranked by test accuracy, which flatters the best"):
        best = searcher.get_best_results(2)
    assert [r.test_accuracy for r in best] == [0.86, 0.85]
    searcher.print_results(3)
    assert "ranked by test accuracy" in capsys.readouterr().out


def test_rows_of_the_first_phase_rank_after_means_over_seeds():
    space = {"n_neurons": (8, 15), "n_dendrites": [6], "n_dendrite_inputs": (64, 128)}
    searcher = HyperparameterSearcher(verbose=False)
    searcher.random_search(space, n_trials=20)
    fine = HyperparameterSearcher(seeds=5, verbose=False)
    fine.results = searcher.results
    fine.refine(searcher.get_best_results(3))
    assert [len(r.seeds) for r in fine.get_best_results(32)] == [5] * 12 + [1] * 20


@pytest.mark.parametrize("method", ["grid_search", "random_search", "mixed_search"])
def test_where_nothing_fits_a_search_warns_and_optimize_raises(method):
    searcher = HyperparameterSearcher(verbose=False)
    space = {"n_neurons": [100], "n_dendrite_inputs": [64]}
    with pytest.warns(BudgetWarning, match="Lower n_neurons to") as warned:
        assert getattr(searcher, method)(space, 5) == []
    assert warned[0].filename == __file__
    with pytest.raises(BudgetError, match="Lower n_neurons to"):
        searcher.optimize(space, 5, method.removesuffix("_search"))


def test_questions_to_a_file_of_results(tmp_path):
    searcher = HyperparameterSearcher(dataset="fashion-mnist", max_params=8000, verbose=False)
    distributions = {
        "n_neurons": (8, 20),
        "n_dendrites": [4, 6],
        "n_dendrite_inputs": (32, 96),
        "resampling_rule": ["flat", "shrinking"],
        "steps_to_resample": [64, 128],
    }
    searcher.random_search(distributions, n_trials=12)
    searcher.save_results("search.json")
    again = HyperparameterSearcher(dataset="fashion-mnist", max_params=8000)
    results = again.load_results("search.json")
    reached = sorted(r.validation_accuracy for r in results)[6]
    smallest = again.smallest_reaching(reached)
    assert smallest.validation_accuracy >= reached
    assert smallest.total_params == min(
        r.total_params for r in results if r.validation_accuracy >= reached
    )
    assert again.smallest_reaching(1.01) is None
    assert len(again.plot_time().data[0].x) == 12
    heatmap = again.plot_heatmap("resampling_rule", "steps_to_resample")
    assert set(heatmap.data[0].y) | set(heatmap.data[0].x) >= {"flat", "shrinking"}


def test_six_tiny_networks_of_different_shapes_share_a_program(instant_training):
    searcher = HyperparameterSearcher(
        dataset="digits", max_params=1000, min_param_ratio=0.1, n_epochs=2, verbose=False
    )
    sizes = {"n_neurons": [4, 6, 8], "n_dendrites": [2, 4], "n_dendrite_inputs": 8}
    assert len(searcher.grid_search(sizes)) == 6
    assert len({bucket for bucket, *_ in instant_training}) == 1
