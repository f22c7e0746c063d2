"""Files of results: written whole or not at all, and read back."""

import json

import pytest

from jdend.study import SearchResult, StudyError, read_results, write_results

RESULT = SearchResult({"n_neurons": 8}, 0.5, 0.6, 100, 1.0, 0.7)


def test_a_failed_write_leaves_what_was_there(tmp_path, monkeypatch):
    path = tmp_path / "results.json"
    write_results(path, [RESULT])
    before = path.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(StudyError, match="No space left"):
        write_results(path, [RESULT, RESULT])
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["results.json"]


def test_values_that_json_lacks_leave_nothing_half_written(tmp_path):
    odd = SearchResult({"n_neurons": object()}, 0.5, 0.6, 100, 1.0, 0.7)
    with pytest.raises(TypeError):
        write_results(tmp_path / "results.json", [odd])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [None, "", "{", '{"a": 1}', "[3]", '[{"params": {}}]'])
def test_unreadable_results(tmp_path, content):
    path = tmp_path / "results.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(StudyError, match=r"results\.json"):
        read_results(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"total_params": 0}, "total_params must be a positive whole number, got 0"),
        ({"params": {"lr": [1]}}, r"lr must be a number, a string, true, false or null, got \[1\]"),
        ({"seeds": ["a"]}, r"seeds must be a list of whole numbers, got \['a'\]"),
        ({"history": {"train_loss": 3}}, "history must hold lists of numbers"),
        ({"history": [3]}, "history must hold lists of numbers"),
        ({"seed_figures": {"test_loss": ["a"]}}, "seed_figures must hold lists of numbers"),
        ({"seed_history": {"train_loss": [3]}}, "seed_history must hold lists of numbers"),
    ],
)
def test_an_odd_value_is_named_in_one_line(tmp_path, change, message):
    path = tmp_path / "results.json"
    path.write_text(json.dumps([{**RESULT.to_dict(), **change}]))
    with pytest.raises(StudyError, match=message) as refused:
        read_results(path)
    assert "\n" not in str(refused.value)


def test_deep_json_is_refused_in_one_line(tmp_path):
    path = tmp_path / "results.json"
    path.write_text("[" * 100_000)
    with pytest.raises(StudyError, match="cannot read results from") as refused:
        read_results(path)
    assert "\n" not in str(refused.value)


def test_a_lone_file_name_is_written_to_the_working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_results("my_search_results.json", [RESULT])
    assert read_results("my_search_results.json") == [RESULT]


def test_the_home_of_nobody_holds_no_results():
    with pytest.raises(StudyError, match="~nobody-of-that-name"):
        read_results("~nobody-of-that-name/results.json")
