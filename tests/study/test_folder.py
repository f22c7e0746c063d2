"""The folder of a search: claimed at once, removed if nothing came of it."""

import json

import pytest

from jdend.study import Study, StudyError, holds_search, new_folder
from jdend.study._folder import claim_folder


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


@pytest.mark.parametrize("name", ["run.json", "study.journal"])
def test_a_folder_with_a_journal_or_a_record_holds_a_search(tmp_path, name):
    (tmp_path / "results.json").write_text("[]")  # which `write_results` puts anywhere
    assert not holds_search(tmp_path)
    (tmp_path / name).write_text("")
    assert holds_search(tmp_path)


def test_a_folder_beside_a_database_is_that_of_one_search(tmp_path):
    url = "sqlite:///s.db"
    (tmp_path / "run.json").write_text(json.dumps({"storage": url, "study": "mine"}))
    assert claim_folder(tmp_path, url, "mine", resume=False) == []
    for storage, name in ((url, "other"), ("sqlite:///t.db", "mine")):
        with pytest.raises(StudyError, match=r"holds another search \(run.json\)"):
            claim_folder(tmp_path, storage, name, resume=True)
    (tmp_path / "run.json").write_text("[")
    with pytest.raises(StudyError, match="holds another search"):
        claim_folder(tmp_path, url, "mine", resume=True)


def test_a_folder_of_data_without_a_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert new_folder("", 8000).name.startswith("data-8000-")


def test_default_folders_are_new_and_plain(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = new_folder("my data/set", 8000)
    assert folder.parts[0] == "runs"
    assert folder.name.startswith("my-data-set-8000-")
    folder.mkdir(parents=True)
    assert new_folder("my data/set", 8000) != folder
