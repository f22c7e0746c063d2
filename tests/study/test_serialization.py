"""Results as Optuna's trials, and proposed trials as JSON."""

import math

import numpy as np
import pytest

from jdend.study import ProposedTrial, SearchResult
from jdend.study._serialization import (
    optuna_trial,
    plain,
    position_of,
    result_from_attributes,
    trial_from_record,
)

PROPOSED = ProposedTrial({"lr": 0.1}, (0,))


def result(**others):
    return SearchResult({"lr": 0.1}, 0.5, 0.6, 100, 1.0, 0.7, validation_accuracy=0.5, **others)


def as_trial(found):
    return optuna_trial(
        found, PROPOSED, 3, 2, distributions={}, objectives=["score"], surroundings={}
    )


def test_epochs_that_were_not_measured_have_no_intermediate_value():
    found = result(history={"validation_accuracy": [0.25, math.nan, 0.5, math.inf]})
    assert as_trial(found).intermediate_values == {1: 0.25, 3: 0.5}


def test_a_metric_comes_back_with_its_direction():
    figures = {"validation_log_loss": [0.3]}
    found = result(metric="log_loss", minimised=True, seed_figures=figures)
    trial = as_trial(found)
    assert trial.values == [-0.3]
    assert result_from_attributes(trial.user_attrs) == found


def test_accuracy_is_not_written_down():
    trial = as_trial(result())
    assert not {"metric", "minimised", "cut_off"} & {
        *trial.user_attrs,
        *trial.user_attrs["figures"],
    }
    assert result_from_attributes(trial.user_attrs) == result()


def test_a_trial_knows_its_place_and_one_of_others_has_none():
    assert position_of(as_trial(result()).user_attrs) == (3, 2)
    assert position_of({"generation": 3, "position": 2}) is None


def test_a_trial_of_an_older_study_has_no_point_and_no_size():
    record = {"params": {"lr": 0.1}, "seeds": [0], "something": "else"}
    assert trial_from_record(record) == ProposedTrial({"lr": 0.1}, (0,), {}, 0, 0)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ((1, (2.5, "a")), [1, [2.5, "a"]]),
        ({1: np.int64(3)}, {"1": 3}),
        (np.float32("nan"), "nan"),
        (-math.inf, "-inf"),
        (None, None),
        (True, True),
    ],
)
def test_values_are_json_s(value, expected):
    found = plain(value)
    assert found == expected
    assert type(found) is type(expected)
