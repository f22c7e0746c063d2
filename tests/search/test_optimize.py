"""`HyperparameterSearcher.optimize`: every strategy, generations, rungs; training is a stand-in."""

import pytest
from strategies_here import HERE

from jdend import HyperparameterSearcher
from jdend.search import SearchError
from jdend.study import pareto_front, rank

SPACE = {
    "n_neurons": (3, 12),
    "n_dendrites": (2, 8),
    "n_dendrite_inputs": (8, 64),
    "lr": (1e-3, 1e-2),
}
LISTS = {**SPACE, "n_dendrite_inputs": [16, 24, 32, 40], "n_neurons": [3, 4, 5, 6, 8]}
LISTS |= {"n_dendrites": [2, 3, 4, 6], "lr": [1e-3, 2e-3, 3e-3]}


@pytest.fixture
def search(small_images, instant_training):
    def make(**settings):
        return HyperparameterSearcher(
            small_images, **{"max_params": 1000, "n_epochs": 9, "verbose": False, **settings}
        )

    return make


@pytest.mark.parametrize("strategy", HERE)
def test_every_strategy_trains_what_it_proposes(search, strategy):
    searcher = search(seeds=2)
    space = LISTS if strategy == "grid" else SPACE
    found = searcher.optimize(space, 24, strategy, generation=8)
    assert len(found) == len({str(r.params) for r in found}) == 24
    assert all(800 <= r.total_params <= 1000 for r in found)
    assert searcher.results == found


def test_generations_train_one_after_the_other(search, instant_training):
    search().optimize(SPACE, 20, "random", generation=8)
    trained = [len(configurations) for _, configurations, _ in instant_training]
    assert sum(trained) >= 20
    assert len(trained) >= 3


def test_the_size_of_a_generation_does_not_change_a_random_search(search):
    whole = search().optimize(SPACE, 20, "random")
    parts = search().optimize(SPACE, 20, "random", generation=7)
    assert [r.params for r in whole] == [r.params for r in parts]
    assert [r.params for r in whole] == [r.params for r in search().random_search(SPACE, 20)]


def test_the_same_adaptive_search_is_the_same(search):
    first, second = (search().optimize(SPACE, 24, "tpe") for _ in range(2))
    assert [r.params for r in first] == [r.params for r in second]


def test_halving_stops_the_weak_and_keeps_the_best(search):
    searcher = search()
    found = searcher.optimize(SPACE, 27, "random", pruner="halving")
    stops = [r.stopped_epoch for r in found]
    assert sorted(stops, key=str) == [1] * 18 + [3] * 6 + [None] * 3
    best = sorted(found, key=lambda r: -r.validation_accuracy)[:3]
    assert {id(r) for r in best} == {id(r) for r in found if r.stopped_epoch is None}
    assert [len(r.history["train_loss"]) for r in found] == [s or 9 for s in stops]


def test_weak_trials_are_stopped_by_default_where_one_objective_is_learned(search):
    for strategy, n_whole in (("tpe", 3), ("random", 27), ("nsga2", 27)):
        found = search().optimize(SPACE, 27, strategy)
        assert sum(r.stopped_epoch is None for r in found) == n_whole


def test_hyperband_lets_some_train_to_the_end(search):
    found = search().optimize(SPACE, 34, "random", pruner="hyperband")
    assert sum(r.stopped_epoch is None for r in found) == 2 + 4 + 6


def test_networks_without_pruner_are_not_stopped_ones_of_an_earlier_search(search):
    searcher = search()
    searcher.optimize(SPACE, 27, "random", pruner="halving", search_seed=3)
    found = searcher.optimize(SPACE, 27, "random", search_seed=3)
    assert all(r.stopped_epoch is None for r in found)


def test_what_was_stopped_ranks_after_what_was_not(search):
    searcher = search()
    found = searcher.optimize(SPACE, 54, "tpe", generation=27, pruner="halving")
    ranked = rank(found)
    stops = [9 if r.stopped_epoch is None else r.stopped_epoch for r in ranked]
    assert stops == sorted(stops, reverse=True)
    assert searcher.get_best_results(1) == ranked[:1]


def test_the_front_holds_what_no_other_beats(search):
    searcher = search(min_param_ratio=0.3)
    found = searcher.optimize(SPACE, 40, "nsga2", generation=10)
    front = searcher.pareto_front()
    assert front == pareto_front(found)
    for result in found:
        beaten = [
            other
            for other in front
            if other.total_params <= result.total_params
            and other.validation_accuracy >= result.validation_accuracy
        ]
        assert beaten


def test_the_front_leaves_out_what_was_stopped(search):
    searcher = search()
    searcher.optimize(SPACE, 27, "random", pruner="halving")
    assert all(r.stopped_epoch is None for r in searcher.pareto_front())


def test_the_record_says_how_it_was_searched(search, tmp_path):
    import json

    search(out=tmp_path / "run").optimize(SPACE, 27, "tpe", pruner="hyperband")
    config = json.loads((tmp_path / "run" / "run.json").read_text())["config"]
    assert (config["strategy"], config["pruner"], config["generation"]) == ("tpe", "hyperband", 27)


def test_a_dry_run_shows_the_first_generation(search, capsys):
    assert search(dry_run=True).optimize(SPACE, 32, "tpe", pruner="none") == []
    shown = capsys.readouterr().out
    assert "8 trials in" in shown
    assert "3 more generations of up to 8 trials" in shown


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"strategy": "tpee"}, "did you mean 'tpe'"),
        ({"strategy": "nsga2", "pruner": "halving"}, "nsga2 has two objectives"),
        ({"generation": 0}, "generation must be a positive integer"),
        ({"n_trials": -1}, "n_trials must be a positive integer"),
    ],
)
def test_what_is_refused(search, options, said):
    with pytest.raises(SearchError, match=said):
        search().optimize(SPACE, **options)


@pytest.mark.parametrize(
    "options", [{"strategy": "tpe"}, {"strategy": "random", "pruner": "halving"}]
)
def test_choosing_needs_examples_held_out(search, options):
    with pytest.raises(SearchError, match="no examples are held out"):
        search(validation_fraction=0).optimize(SPACE, 27, **options)


def test_survivors_of_rungs_end_as_if_nothing_had_been_stopped(small_images):
    """With real training: of 27 trials 3 are left."""
    space = {**SPACE, "n_neurons": 6, "n_dendrites": 4, "n_dendrite_inputs": (26, 34)}
    found = [
        HyperparameterSearcher(
            small_images,
            max_params=1000,
            n_epochs=9,
            batch_size=128,
            verbose=False,
            max_programs=1,
            compile_cache=False,
        ).optimize(space, 27, "random", pruner=pruner)
        for pruner in ("none", "halving")
    ]
    pairs = [pair for pair in zip(*found, strict=True) if pair[1].stopped_epoch is None]
    assert len(pairs) == 3
    for whole, survivor in pairs:
        assert survivor.params == whole.params
        assert survivor.history["train_loss"] == pytest.approx(
            whole.history["train_loss"], rel=1e-4
        )
        assert survivor.test_accuracy == pytest.approx(whole.test_accuracy, abs=0.011)
