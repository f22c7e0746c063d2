"""`HyperparameterSearcher`, with training replaced by an instant stand-in."""

import json
import re

import numpy as np
import pytest

from jdend import HyperparameterSearcher
from jdend.models import DendriticSimple, SomaDisabled
from jdend.search import BudgetWarning, SearchError, SpaceError, Study, StudyError
from jdend.search.executors import local
from jdend.study import rank

SIZES = {"n_neurons": [5, 6], "n_dendrites": [4], "n_dendrite_inputs": [32]}


@pytest.fixture
def search(small_images, instant_training):
    def make(**settings):
        return HyperparameterSearcher(
            small_images, **{"max_params": 1000, "verbose": False, **settings}
        )

    return make


def test_results_come_in_the_grids_order(search):
    searcher = search(min_param_ratio=0.7)
    found = searcher.grid_search({**SIZES, "lr": [1e-3, 2e-3]})
    assert [(r.params["n_neurons"], r.params["lr"]) for r in found] == [
        (5, 1e-3), (5, 2e-3), (6, 1e-3), (6, 2e-3),
    ]  # fmt: skip


def test_searches_append_their_results(search):
    searcher = search(min_param_ratio=0.7)
    first = searcher.grid_search(SIZES)
    second = searcher.random_search({**SIZES, "lr": (1e-3, 1e-2)}, n_trials=3)
    assert searcher.results == first + second


def test_ranking_is_by_validation_and_never_by_test(search):
    searcher = search(min_param_ratio=0.7)
    searcher.random_search({**SIZES, "lr": (1e-3, 1e-2)}, n_trials=9)
    ranked = searcher.get_best_results(9)
    accuracies = [r.validation_accuracy for r in ranked]
    assert accuracies == sorted(accuracies, reverse=True)
    assert ranked[0].test_accuracy == min(r.test_accuracy for r in ranked)  # see `_outcome`


def test_nothing_is_ranked_without_validation(search, capsys):
    searcher = search(validation_fraction=0, min_param_ratio=0.7)
    searcher.grid_search(SIZES)
    assert searcher.results[0].validation_accuracy is None
    with pytest.raises(StudyError, match="never ranked by test accuracy"):
        searcher.get_best_results(1)
    searcher.print_results()
    assert "not ranked" in capsys.readouterr().out


def test_what_plays_no_role_is_trained_once_and_reported_for_each(search, instant_training):
    searcher = search(min_param_ratio=0.7)
    grid = {**SIZES, "synaptic_resampling": [False], "percentage_resample": [0.1, 0.2, 0.3]}
    found = searcher.grid_search(grid)
    assert [r.params["percentage_resample"] for r in found] == [0.1, 0.2, 0.3] * 2
    assert found[0].test_accuracy == found[1].test_accuracy
    assert sum(len(configurations) for _, configurations, _ in instant_training) == 2


def test_the_summary_counts_over_under_and_same(search, capsys):
    searcher = search(verbose=True)
    searcher.grid_search(
        {"n_neurons": [2, 6, 9], "n_dendrites": [4], "n_dendrite_inputs": [32],
         "synaptic_resampling": [False], "steps_to_resample": [64, 128]}
    )  # fmt: skip
    said = capsys.readouterr().err
    assert said.splitlines()[1:3] == [
        "2 networks of the space fit; 2 have over 1,000 parameters, 2 under 800",
        "2 trials, 1 the same as another",
    ]


@pytest.mark.parametrize("way", ["grid_search", "random_search", "mixed_search", "optimize"])
def test_what_a_space_leaves_out_is_that_of_the_default_space(search, way):
    searcher = search(n_epochs=2, min_param_ratio=0.5)
    found = getattr(searcher, way)(SIZES, 2)
    assert {r.params["lr"] for r in found} == {searcher.lr}
    assert {r.params["schedule"] for r in found} == {"cosine"}
    assert searcher.lr > 0.01


def test_a_search_says_what_its_space_leaves_out(search, capsys):
    search(verbose=True, n_epochs=2, lr=0.02).random_search(SIZES, 2)
    (line,) = [x for x in capsys.readouterr().err.splitlines() if "not in the space" in x]
    assert line.startswith("not in the space, so as in the default one: initialization=fan_in")
    assert "batch_size=16" in line
    assert not [name for name in ("n_epochs", "lr=", *SIZES) if name in line]


