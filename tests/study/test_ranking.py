"""Ranking: by validation accuracy alone."""

import math
from dataclasses import replace

import pytest

from jdend.study import SearchResult, StudyError, rank


def result(validation=0.5, *, params=None, total=100, failed=None, test=0.5):
    return SearchResult(
        params or {}, test, 0.5, total, 1.0, 0.5, validation_accuracy=validation, failed=failed
    )


def test_ranking_by_validation_then_size_then_order():
    results = [
        result(0.5, total=200, params={"which": 0}),
        result(0.5, total=100, params={"which": 1}),
        result(math.nan, failed=2, params={"which": 2}),
        result(0.9, test=0.0, params={"which": 3}),
        result(0.5, total=100, params={"which": 4}),
        result(0.99, failed=0, params={"which": 5}),
    ]
    assert [r.params["which"] for r in rank(results)] == [3, 1, 4, 0, 2, 5]


def test_what_has_no_validation_accuracy_is_not_ranked():
    with pytest.raises(StudyError, match="validation_fraction above 0"):
        rank([replace(result(None), seed_figures={"test_accuracy": [0.5]})])


def test_a_single_seed_ranks_after_means_over_several():
    broad = [result(0.99, params={"which": 0}), result(0.7, params={"which": 1})]
    fine = [replace(result(v, params={"which": v}), seeds=(0, 1, 2)) for v in (0.8, 0.9)]
    assert [r.params["which"] for r in rank(broad + fine)] == [0.9, 0.8, 0, 1]


def test_what_the_older_toolkit_wrote_ranks_by_test_accuracy_after_all_others():
    older = [result(None, test=test, params={"which": test}) for test in (0.85, 0.95, 0.9)]
    own = result(0.2, test=0.1, params={"which": 0})
    assert [r.params["which"] for r in rank([*older, own])] == [0, 0.95, 0.9, 0.85]
