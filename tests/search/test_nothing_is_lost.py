"""A search that is broken off in the middle of a population goes on from there, to the digit."""

import json
from contextlib import contextmanager

import pytest

from jdend import HyperparameterSearcher
from jdend.search import StudyError
from jdend.search.driver import populations
from jdend.study import rank, results_table, trials_in_training

SPACE = {
    "n_neurons": [5, 6],
    "n_dendrites": [4],
    "n_dendrite_inputs": [32],
    "lr": {"type": "uniform", "low": 1e-3, "high": 1e-2},
}
N_EPOCHS = {"none": [2, 4], "halving": 4}  # by pruner


def search(data, out=None, pruner="none", **settings):
    """A generation of nine trials of two shapes, with two seeds each."""
    searcher = HyperparameterSearcher(
        data, max_params=1000, min_param_ratio=0.5, batch_size=64, seeds=2, buckets="exact",
        verbose=False, out=out, **settings,
    )  # fmt: skip
    space = {**SPACE, "n_epochs": N_EPOCHS[pruner]}
    return searcher.optimize(space, 9, "random", pruner=pruner)


@contextmanager
def watched(after=None, error: type[BaseException] = KeyboardInterrupt):
    """Counts the epochs of all populations, and raises an error after so many."""
    epochs, look = [], populations._Watcher.look

    def counted(self, progress):
        look(self, progress)
        if progress.epoch == int(progress.epoch):
            epochs.append(progress.epoch)
            if len(epochs) == after:
                raise error

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(populations._Watcher, "look", counted)
        yield epochs


def broken_off(data, out, after, pruner="none", error: type[BaseException] = KeyboardInterrupt):
    with watched(after, error), pytest.raises(error):
        search(data, out, pruner)


def figures(results):
    """All but the time."""
    return [{n: v for n, v in r.to_dict().items() if n != "train_time"} for r in results]


def stored(folder):
    return json.loads((folder / "results.json").read_text())


@pytest.fixture(scope="module")
def undisturbed(small_images):
    """By pruner the figures of a search, and the epochs that its populations trained."""

    def of(pruner):
        with watched() as epochs:
            return figures(search(small_images, pruner=pruner)), len(epochs)

    return {pruner: of(pruner) for pruner in N_EPOCHS}


@pytest.mark.parametrize("pruner", N_EPOCHS)
@pytest.mark.parametrize("after", [1, 3, 4, 6, 7])
def test_it_goes_on_with_the_figures_of_an_undisturbed_one(
    small_images, undisturbed, tmp_path, pruner, after
):
    expected, n_epochs = undisturbed[pruner]
    broken_off(small_images, tmp_path / "run", after, pruner)
    with watched() as epochs:
        results = search(small_images, tmp_path / "run", pruner, resume=True)
    assert figures(results) == expected
    assert len(epochs) == n_epochs - after
    assert not (tmp_path / "run" / "populations").exists()


def test_it_may_be_broken_off_again_and_again(small_images, undisturbed, tmp_path):
    expected, n_epochs = undisturbed["halving"]
    for _ in range(n_epochs):
        with watched(1), pytest.raises(KeyboardInterrupt):
            search(small_images, tmp_path / "run", "halving", resume=True)
    assert figures(search(small_images, tmp_path / "run", "halving", resume=True)) == expected


def test_an_error_loses_nothing_either(small_images, undisturbed, tmp_path):
    broken_off(small_images, tmp_path / "run", 3, error=ZeroDivisionError)
    with watched() as epochs:
        results = search(small_images, tmp_path / "run", resume=True)
    assert figures(results) == undisturbed["none"][0]
    assert len(epochs) == undisturbed["none"][1] - 3


def test_what_was_cut_off_is_shown_with_its_figures_and_a_mark(small_images, tmp_path):
    broken_off(small_images, tmp_path / "run", 3)
    records = stored(tmp_path / "run")
    cut_off = [record for record in records if record.get("cut_off")]
    assert cut_off
    for record in cut_off:
        n_epochs = record["stopped_epoch"]
        assert n_epochs == min(3, record["params"]["n_epochs"])
        assert record["validation_accuracy"] == record["history"]["validation_accuracy"][-1]
        assert record["test_accuracy"] is None
    run = json.loads((tmp_path / "run" / "run.json").read_text())
    assert (run["status"], run["trials"]) == ("interrupted", len(records) - len(cut_off))


def test_its_table_says_what_the_mark_means(small_images):
    searcher = HyperparameterSearcher(
        small_images, max_params=1000, min_param_ratio=0.5, n_epochs=4, batch_size=64, seeds=2,
        buckets="exact", verbose=False,
    )  # fmt: skip
    with watched(2), pytest.raises(KeyboardInterrupt):
        searcher.optimize(SPACE, 9, "random")
    ranked = rank(searcher.results)
    assert {result.stopped_epoch for result in ranked} == {2}
    table = results_table(ranked)
    assert table.count("+ ") == len(ranked) + 1
    assert "+ cut off after 2 epochs: figures of that moment, --resume goes on" in table


def test_of_another_version_nothing_is_taken_over(
    small_images, undisturbed, tmp_path, monkeypatch, capsys
):
    broken_off(small_images, tmp_path / "run", 3)
    monkeypatch.setattr(populations.jdend, "__version__", "0.0")
    with watched() as epochs:
        results = search(small_images, tmp_path / "run", resume=True)
    assert figures(results) == undisturbed["none"][0]
    assert len(epochs) == undisturbed["none"][1]
    assert not (tmp_path / "run" / "populations").exists()


def test_a_torn_file_is_no_more_than_lost_time(small_images, undisturbed, tmp_path):
    broken_off(small_images, tmp_path / "run", 3)
    for path in (tmp_path / "run" / "populations").iterdir():
        path.write_bytes(path.read_bytes()[:100])
    assert figures(search(small_images, tmp_path / "run", resume=True)) == undisturbed["none"][0]


def test_where_nothing_can_be_kept_the_search_goes_on(small_images, undisturbed, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "populations").write_text("in the way")
    broken_off(small_images, tmp_path / "run", 3)
    assert figures(search(small_images, tmp_path / "run", resume=True)) == undisturbed["none"][0]


def test_a_search_that_was_begun_is_not_begun_again_without_asking(small_images, tmp_path):
    broken_off(small_images, tmp_path / "run", 1)
    with pytest.raises(StudyError, match="already holds a search"):
        search(small_images, tmp_path / "run")


def test_those_who_watch_see_how_far_trials_are(small_images, tmp_path):
    broken_off(small_images, tmp_path / "run", after=3)
    trials = trials_in_training(tmp_path / "run")
    assert trials
    assert {trial.n_epochs for trial in trials} <= {2, 4}
    assert all(trial.architecture == "dendritic_simple" for trial in trials)
    search(small_images, tmp_path / "run", resume=True)
    assert trials_in_training(tmp_path / "run") == []