def test_a_search_says_that_its_validation_examples_are_few(search, capsys):
    search(verbose=True).random_search(SIZES, 1)
    assert "only 60 validation examples" in capsys.readouterr().err
    search(verbose=True, validation_fraction=0.5).random_search(SIZES, 1)
    assert "validation examples" not in capsys.readouterr().err


def test_a_table_says_how_much_its_accuracies_say(search, capsys):
    searcher = search()
    searcher.random_search(SIZES, 1)
    searcher.print_results()
    words = " ".join(capsys.readouterr().out.split())
    _, _, note = words.rpartition("valid.: ")
    assert note.startswith("on 60 examples, for the best true accuracies of ")
    assert note.endswith("always the most frequent class: 0.1000")


def test_the_toolkits_settings_are_there_by_name(search):
    searcher = search(defaults="toolkit")
    (found,) = searcher.random_search({**SIZES, "n_neurons": 6}, 1)
    assert set(found.params) == set(SIZES)
    assert (searcher.lr, searcher.n_epochs, searcher.batch_size) == (5e-4, 15, 256)


def test_unknown_defaults_are_refused(search):
    with pytest.raises(SearchError, match="unknown defaults 'toolbox'; allowed are best, toolkit"):
        search(defaults="toolbox")


def test_a_configuration_by_itself_is_completed_too(search):
    searcher = search(min_param_ratio=0.5)
    found = searcher.train_and_evaluate({"n_neurons": 5, "n_dendrites": 4, "n_dendrite_inputs": 32})
    assert found.params["lr"] == searcher.lr


def test_configurations_equal_but_for_the_seed_are_one_trial(search, instant_training):
    (found,) = search().grid_search({**SIZES, "n_neurons": 6, "seed": [3, 1]})
    assert found.seeds == (1, 3)
    assert "seed" not in found.params
    assert found.test_accuracy == pytest.approx(np.mean(found.seed_figures["test_accuracy"]))
    assert found.test_accuracy_std == pytest.approx(
        np.std(found.seed_figures["test_accuracy"], ddof=1)
    )
    assert [seeds for _, _, seeds in instant_training] == [(1, 3)]


@pytest.mark.parametrize(
    ("seeds", "drawn", "trained"),
    [(1, None, (0,)), (3, None, (0, 1, 2)), ([4, 7], None, (4, 7)), (2, 5, (5, 6))],
)
def test_seeds(search, seeds, drawn, trained):
    space = {**SIZES, "n_neurons": 6} | ({} if drawn is None else {"seed": drawn})
    (found,) = search(seeds=seeds).grid_search(space)
    assert found.seeds == trained
    assert found.params.get("seed") == drawn


def test_one_seed_has_no_deviation(search):
    (found,) = search().grid_search({**SIZES, "n_neurons": 6})
    assert found.test_accuracy_std is None


def test_the_same_searches_draw_the_same_trials(search):
    def params(searcher):
        space = {**SIZES, "lr": (1e-3, 1e-2)}
        return [r.params for _ in range(2) for r in searcher.random_search(space, 4)]

    first = params(search(min_param_ratio=0.7))
    assert first == params(search(min_param_ratio=0.7))
    assert first[:4] != first[4:]
    assert first != params(search(min_param_ratio=0.7, search_seed=1))


def test_a_search_may_name_its_own_seed(search):
    searcher = search(min_param_ratio=0.7)
    space = {**SIZES, "lr": (1e-3, 1e-2)}
    first, second = (searcher.random_search(space, 4, search_seed=9) for _ in range(2))
    assert [r.params for r in first] == [r.params for r in second]


def test_a_trial_that_was_trained_is_not_trained_again(search, instant_training):
    searcher = search(min_param_ratio=0.7)
    first = searcher.grid_search(SIZES)
    n_calls = len(instant_training)
    assert searcher.grid_search(SIZES) == first
    assert len(instant_training) == n_calls


def test_train_and_evaluate_trains_any_configuration_that_it_is_allowed(search):
    searcher = search()
    large = {"n_neurons": 30, "n_dendrites": 4, "seed": 2}
    result = searcher.train_and_evaluate(large, allow_any_size=True)
    assert result.total_params > 1000
    assert result.seeds == (2,)
    assert searcher.results == []


