"""A study as a report reads it, whatever is left of it."""

import json
import shutil

import pytest
from made_up import result as made_up

from jdend.report import make_report, read_record
from jdend.report._figures import curves_figure
from jdend.report._record import SearchRecord
from jdend.report._sections import best_section
from jdend.study import StudyError, rank


@pytest.fixture
def copy(folder, tmp_path):
    """The folder of the search, to be spoilt."""
    return shutil.copytree(folder, tmp_path / "copy")


def test_a_folder_has_results_generations_settings_and_the_record(folder):
    record = read_record(folder)
    assert len(record.results) == 12
    assert [len(generation) for generation in record.generations] == [12]
    assert (record.dataset, record.budgets) == ("fashion-mnist", (1500,))
    assert record.run["status"] == "complete"
    assert len(record.studies) == 1


def test_a_search_that_was_killed_is_read_from_its_journal(copy):
    whole = read_record(copy)
    for name in ("results.json", "run.json"):
        (copy / name).unlink()
    record = read_record(copy)
    assert record.results == whole.results
    assert record.dataset == "fashion-mnist"
    assert record.run == {}


def test_a_storage_is_read_by_its_name(folder):
    record = read_record(None, storage=str(folder), study="search")
    assert len(record.results) == 12


def test_a_list_of_results_alone_has_no_settings(folder):
    record = read_record(folder / "results.json")
    assert len(record.results) == 12
    assert record.configs == ()


def test_without_its_journal_a_search_has_what_its_results_say(copy):
    (copy / "study.journal").unlink()
    record = read_record(copy)
    assert record.studies == ()
    assert record.generations == (record.results,)


def test_the_budgets_of_one_search_are_all_known(copy):
    run = json.loads((copy / "run.json").read_text())
    run["config"]["budgets"] = [1500, 1200]
    (copy / "run.json").write_text(json.dumps(run))
    assert read_record(copy).budgets == (1200, 1500)


@pytest.mark.parametrize(
    ("left", "said"),
    [
        ((), "holds no search: neither results.json nor study.journal"),
        (("run.json", "{"), "run.json is damaged"),
        (("results.json", "[{}]"), "a result lacks params"),
    ],
)
def test_what_cannot_be_read_is_one_line(tmp_path, left, said):
    if left:
        (tmp_path / left[0]).write_text(left[1])
    with pytest.raises(StudyError, match=said) as raised:
        read_record(tmp_path)
    assert "\n" not in str(raised.value)


def test_a_folder_that_is_not_there_is_said_to_be_missing(tmp_path):
    with pytest.raises(StudyError, match="does not exist: give the folder of a search"):
        make_report(tmp_path / "no")


def test_results_of_the_older_toolkit_have_a_report(tmp_path):
    old = {"params": {"n_neurons": 5}, "test_accuracy": 0.8, "train_accuracy": 0.9,
           "total_params": 100, "train_time": 1.0, "final_test_loss": 0.5}  # fmt: skip
    (tmp_path / "old.json").write_text(json.dumps([old, {**old, "total_params": 120}]))
    text = make_report(tmp_path / "old.json", out=tmp_path / "old.html").read_text()
    assert "In the order in which they were trained" in text
    assert "plotly.js" not in text  # nothing to draw


def test_the_results_are_ranked_by_validation_accuracy(folder):
    results = read_record(folder).results
    assert rank(results)[0].validation_accuracy == max(
        r.validation_accuracy for r in results if r.stopped_epoch is None
    )


@pytest.mark.parametrize("storage", ["sqlite:///{}/made.db", "redis://127.0.0.1:1/0"])
@pytest.mark.parametrize("left", [["run.json"], ["run.json", "results.json"]])
def test_a_storage_that_a_file_names_is_not_opened(folder, tmp_path, monkeypatch, storage, left):
    """The folder may be a stranger's."""
    opened = []
    monkeypatch.setattr("jdend.report._record.open_storage", opened.append)
    monkeypatch.setattr("jdend.report._record.open_study", lambda *a: opened.append(a))
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in left:
        shutil.copy(folder / name, copy)
    run = json.loads((copy / "run.json").read_text())
    run["storage"] = storage.format(tmp_path)
    (copy / "run.json").write_text(json.dumps(run))
    if "results.json" in left:
        assert len(read_record(copy).results) == 12
    else:
        with pytest.raises(StudyError, match="--storage URL"):
            read_record(copy)
    assert opened == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy"]


def test_parameters_go_by_their_fields_own_names(folder):
    record = read_record(folder)  # of a search that named `strategy`
    (results,) = record.generations
    for result in (*record.results, *results):
        assert result.params["connectivity"] == "local_receptive_fields"
        assert "strategy" not in result.params


def test_of_several_budgets_the_best_of_each_is_shown():
    results = (made_up(0.7, params=400, n_neurons=3), made_up(0.9, params=900, n_neurons=7))
    record = SearchRecord(results, configs=({"budgets": [300, 500, 1000]},))
    text = best_section(record)
    assert "The best network within each budget" in text
    rows = text.split("Of all budgets together")[0].split("<tr")[2:]
    assert [("500" in row, "70.00" in row) for row in rows] == [(True, True), (False, False)]
    assert "1,000" in rows[1]
    assert "90.00" in rows[1]


def test_of_one_budget_there_is_one_table():
    record = SearchRecord((made_up(0.7),), configs=({"max_params": 1000},))
    assert "within each budget" not in best_section(record)


@pytest.mark.parametrize(("epochs", "step"), [(5, 1), (12, 1), (13, None)])
def test_a_short_searchs_epochs_each_have_a_tick(epochs, step):
    figure = curves_figure([made_up(0.7, curve=[0.5] * epochs)])
    assert figure.layout.xaxis.dtick == step
