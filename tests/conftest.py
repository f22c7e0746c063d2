"""What all tests share."""

import ctypes
import gc
import os
import signal

import jax
import jaxtyping
import pytest
from checked_types import PACKAGES

# In the process of the tests every call of these packages is held to what it says of types, shapes
# and dtypes; none of them is imported before.
jaxtyping.install_import_hook(PACKAGES, "checked_types.check")

# Tests compile more than they compute; jdend's own programs set their level themselves.
os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_backend_optimization_level=0"

LIBC = ctypes.CDLL(None)

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
    """What a file of tests compiled goes with it: Linux allows a process 65,530 mappings, of which
    each program takes several, and LLVM ends the process when there are no more."""
    yield
    from jdend.training import _order, _population

    _population._population.cache_clear()
    _order.shuffle.cache_clear()
    jax.clear_caches()
    gc.collect()
    if hasattr(LIBC, "malloc_trim"):  # glibc keeps what LLVM has freed
        LIBC.malloc_trim(0)
