"""What all tests share."""

import os
import signal

import pytest

# Tests compile more than they compute; jdend's own programs set their level themselves.
os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_backend_optimization_level=0"

# A shell's background job ignores Ctrl-C, and so would the processes that tests interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Needs TensorFlow, in another interpreter than jdend's: `make test-tfds`.
collect_ignore = [] if "JDEND_TFDS_PYTHON" in os.environ else ["tfds"]


@pytest.fixture(scope="session")
def browser():
    """Chromium, for the tests that look at a page."""
    from browser import chromium

    with chromium() as opened:
        yield opened
