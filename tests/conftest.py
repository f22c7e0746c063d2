"""What all tests share."""

import gc
import os
import signal
import tempfile
from importlib.metadata import version

import jaxtyping
import pytest
from checked_types import PACKAGES

pytest_plugins = ("counted_lines",)  # where `--cov` asks for it

# In the process of the tests every call of these packages is held to what it says of types, shapes
# and dtypes; none of them is imported before.
jaxtyping.install_import_hook(PACKAGES, "checked_types.check")

# Tests compile more than they compute. All programs for CPUs, those of the processes that tests
# start, too, are compiled without LLVM's optimisations. Where XLA is known to take it, also without
# MLIR, and each in one piece: many, side by side, take more time in all.
QUICKLY = "--xla_backend_optimization_level=0"
if version("jax").startswith("0.10."):
    QUICKLY += " --xla_cpu_use_fusion_emitters=false --xla_cpu_parallel_codegen_split_count=1"
os.environ["XLA_FLAGS"] = f"{QUICKLY} {os.environ.get('XLA_FLAGS', '')}"

# What was compiled is found again by other files of tests, by the workers beside and by processes
# that tests start. The folder goes with the session; `JAX_COMPILATION_CACHE_DIR` keeps one.
if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
    _programs = tempfile.TemporaryDirectory(prefix="jdend-tests-programs-")
    os.environ["JAX_COMPILATION_CACHE_DIR"] = _programs.name
os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
os.environ["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] = "-1"

# A shell's background job ignores Ctrl-C, and so would the processes that tests interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Needs TensorFlow, in another interpreter than jdend's: `make test-tfds`.
collect_ignore = [] if "JDEND_TFDS_PYTHON" in os.environ else ["tfds"]


# What takes a minute or more begins first: `make test` keeps this order, and no worker waits long
# for another's last file.
LONGEST = ("test_pages.py", "test_ray_cluster.py", "test_own_programs.py", "test_padded_buckets.py")


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: item.path.name not in LONGEST)


def pytest_collection_finish():
    """What is imported stays: tracing makes so many objects that looking for garbage among all of
    them takes a tenth of its time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 10, 10)


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
