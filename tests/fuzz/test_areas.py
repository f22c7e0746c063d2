"""Each area's corpus, and 50 inputs that are always the same."""

import pytest
from fuzzing import areas, attempt
from hypothesis import HealthCheck, given, settings

AREAS = {area.name: area for area in areas()}
FEW = settings(
    max_examples=50,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.parametrize("name", AREAS)
def test_what_was_found_stays_mended(name):
    for value in AREAS[name].corpus:
        attempt(AREAS[name], value)


@pytest.mark.parametrize("name", AREAS)
def test_any_input_ends_in_a_value_or_in_one_line(name):
    def once(value):
        attempt(AREAS[name], value)

    FEW(given(AREAS[name].inputs)(once))()
