"""What all tests share."""

import os

import pytest

# Tests compile more than they compute; jdend's own programs set their level themselves.
os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_backend_optimization_level=0"

# Needs TensorFlow, in another interpreter than jdend's: `make test-tfds`.
collect_ignore = [] if "JDEND_TFDS_PYTHON" in os.environ else ["tfds"]


@pytest.fixture(scope="session")
def browser():
    """Chromium, for the tests that look at a page."""
    from browser import chromium

    with chromium() as opened:
        yield opened
