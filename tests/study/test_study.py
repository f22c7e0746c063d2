"""A study: what its files hold, and which ledgers it gives."""

import json
import time

from jdend._phases import phase
from jdend.study import (
    Effort,
    MemoryLedger,
    ProposedTrial,
    SearchResult,
    Study,
    read_results,
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


def test_it_says_where_the_time_went_also_after_it_was_written(tmp_path):
    study = Study(tmp_path)
    add(study)
    study.write()
    before = json.loads((tmp_path / "run.json").read_text())
    with phase("report"):
        time.sleep(0.01)
    study.write_seconds()
    run = json.loads((tmp_path / "run.json").read_text())
    assert run["seconds"]["report"] >= 0.01
    assert {**run, "seconds": None} == {**before, "seconds": None}


def test_several_searches_add_up(tmp_path):
    study = Study(tmp_path)
    add(study)
    add(study)
    study.write("interrupted")
    run = json.loads((tmp_path / "run.json").read_text())
    assert run["config"] == [{"max_params": 1}] * 2
    assert (run["status"], run["compilations"], run["trials"]) == ("interrupted", 4, 2)


def test_a_study_without_a_folder_writes_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    study = Study()
    add(study)
    study.write()
    assert list(tmp_path.iterdir()) == []


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


def test_a_study_that_had_begun_without_a_search_goes_on(tmp_path):
    """Such as one that was broken off while its teachers were trained."""
    study, said = Study(tmp_path / "new"), []
    study.begin()
    study.write("interrupted")
    study.discard()
    ledger = Study(tmp_path / "new", resume=True).ledger({}, say=said.append)
    assert (ledger.generations(), said) == ([], [])


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
