"""What all tests share."""

import os
import signal

import jaxtyping
import pytest
from checked_types import PACKAGES

# In the process of the tests every call of these packages is held to what it says of types, shapes
# and dtypes; none of them is imported before.
jaxtyping.install_import_hook(PACKAGES, "checked_types.check")

# Tests compile more than they compute; jdend's own programs set their level themselves.
os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_backend_optimization_level=0"

# A shell's background job ignores Ctrl-C, and so would the processes that tests interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Needs TensorFlow, in another interpreter than jdend's: `make test-tfds`.
collect_ignore = [] if "JDEND_TFDS_PYTHON" in os.environ else ["tfds"]


@pytest.fixture(autouse=True)
def types_as_marked(request, monkeypatch):
    """Tests marked `wrong_types` see what users do, for whom nothing checks annotations."""
    if request.node.get_closest_marker("wrong_types"):
        monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)


@pytest.fixture(scope="session")
def browser():
    """Chromium, for the tests that look at a page."""
    from browser import chromium

    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module", autouse=True)
def programs_let_go():
    """What a file of tests compiled goes with it."""
    yield
    from programs import let_go

    let_go()
