"""A batch that is sharded over devices."""

import json
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("sharded_program.py")
WAYS = ["layer", "compiled layer", "gradient", "compiled gradient"]
WAYS += ["shard_map", "shard_map without checks"]
modes = pytest.mark.parametrize("mode", ["Auto", "Explicit"])


@cache
def results(mode: str) -> dict:
    command = [sys.executable, str(PROGRAM), mode]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@modes
@pytest.mark.parametrize("way", WAYS)
def test_it_stays_sharded(mode, way):
    found = results(mode)[way]
    assert found["pieces"] == [[6, 20 if "gradient" in way else 3]]
    assert found["gathers"] == 0


@modes
@pytest.mark.parametrize("way", WAYS)
def test_the_figures_are_those_of_one_device(mode, way):
    assert results(mode)[way]["error"] < 1e-5


@modes
def test_inside_shard_map_each_device_runs_the_native_kernel(mode):
    from jdend.kernels import resolve

    assert results(mode)["shard_map without checks"]["native"] == (
        1 if resolve() == "native" else 0
    )