@pytest.mark.parametrize(
    ("sizes", "why"),
    [({"n_neurons": 30}, "it has 4,420 parameters, and 800 to 1,000 are allowed"),
     ({"n_neurons": 1}, "it has 157"), ({"n_dendrite_inputs": 785}, "data have 784 features")],
)  # fmt: skip
def test_what_does_not_fit_is_not_trained(search, instant_training, sizes, why):
    params = {"n_neurons": 6, "n_dendrites": 4, "n_dendrite_inputs": 32, **sizes}
    with pytest.warns(BudgetWarning, match=why):
        assert search().train_and_evaluate(params) is None
    assert instant_training == []


def test_networks_over_the_budget_are_listed_after_all_others(search):
    searcher = search(min_param_ratio=0.7)
    searcher.random_search({**SIZES, "lr": (1e-3, 1e-2)}, n_trials=4)
    for rate in (0.001, 0.002, 0.003):
        large = {"n_neurons": 30, "n_dendrites": 4, "lr": rate}
        searcher.results.append(searcher.train_and_evaluate(large, allow_any_size=True))
    assert [r.total_params > 1000 for r in searcher.get_best_results(7)] == [False] * 4 + [True] * 3


def test_larger_budgets_that_were_asked_for_rank_with_the_others(search):
    searcher = search()
    space = {"n_neurons": (5, 40), "n_dendrites": [4], "n_dendrite_inputs": [32]}
    searcher.optimize(space, 4, "random", budgets=[1000, 2000, 4000])
    assert searcher.get_best_results(12) == rank(searcher.results)


def test_validity(search):
    searcher = search()
    assert searcher.is_valid_config({"n_neurons": 6, "n_dendrites": 4, "n_dendrite_inputs": 32})
    assert not searcher.is_valid_config({"n_neurons": 60})
    assert not searcher.is_valid_config({"n_neurons": 1})
    assert not searcher.is_valid_config({"n_dendrite_inputs": 785})
    with pytest.raises(SpaceError, match="n_nuerons"):
        searcher.is_valid_config({"n_nuerons": 6})


def test_models_are_built_but_not_trained(search):
    model = search().create_model({**{k: v[0] for k, v in SIZES.items()}, "soma_enabled": True})
    assert isinstance(model, DendriticSimple)
    assert model(np.zeros((2, 784), np.float32)).shape == (2, 10)
    assert isinstance(search().create_model({"architecture": "soma_disabled"}), SomaDisabled)


