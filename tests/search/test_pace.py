"""How fast the machine at hand is."""

import pytest

from jdend.search import pace
from jdend.search.forecast import Forecast


@pytest.fixture(autouse=True)
def _own_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("sys.platform", "linux")


def test_nothing_is_known_at_first():
    assert pace.pace("native") == 1.0


def test_a_search_teaches_its_kernel_alone():
    pace.learn("native", 10.0, 20.0)
    assert pace.pace("native") == 2.0
    assert pace.pace("dense") == 1.0
    assert pace.corrected(Forecast(1.0, 3.0, 0.5), "native") == Forecast(2.0, 6.0, 1.0)


def test_further_searches_are_averaged():
    for took in (20.0, 5.0):
        pace.learn("native", 10.0, took)
    assert pace.pace("native") == pytest.approx(1.0, abs=1e-3)


def test_short_searches_teach_nothing():
    pace.learn("native", 1.0, 20.0)
    assert pace.pace("native") == 1.0


@pytest.mark.parametrize("text", ["", "[]", '{"x": 1}', "{"])
def test_a_damaged_file_is_as_none(text):
    pace.learn("native", 10.0, 20.0)
    pace._path().write_text(text)
    assert pace.pace("native") == 1.0
    pace.learn("native", 10.0, 40.0)
    assert pace.pace("native") == 4.0


def test_where_nothing_can_be_written_nothing_is_learned(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    pace.learn("native", 10.0, 20.0)
    assert pace.pace("native") == 1.0
