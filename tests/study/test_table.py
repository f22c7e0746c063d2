"""The table of results."""

import math
from dataclasses import replace

import pytest

from jdend.study import SearchResult, results_table


def result(accuracy=0.9, *, std=None, failed=None, stopped=None, **params):
    return SearchResult(
        params, accuracy, 0.9, 7198, 1.0, 0.1, validation_accuracy=accuracy, failed=failed,
        validation_accuracy_std=std, test_accuracy_std=std, stopped_epoch=stopped,
    )  # fmt: skip


def test_parameters_that_vary_have_columns_and_others_a_line():
    table = results_table([result(n_neurons=8, lr=1e-3), result(0.8, n_neurons=9, lr=1e-3)])
    assert table.splitlines() == [
        "#  valid.    test  params  neurons",
        "1  0.9000  0.9000   7,198        8",
        "2  0.8000  0.8000   7,198        9",
        "all: lr=0.001",
    ]


def test_deviations_are_shown_where_there_are_some():
    assert "0.9000±0.0100" in results_table([result(std=0.01)])


def test_a_failed_trial_says_so():
    assert "failed" in results_table([result(math.nan, failed=3)])


@pytest.mark.parametrize(
    ("epochs", "said"), [((1, 1), "1 epoch"), ((3, 3), "3 epochs"), ((3, 1), "1 to 3 epochs")]
)
def test_trials_that_were_stopped_early_are_marked(epochs, said):
    table = results_table([result(n=1), *(result(0.8, stopped=e, n=2) for e in epochs)])
    assert table.splitlines() == [
        "#   valid.    test  params  n",
        "1   0.9000  0.9000   7,198  1",
        "2*  0.8000  0.8000   7,198  2",
        "3*  0.8000  0.8000   7,198  2",
        f"* stopped early, after {said}: figures of that moment",
    ]


def test_trials_that_were_cut_off_have_a_mark_of_their_own():
    cut_off = replace(result(0.8, stopped=2, n=2), cut_off=True)
    assert results_table([result(n=1), cut_off]).splitlines()[2:] == [
        "2+  0.8000  0.8000   7,198  2",
        "+ cut off after 2 epochs: figures of that moment, --resume goes on",
    ]


def test_no_results():
    assert results_table([]) == "no results"


@pytest.mark.parametrize("std", [None, 0.01])
def test_any_table_fits_eighty_columns(std):
    names = ["architecture", "n_neurons", "n_dendrites", "n_dendrite_inputs", "hidden_dim",
             "soma_enabled", "synaptic_resampling", "percentage_resample",
             "lr", "field_std"]  # fmt: skip
    results = [
        result(std=std, **{n: f"{n}-{i}" if n == "architecture" else i * 1.234567 for n in names})
        for i in range(12)
    ]
    for lines in (results_table(results), results_table(results[:1])):
        assert all(len(line) <= 80 for line in lines.splitlines())
    assert "not shown: " in results_table(results)


def test_architectures_that_differ_are_the_first_column():
    """However many parameters vary; where a configuration names none, it is the default."""
    varying = dict.fromkeys(("n_neurons", "n_dendrites", "hidden_dim", "batch_size"), 123456)
    results = [result(**varying), result(architecture="mlp", n_neurons=3)]
    lines = results_table(results).splitlines()
    assert lines[0].split()[4] == "architecture"
    assert ("dendritic_simple" in lines[1], "mlp" in lines[2]) == (True, True)


def test_what_plays_no_part_is_not_shown_as_if_it_did():
    rows = [
        result(synaptic_resampling=resampled, percentage_resample=0.1 * i, lr=0.1)
        for i, resampled in enumerate([True, False, False], 1)
    ]
    shown = results_table(rows).splitlines()
    assert [line.split()[-1] for line in shown[1:4]] == ["0.1", "-", "-"]
    assert "replaced" not in results_table(rows[1:])
