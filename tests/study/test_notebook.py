"""Results show themselves in a notebook."""

import re
import sys

import numpy as np
import pytest

from jdend.study import Results, SearchResult, StudyError, to_dataframe


def result(accuracy=0.9, stopped=None, **params):
    return SearchResult(
        params={"n_neurons": 4, "strategy": "random", **params},
        test_accuracy=accuracy - 0.01,
        train_accuracy=0.95,
        total_params=1000,
        train_time=1.5,
        final_test_loss=0.3,
        validation_accuracy=accuracy,
        validation_accuracy_std=0.002,
        seeds=(0, 1),
        stopped_epoch=stopped,
    )


def test_a_table_has_figures_and_what_varies():
    shown = Results([result(lr=0.1), result(0.8, lr=0.2)])._repr_html_()
    for text in ("0.9000±0.0020", "0.8000±0.0020", "1,000", ">lr<", ">0.2<"):
        assert text in shown
    assert "89.00 %" not in shown  # per 1,000 parameters
    assert "connectivity=random" in shown  # which all share, by its own name


def test_a_table_says_what_was_stopped_and_when():
    shown = Results([result(), result(0.8, stopped=3)])._repr_html_()
    (row,) = re.findall("<tr>(?:(?!<tr>).)*0.8000.*?</tr>", shown)
    assert ">stopped after<" in shown
    assert re.search(r">\s*3\s*</td>", row)
    assert "stopped after" not in Results([result()])._repr_html_()


def test_of_many_results_twenty_are_shown():
    shown = Results([result(lr=i / 100) for i in range(1, 31)])._repr_html_()
    assert shown.count("<tr>") == 21
    assert "10 more are not shown" in shown


def test_text_of_the_data_is_escaped():
    shown = Results([result(activation="<script>"), result(activation="b")])._repr_html_()
    assert "<script>" not in shown
    assert "&lt;script&gt;" in shown


def test_one_result_shows_itself():
    assert "0.9000±0.0020" in result()._repr_html_()


def test_nothing_is_said_to_be_nothing():
    assert "no results" in Results()._repr_html_()


def test_it_is_a_list_and_its_slices_show_themselves_too():
    results = Results([result(lr=0.1), result(lr=0.2)])
    assert isinstance(results, list)
    assert results == list(results)
    assert isinstance(results[:1], Results)
    assert results[0].params["lr"] == 0.1


def test_a_data_frame_has_a_row_a_result():
    frame = to_dataframe([result(lr=0.1), result(0.8, lr=0.2, seed=3)])
    assert frame["lr"].tolist() == [0.1, 0.2]
    assert frame["validation_accuracy"].tolist() == [0.9, 0.8]
    assert frame["seeds"].tolist() == [(0, 1), (0, 1)]
    assert "seed" not in frame
    np.testing.assert_allclose(frame["accuracy_per_1k_params"], [0.89, 0.79])


def test_a_list_of_results_makes_its_data_frame():
    frame = Results([result(lr=0.1), result(0.8, lr=0.2)]).to_dataframe()
    assert frame["lr"].tolist() == [0.1, 0.2]


def test_without_pandas_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(StudyError, match="pip install pandas"):
        to_dataframe([result()])
