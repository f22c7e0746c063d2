"""How fast the machine at hand is."""

import pytest

from jdend.search.planning import calibration as pace
from jdend.search.planning.runtime import Forecast


@pytest.fixture(autouse=True)
def _own_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "not" / "there"))
    monkeypatch.setattr("sys.platform", "linux")


def test_nothing_is_known_at_first():
    assert pace.pace("native") == 1.0


def test_a_search_teaches_its_kernel_alone():
    pace.learn("native", 10.0, 20.0)
    assert pace.pace("native") == pytest.approx(2**pace.SURPRISED_WEIGHT, abs=1e-3)
    assert pace.pace("dense") == 1.0


def test_forecasts_are_corrected_whole():
    pace.learn("native", 10.0, 20.0)
    corrected = pace.corrected(Forecast(1.0, 3.0, 0.5), "native")
    factor = pace.pace("native")
    assert corrected == Forecast(factor, 3.0 * factor, 0.5 * factor)


def test_many_searches_teach_all():
    for _ in range(30):
        pace.learn("native", 10.0, 50.0)
    assert pace.pace("native") == pytest.approx(5.0, rel=0.02)


def test_a_small_difference_moves_little():
    pace.learn("native", 10.0, 12.0)
    assert pace.pace("native") == pytest.approx(1.2**pace.USUAL_WEIGHT, abs=1e-3)


def test_short_searches_teach_nothing():
    pace.learn("native", 1.0, 20.0)
    assert pace.pace("native") == 1.0


@pytest.mark.parametrize("text", ["", "[]", '{"x": 1}', "{"])
def test_a_damaged_file_is_as_none(text):
    pace.learn("native", 10.0, 20.0)
    pace._path().write_text(text)
    assert pace.pace("native") == 1.0
    pace.learn("native", 10.0, 40.0)
    assert pace.pace("native") == pytest.approx(4**pace.SURPRISED_WEIGHT, abs=1e-3)


def test_where_nothing_can_be_written_nothing_is_learned(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    pace.learn("native", 10.0, 20.0)
    assert pace.pace("native") == 1.0
