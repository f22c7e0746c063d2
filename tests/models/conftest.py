"""A user's own architecture takes part in every test of this folder, and in none beside it."""

import pytest
from user_architecture import FIELDS, NAME, TwoBranches

from jdend.models import _registry, register_architecture


@pytest.fixture(autouse=True)
def architecture_of_a_user(monkeypatch):
    monkeypatch.setattr(_registry, "_ARCHITECTURES", dict(_registry._ARCHITECTURES))
    register_architecture(NAME, TwoBranches, fields=FIELDS)
