"""The throughput benchmark, at a tiny size and without PyTorch."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SHAPES = ("2x2x4", "5x3h2")
TINY = ["--shapes", ",".join(SHAPES), "--populations", "2x1", "--batch", "16", "--features", "12"]
TINY += ["--examples", "100", "--repeats", "1", "--block", "0.01"]


def run(*options: str) -> subprocess.CompletedProcess:
    command = [sys.executable, str(ROOT / "experiments" / "throughput.py"), *options]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "CXX": "no-such-compiler"}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """What it printed, and the rows of its file."""
    path = tmp_path_factory.mktemp("throughput") / "rows.json"
    done = run(*TINY, "--implementations", "dense,numpy", "--json", str(path))
    assert done.returncode == 0, done.stderr
    return done.stdout, json.loads(path.read_text())


def test_every_implementation_has_a_row_of_every_shape(measured):
    _, rows = measured
    found = [(row["shape"], row["implementation"]) for row in rows]
    assert found == [(shape, name) for shape in SHAPES for name in ("dense", "numpy")]


def test_without_a_compiler_bounds_are_left_out(measured):
    printed, rows = measured
    assert "no C++ compiler" in printed
    assert not any(row["projection_bounds_ms"] for row in rows)


def test_rows_say_what_was_measured(measured):
    _, rows = measured
    for row in rows:
        assert (row["seeds"], row["configurations"]) == (1, 2)
        assert row["min"] <= row["ms_per_trial_step"] <= row["max"]


def test_implementations_compute_the_same(measured):
    printed, rows = measured
    assert "NOT COMPUTE THE SAME" not in printed
    assert all(row["differs_by"] < 1e-4 for row in rows)


def test_memory_at_peak_is_that_of_a_process_with_its_modules(measured):
    _, rows = measured
    assert all(row["peak_mib"] >= row["mib_at_start"] > 10 for row in rows)


def test_an_unknown_implementation_is_refused_in_one_line():
    done = run(*TINY, "--implementations", "abacus")
    assert done.returncode != 0
    assert "abacus" in done.stderr
    assert done.stderr.count("\n") == 1


def test_no_gpu_is_said_in_one_line():
    done = run(*TINY, "--device", "gpu")
    if done.returncode == 0:
        pytest.skip("there is a GPU")
    assert done.stderr.strip().splitlines()[-1] == "throughput: no gpu is here that JAX can use"


@pytest.mark.parametrize("shape", ["2x2", "2x2x0", "axbxc", "5x3h0", "2x5x3h2"])
def test_a_shape_that_is_none_is_refused(shape):
    done = run("--shapes", shape)
    assert done.returncode == 2
    assert shape in done.stderr
