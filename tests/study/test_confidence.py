"""How much an accuracy on few examples says."""

import pytest

from jdend.study import SearchResult, validation_note, wilson_interval
from jdend.study._confidence import best_interval


def result(accuracy=0.9, **others):
    return SearchResult(
        {}, 0.8, 0.9, 1000, 0.1, 0.5, validation_accuracy=accuracy, validation_loss=0.5, **others
    )


@pytest.mark.parametrize(
    ("share", "n", "ends"),
    [
        (1.0, 14, (0.7847, 1.0)),
        (0.0, 14, (0.0, 0.2153)),
        (0.5, 10, (0.2366, 0.7634)),
        (0.81, 263, (0.7583, 0.8528)),
    ],
)
def test_wilsons_interval(share, n, ends):
    assert wilson_interval(share, n) == pytest.approx(ends, abs=1e-3)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_no_end_is_beyond_what_an_accuracy_can_be(share):
    for n in range(1, 2000):
        low, high = wilson_interval(share, n)
        assert 0 <= low <= high <= 1


def test_what_guessing_has_is_left_out_where_it_is_not_known():
    note = validation_note([result(1.0)], {"n_validation": 14})
    assert note.endswith("0.7847 to 1.0000 (95%)")


def test_the_note_says_of_how_many_examples_and_what_guessing_has():
    note = validation_note([result(1.0)], {"n_validation": 14, "majority_accuracy": 0.3571})
    assert "on 14 examples" in note
    assert "0.7847 to 1.0000" in note
    assert "most frequent class: 0.3571" in note


@pytest.mark.parametrize(
    ("results", "config"),
    [
        ([], {"n_validation": 14}),
        ([result()], {}),
        ([result()], {"n_validation": 0}),
        ([result(None, seed_figures={"test_accuracy": [0.8]})], {"n_validation": 14}),
        ([result(failed=3)], {"n_validation": 14}),
    ],
)
def test_nothing_is_said_of_what_is_not_known(results, config):
    assert best_interval(results, config) is None
    assert validation_note(results, config) == ""
