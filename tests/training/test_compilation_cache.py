"""Where compiled programs are kept, and by whom that is said."""

import os
import time
from pathlib import Path

import jax
import pytest

from jdend.training import _compilation_cache, enable_program_cache, program_cache_folder
from jdend.training._compilation_cache import MAX_BYTES, SECONDS_BETWEEN, TIDIED

OPTIONS = (
    "jax_compilation_cache_dir",
    "jax_persistent_cache_min_compile_time_secs",
    "jax_persistent_cache_min_entry_size_bytes",
    "jax_compilation_cache_max_size",
)


@pytest.fixture(autouse=True)
def as_before():
    """JAX as no user has set it up; afterwards as it was."""
    before = {name: getattr(jax.config, name) for name in OPTIONS}
    jax.config.update("jax_compilation_cache_dir", None)
    yield
    for name, value in before.items():
        jax.config.update(name, value)


@pytest.fixture
def processor(monkeypatch):
    """Says which lines the system has of its processor; None if it has none."""

    read_text = Path.read_text

    def says(text):
        def read(path, *arguments, **options):
            if path != Path("/proc/cpuinfo"):
                return read_text(path, *arguments, **options)
            if text is None:
                raise FileNotFoundError
            return text

        monkeypatch.setattr(Path, "read_text", read)

    return says


def test_small_programs_are_kept_and_jax_reads_no_folder_to_add_one(tmp_path):
    assert enable_program_cache(tmp_path / "a" / "b") == tmp_path / "a" / "b"
    assert (tmp_path / "a" / "b").is_dir()
    found = [getattr(jax.config, name) for name in OPTIONS]
    assert found == [str(tmp_path / "a" / "b"), 0.0, -1, -1]


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """Ten programs of 100 bytes, used in turn, of which there is room for four."""
    monkeypatch.setattr(_compilation_cache, "MAX_BYTES", 400)
    for number in range(10):
        path = tmp_path / f"jit_step-{number}-cache"
        path.write_bytes(b"x" * 100)
        os.utime(path, (1000 + number, 500 - number))
    return tmp_path


def test_of_too_many_those_used_longest_ago_are_removed(programs):
    enable_program_cache(programs)
    left = sorted(path.name for path in programs.glob("*-cache"))
    assert left == [f"jit_step-{number}-cache" for number in (6, 7, 8, 9)]


def test_that_is_done_once_a_day(programs):
    mark = programs / TIDIED
    mark.touch()
    enable_program_cache(programs)
    assert len(list(programs.glob("*-cache"))) == 10
    jax.config.update("jax_compilation_cache_dir", None)
    yesterday = time.time() - SECONDS_BETWEEN - 1
    os.utime(mark, (yesterday, yesterday))
    enable_program_cache(programs)
    assert len(list(programs.glob("*-cache"))) == 4


def test_up_to_1_gib_all_are_kept(programs, monkeypatch):
    monkeypatch.undo()
    enable_program_cache(programs)
    assert MAX_BYTES == 1 << 30
    assert len(list(programs.glob("*-cache"))) == 10


def test_without_a_folder_it_is_in_the_cache_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert enable_program_cache() == program_cache_folder()
    assert tmp_path in program_cache_folder().parents


def test_a_cache_that_the_user_has_set_up_stays(tmp_path):
    jax.config.update("jax_compilation_cache_dir", str(tmp_path))
    jax.config.update("jax_compilation_cache_max_size", 17)
    assert enable_program_cache(tmp_path / "other") == tmp_path
    assert jax.config.jax_compilation_cache_max_size == 17
    assert not (tmp_path / "other").exists()


def test_where_no_folder_can_be_there_is_no_cache(tmp_path):
    (tmp_path / "file").touch()
    assert enable_program_cache(tmp_path / "file" / "folder") is None
    assert jax.config.jax_compilation_cache_dir is None


def test_what_cannot_be_written_is_no_cache(tmp_path, monkeypatch):
    monkeypatch.setattr(_compilation_cache.os, "access", lambda path, mode: False)
    assert enable_program_cache(tmp_path) is None
    assert jax.config.jax_compilation_cache_dir is None


def test_processors_with_other_features_have_other_folders(processor):
    folders = []
    for text in ("flags\t: sse avx\n", "flags\t: sse avx avx512\n", "Features\t: neon\n", None):
        processor(text)
        folders.append(program_cache_folder())
    assert len(set(folders)) == 4
    assert len({folder.parent for folder in folders}) == 1


def test_a_processors_clock_and_number_of_cores_change_no_folder(processor):
    processor("processor\t: 0\nmodel name\t: A\nflags\t: sse\ncpu MHz\t: 1000\n")
    first = program_cache_folder()
    processor(
        "processor\t: 0\nmodel name\t: A\nflags\t: sse\ncpu MHz\t: 2000\n"
        "processor\t: 1\nmodel name\t: A\nflags\t: sse\ncpu MHz\t: 2000\n"
    )
    assert program_cache_folder() == first
