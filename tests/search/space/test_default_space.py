"""The space that is searched when nobody names one."""

import pytest

from jdend.fields import FIELDS
from jdend.models import Problem
from jdend.search import default_space
from jdend.search.space.dimensions import parse_space
from jdend.search.space.validation import check_space

DATA = [Problem(784, 10, (28, 28, 1)), Problem(64, 10, (8, 8, 1)), Problem(4, 3)]


@pytest.mark.parametrize("problem", DATA)
@pytest.mark.parametrize("budget", [50, 500, 8000, 100_000])
def test_it_is_allowed_for_all_data(budget, problem):
    check_space(parse_space(default_space(budget, problem)), problem, {})


def test_fields_go_by_their_own_names():
    assert default_space(8000, DATA[0]).keys() <= FIELDS.keys()


def test_only_images_have_receptive_fields():
    assert "field_std" in default_space(8000, DATA[0])
    assert default_space(8000, DATA[2]).keys().isdisjoint(["connectivity", "field_std"])
