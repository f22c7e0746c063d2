"""Words and numbers as a report writes them."""

import pytest

from jdend.report._format import called, duration, percent, setting


@pytest.mark.parametrize(
    ("value", "std", "shown"),
    [(0.85333, None, "85.33 %"), (0.85333, 0.0079, "85.33 ± 0.79 %"), (None, None, "–"),
     (float("nan"), 0.1, "–"), (0.5, float("nan"), "50.00 %")],
)  # fmt: skip
def test_percent(value, std, shown):
    assert percent(value, std) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.26, "0.3 s"), (24.4, "24 s"), (60, "1 min 0 s"), (119.7, "2 min 0 s"), (7300, "2 h 1 min")],
)
def test_duration(seconds, shown):
    assert duration(seconds) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(True, "yes"), (0.012345, "0.0123"), (None, "–"), (12345, "12,345"), ("fan_in", "fan in")],
)
def test_setting(value, shown):
    assert setting(value) == shown


def test_a_parameter_without_a_name_for_people_keeps_its_own():
    assert called("n_neurons") == "neurons"
    assert called("my_field") == "my field"
