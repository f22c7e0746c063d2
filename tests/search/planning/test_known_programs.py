"""Which programs need not be compiled any more."""

import jax
import pytest

from jdend.search.planning.known_programs import FILE_NAME, known_programs, remember_programs


@pytest.fixture(autouse=True)
def folder(monkeypatch, tmp_path):
    before = jax.config.jax_compilation_cache_dir
    jax.config.update("jax_compilation_cache_dir", str(tmp_path / "cache" / "programs"))
    yield tmp_path / "cache" / "programs"
    jax.config.update("jax_compilation_cache_dir", before)


def test_at_first_there_are_none():
    assert known_programs() == frozenset()


def test_they_stand_beside_the_compiled_programs(folder):
    remember_programs(["a", "b"])
    remember_programs(["b", "c"])
    assert known_programs() == {"a", "b", "c"}
    assert (folder / FILE_NAME).exists()


@pytest.mark.parametrize("content", ["", "{}", "[1, null]", "\0"])
def test_a_damaged_file_knows_nothing_and_is_replaced(folder, content):
    folder.mkdir(parents=True)
    (folder / FILE_NAME).write_text(content)
    assert known_programs() == frozenset()
    remember_programs(["a"])
    assert known_programs() == {"a"}


def test_where_nothing_can_be_written_nothing_is_remembered(folder):
    folder.parent.mkdir()
    folder.write_text("a file where the folder should be")
    remember_programs(["a"])
    assert known_programs() == frozenset()