def test_models_depend_on_their_seed(search):
    params = {"n_neurons": 5, "n_dendrites": 4, "n_dendrite_inputs": 32}
    first, again, other = (search().create_model(params, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(first.dendritic.indices[...], again.dendritic.indices[...])
    assert not np.array_equal(first.dendritic.indices[...], other.dendritic.indices[...])


def test_results_saved_and_loaded_are_the_same(search, tmp_path):
    searcher = search(min_param_ratio=0.7, seeds=2)
    searcher.grid_search(SIZES)
    searcher.save_results(tmp_path / "results.json")
    other = search()
    assert other.load_results(tmp_path / "results.json") == searcher.results
    assert other.results == searcher.results


def test_results_hold_the_toolkits_keys_and_plain_json(search, tmp_path):
    searcher = search(min_param_ratio=0.7)
    searcher.grid_search(SIZES)
    searcher.save_results(tmp_path / "results.json")
    records = json.loads((tmp_path / "results.json").read_text())
    toolkits = {"params", "test_accuracy", "train_accuracy", "total_params", "train_time"}
    assert toolkits | {"final_test_loss"} <= records[0].keys()
    assert {"validation_accuracy", "history", "accuracy_per_1k_params"} <= records[0].keys()
    assert records[0]["params"] == searcher.results[0].params


def test_nothing_is_written_unless_asked(search, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    search().grid_search(SIZES)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_keeps_the_search(search, tmp_path):
    searcher = search(out=tmp_path / "run")
    searcher.grid_search(SIZES)
    run = json.loads((tmp_path / "run" / "run.json").read_text())
    assert run["status"] == "complete"
    assert run["trials"] == 1
    assert run["config"]["max_params"] == 1000
    assert run["config"]["space"]["n_neurons"] == [5, 6]
    assert len(run["config"]["fingerprint"]) == 64
    seconds = run["seconds"]
    assert {"proposing", "planning", "storing"} <= seconds.keys()
    assert sum(seconds.values()) == pytest.approx(run["wall_seconds"], abs=0.05)
    assert {"wall_seconds", "compile_seconds", "compilations", "programs_total"} <= run.keys()
    assert {"jax", "flax", "numpy", "python", "jdend"} <= run["versions"].keys()


@pytest.fixture
def broken_off(monkeypatch, instant_training):
    """Ctrl-C while the second population trains."""
    runs = local.runs

    def interrupted(*arguments, **options):
        if len(instant_training) == 1:
            raise KeyboardInterrupt
        return runs(*arguments, **options)

    monkeypatch.setattr(local, "runs", interrupted)


def test_what_is_finished_survives_an_interruption(search, broken_off, tmp_path):
    searcher = search(min_param_ratio=0.7, buckets="exact", out=tmp_path / "run")
    with pytest.raises(KeyboardInterrupt):
        searcher.grid_search(SIZES)
    assert [r.params["n_neurons"] for r in searcher.results] == [5]
    run = json.loads((tmp_path / "run" / "run.json").read_text())
    assert (run["status"], run["trials"]) == ("interrupted", 1)
    assert len(json.loads((tmp_path / "run" / "results.json").read_text())) == 1


def test_searchers_can_share_a_study(search):
    study = Study()
    for budget in (1000, 850):
        search(study=study, max_params=budget).grid_search(SIZES)
    assert [r.total_params for r in study.results] == [892, 745]


def test_a_dry_run_trains_nothing(search, instant_training, capsys):
    assert search(dry_run=True).grid_search(SIZES) == []
    shown = capsys.readouterr().out
    assert "892" in shown
    assert "1 trials in 1 programs" in shown
    assert all(len(line) <= 80 for line in shown.splitlines())
    assert instant_training == []


def test_a_dry_run_counts_true_parameters(search, capsys):
    search(dry_run=True, min_param_ratio=0.7, buckets="padded").grid_search(
        {"n_neurons": [5, 6], "n_dendrites": [4], "n_dendrite_inputs": [32, 33]}
    )
    shown = capsys.readouterr().out
    assert "padded to" in shown
    assert "916" in shown  # 6 neurons, 4 dendrites, 33 inputs: the largest of the members


def test_a_dry_run_tells_how_long_it_would_take(search, capsys):
    search(dry_run=True).grid_search(SIZES)
    assert "s of training, 0% of it for padding" in capsys.readouterr().out


def test_a_dry_run_may_ask_the_compiler_for_memory(search, capsys):
    memory = []
    for dry_run in (True, "compile"):
        search(dry_run=dry_run, batch_size=256).grid_search(SIZES)
        memory.append(re.search(r"about ([0-9.]+) MB at a time", capsys.readouterr().out))
    estimated, said = (float(found[1]) for found in memory)
    assert estimated == pytest.approx(said, rel=0.5)


def test_a_dry_run_needs_no_data(monkeypatch, capsys):
    monkeypatch.setattr("jdend.search.driver.data.load", lambda *_, **__: pytest.fail("loaded"))
    searcher = HyperparameterSearcher("fashion-mnist", dry_run=True, verbose=False)
    searcher.random_search({"n_neurons": (8, 20)}, n_trials=2)
    assert "2 trials in" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"n_classes": 47}, "n_classes=47, but small has 10 classes"),
        ({"max_params": 0}, "max_params"),
        ({"min_param_ratio": 2}, "min_param_ratio"),
        ({"n_epochs": 0}, "n_epochs must be a positive integer"),
        ({"n_epochs": 1.5}, "n_epochs must be a positive integer"),
        ({"lr": 0}, "lr must be above 0"),
        ({"lr": "fast"}, "lr must be a finite number"),
        ({"weight_decay": -1}, "weight_decay"),
        ({"batch_size": 0}, "batch_size must be a positive integer"),
        ({"seeds": 0}, "seeds must be a number of seeds from 1"),
        ({"seeds": []}, "seeds is empty"),
        ({"seeds": "3"}, "seeds must be a number of seeds"),
        ({"seeds": [0.5]}, "seeds must be a whole number"),
        ({"search_seed": -1}, "search_seed"),
        ({"buckets": "exakt"}, "did you mean 'exact'"),
        ({"kernel": "dens"}, "unknown kernel 'dens'"),
        ({"out": "a", "study": Study()}, "not both"),
    ],
)
def test_impossible_arguments(search, settings, said):
    with pytest.raises(SearchError) as caught:
        search(**settings)
    assert said in str(caught.value)


def test_a_stated_number_of_classes_may_be_right(search):
    assert search(n_classes=10).problem.n_classes == 10


def test_batches_larger_than_the_data_are_refused(search):
    with pytest.raises(SearchError, match="batch_size=1000 is more than the 540"):
        search(batch_size=1000).grid_search(SIZES)
