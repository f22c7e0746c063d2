"""Results: averages over seeds, ranking, and their JSON."""

import math
from dataclasses import replace

import numpy as np
import pytest

from jdend.study import FINAL_FIGURES, SearchResult, StudyError, rank


def result(validation=0.5, *, params=None, total=100, failed=None, test=0.5):
    return SearchResult(
        params or {}, test, 0.5, total, 1.0, 0.5, validation_accuracy=validation, failed=failed
    )


def from_seeds(accuracies, *, failed=None, held_out=True):
    accuracies = np.asarray(accuracies, np.float32)
    n_seeds = len(accuracies)
    return SearchResult.from_seeds(
        {"n_neurons": 8},
        total_params=2000,
        seconds=3.0,
        seeds=range(n_seeds),
        figures=dict.fromkeys(FINAL_FIGURES, accuracies),
        history={"validation_accuracy": np.stack([accuracies, accuracies], axis=1)},
        failed_epoch=np.full(n_seeds, -1) if failed is None else np.asarray(failed),
        held_out=held_out,
    )


def test_figures_are_means_over_seeds():
    found = from_seeds([0.5, 0.75])
    assert found.test_accuracy == found.validation_accuracy == 0.625
    assert found.test_accuracy_std == pytest.approx(0.125 * 2**0.5)
    assert found.seed_figures["test_accuracy"] == [0.5, 0.75]
    assert found.history == {"validation_accuracy": [0.625, 0.625]}
    assert found.seed_history == {"validation_accuracy": [[0.5, 0.5], [0.75, 0.75]]}
    assert found.accuracy_per_1k_params == 0.3125


def test_without_seeds_it_is_of_the_first():
    assert (result().seeds, result().best_seed) == ((0,), 0)


def test_one_seed_has_no_deviation():
    assert from_seeds([0.5]).validation_accuracy_std is None


def test_a_trial_failed_if_one_seed_did():
    found = from_seeds([0.5, math.nan, math.nan], failed=[-1, 7, 3])
    assert found.failed == 3
    assert math.isnan(found.test_accuracy)


def test_without_held_out_examples_there_are_no_validation_figures():
    found = from_seeds([0.5, 0.6], held_out=False)
    assert found.validation_accuracy is None
    assert found.validation_loss is None
    assert found.validation_accuracy_std is None


@pytest.mark.parametrize("failed", [None, [-1, 2]])
def test_results_survive_their_json(failed):
    found = from_seeds([0.5, math.nan] if failed else [0.5, 0.75], failed=failed)
    again = SearchResult.from_dict(found.to_dict())
    assert again.to_dict() == found.to_dict()
    assert (again == found) or failed
    assert rank([again]) == [again]


def test_the_older_toolkits_results_are_read():
    old = {
        "params": {"n_neurons": 12},
        "test_accuracy": 0.85,
        "train_accuracy": 0.87,
        "total_params": 7198,
        "train_time": 12.5,
        "final_test_loss": 0.4,
    }
    found = SearchResult.from_dict(old)
    assert found.test_accuracy == 0.85
    assert found.validation_accuracy is None
    assert found.seeds == (0,)


@pytest.mark.parametrize(
    ("scores", "seeds", "best"),
    [
        ([0.5, 0.9, 0.7], (3, 4, 5), 4),
        ([math.nan, 0.2, 0.1], (3, 4, 5), 4),
        ([math.nan, math.nan], (3, 4), 3),
        ([0.9, 0.1, 0.6, 0.6], (3, 4), 4),  # two folds of each
        ([0.1, 0.2, 0.9], (3, 4), 3),  # not of these seeds
        ([], (3, 4), 3),
    ],
)
def test_the_best_seed_has_the_highest_mean_over_its_folds(scores, seeds, best):
    found = replace(result(), seeds=seeds, seed_figures={"validation_accuracy": scores})
    assert found.best_seed == best


def test_figures_of_another_metric_have_names_and_deviations():
    figures = {"validation_auc": [0.5, 0.7], "test_auc": [0.4, 0.4]}
    found = replace(result(), metric="auc", seeds=(0, 1), seed_figures=figures)
    assert found.figures_of_metric() == {
        "validation_auc": pytest.approx(0.6),
        "validation_auc_std": pytest.approx(0.1 * 2**0.5),
        "test_auc": pytest.approx(0.4),
        "test_auc_std": pytest.approx(0.0),
    }
    assert result().figures_of_metric() == {}


def test_shown_as_text_it_leaves_out_what_is_long():
    found = from_seeds([0.5, 0.75])
    assert "history" not in repr(found)
    assert "seed_figures" not in repr(found)


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ([], "must be an object"),
        ({"params": {}}, "lacks test_accuracy"),
        ({**result().to_dict(), "params": 3}, "params must be an object"),
        ({**result().to_dict(), "test_accuracy": "high"}, "test_accuracy must be a number"),
        (
            {**result().to_dict(), "total_params": None},
            "total_params must be a positive whole number",
        ),
        ({**result().to_dict(), "seeds": 3}, "seeds must be a list"),
        ({**result().to_dict(), "validation_accuracy": "x"}, "validation_accuracy must be"),
    ],
)
def test_what_is_no_result_is_refused(record, said):
    with pytest.raises(StudyError) as caught:
        SearchResult.from_dict(record)
    assert said in str(caught.value)
