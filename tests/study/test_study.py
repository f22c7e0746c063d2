"""The folder of a study: claimed at once, written whole or not at all."""

import json

import pytest

from jdend.study import (
    Effort,
    MemoryLedger,
    ProposedTrial,
    SearchResult,
    Study,
    StudyError,
    new_folder,
    read_results,
    write_results,
)

RESULT = SearchResult({"n_neurons": 8}, 0.5, 0.6, 100, 1.0, 0.7)


def add(study, **options):
    study.add(
        [RESULT],
        config={"max_params": 1},
        effort=Effort(2, 5, 1.5),
        device={"kind": "cpu"},
        **options,
    )


def test_a_study_is_written_with_its_record(tmp_path):
    study = Study(tmp_path / "a" / "b", command=["jdend-search", "--out", "a b"])
    add(study)
    study.write()
    run = json.loads((tmp_path / "a" / "b" / "run.json").read_text())
    assert run["command"] == "jdend-search --out 'a b'"
    assert run["status"] == "complete"
    assert run["config"] == {"max_params": 1}
    assert (run["compilations"], run["programs_total"], run["compile_seconds"]) == (2, 5, 1.5)
    assert (run["trials"], run["device"]) == (1, {"kind": "cpu"})
    assert run["wall_seconds"] >= 0
    assert read_results(tmp_path / "a" / "b" / "results.json") == [RESULT]


def test_several_searches_add_up(tmp_path):
    study = Study(tmp_path)
    add(study)
    add(study)
    study.write("interrupted")
    run = json.loads((tmp_path / "run.json").read_text())
    assert run["config"] == [{"max_params": 1}] * 2
    assert (run["status"], run["compilations"], run["trials"]) == ("interrupted", 4, 2)


@pytest.mark.parametrize("name", ["results.json", "run.json", "study.journal"])
def test_a_folder_that_holds_a_search_is_refused(tmp_path, name):
    (tmp_path / name).write_text("[]")
    with pytest.raises(StudyError, match="already holds a search"):
        Study(tmp_path)


def test_a_folder_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(StudyError, match="cannot write to folder"):
            Study(folder)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_what_was_made_and_not_used_is_removed(tmp_path):
    (tmp_path / "old").mkdir()
    study = Study(tmp_path / "old" / "new" / "newer")
    assert (tmp_path / "old" / "new" / "newer").is_dir()
    study.discard()
    assert list((tmp_path / "old").iterdir()) == []


def test_what_was_used_is_not_removed(tmp_path):
    study = Study(tmp_path / "new")
    study.write()
    study.discard()
    assert (tmp_path / "new" / "run.json").exists()


def test_a_study_without_a_folder_writes_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    study = Study()
    add(study)
    study.write()
    assert list(tmp_path.iterdir()) == []


def test_default_folders_are_new_and_plain(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = new_folder("my data/set", 8000)
    assert folder.parts[0] == "runs"
    assert folder.name.startswith("my-data-set-8000-")
    folder.mkdir(parents=True)
    assert new_folder("my data/set", 8000) != folder


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


def test_a_lone_file_name_is_written_to_the_working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_results("my_search_results.json", [RESULT])
    assert read_results("my_search_results.json") == [RESULT]


def finish_one(ledger):
    claim = ledger.claim(1)
    if claim is not None:
        ledger.begin(0, [ProposedTrial({"n_neurons": 8}, (0,))])
        ledger.finish(0, [RESULT])


def test_without_folder_or_storage_generations_are_in_memory():
    assert isinstance(Study().ledger({}), MemoryLedger)


def test_a_folder_keeps_the_generations_of_its_searches(tmp_path):
    study = Study(tmp_path / "new")
    for search in ({"max_params": 1}, {"max_params": 2}):
        finish_one(study.ledger(search))
    said = []
    again = Study(tmp_path / "new", resume=True)
    for search in ({"max_params": 1}, {"max_params": 2}):
        (generation,) = again.ledger(search, say=said.append).generations()
        assert generation.results == (RESULT,)
    assert said == []


def test_resuming_what_is_not_there_starts_it_and_says_so(tmp_path):
    said = []
    ledger = Study(tmp_path / "new", resume=True).ledger({}, say=said.append)
    assert ledger.generations() == []
    assert said == [f"no search to go on with in {tmp_path}/new/study.journal: a new one starts"]


def test_a_search_in_which_nothing_was_finished_leaves_nothing(tmp_path):
    study = Study(tmp_path / "new")
    ledger = study.ledger({})
    ledger.claim(1)
    ledger.begin(0, [ProposedTrial({}, (0,))])
    study.discard()
    assert list(tmp_path.iterdir()) == []


def test_a_search_in_which_something_was_finished_is_kept(tmp_path):
    study = Study(tmp_path / "new")
    finish_one(study.ledger({}))
    study.discard()
    assert (tmp_path / "new" / "study.journal").exists()


def test_passwords_are_not_written(tmp_path):
    url = "postgresql://me:secret@host/db"
    study = Study(tmp_path / "new", command=["jdend-search", "--storage", url], storage=url)
    study.write()
    text = (tmp_path / "new" / "run.json").read_text()
    assert "secret" not in text
    assert "postgresql://me:***@host/db" in text
