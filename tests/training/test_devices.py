"""A population on several devices; a process of its own has eight of them."""

import json
import subprocess
import sys
from functools import cache
from pathlib import Path

import jax
import pytest

from jdend.kernels import resolve
from jdend.training import DevicesError, find_devices
from jdend.training._sharding import columns_of, mesh_for, width_on

PROGRAM = Path(__file__).with_name("populations_on_devices.py")
WAYS = ["one seed", "four seeds"]  # the former with the fastest kernel, the latter with "dense"
PROGRAMS = ["init", "advance", "evaluate", "measure"]


@cache
def found():
    command = [sys.executable, str(PROGRAM), resolve()]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("way", WAYS)
def test_the_first_step_on_eight_devices_is_that_of_one(way):
    assert found()[way]["first step"] < 1e-6


@pytest.mark.parametrize("way", WAYS)
def test_accuracies_of_eight_devices_are_those_of_one(way):
    assert found()[way]["devices"] == {"one seed": 6, "four seeds": 8}[way]
    assert found()[way]["accuracy"] < 0.002


def test_a_run_goes_on_on_more_devices_and_on_fewer():
    assert found()["moved"] < 0.002


def test_a_search_with_halving_on_eight_devices_has_the_table_of_one():
    search = found()["search"]
    assert search["trials"] > 4
    assert search["stopped"] > 1
    assert search["accuracy"] < 0.002


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("program", PROGRAMS)
def test_programs_hold_no_communication(way, program):
    assert found()[way]["programs"][program]["collectives"] == []


@pytest.mark.parametrize("program", PROGRAMS[1:])
def test_each_device_runs_the_native_kernel_where_there_is_one(program):
    n_calls = found()["one seed"]["programs"][program]["native"]
    assert (n_calls > 0) == (resolve() == "native")
    assert found()["four seeds"]["programs"][program]["native"] == 0


def test_on_one_device_nothing_is_divided():
    assert found()["one seed"]["parts of one"] is None
    assert mesh_for(jax.local_devices()[:1], 3, 10) is None
    assert width_on(None, 5) == 5
    assert columns_of(None, "abc") == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("n_devices", "n_seeds", "n_configurations", "parts"),
    [
        (8, 1, 64, (1, 8)),
        (8, 2, 64, (2, 4)),  # each seed's batches are loaded by four devices, not by eight
        (8, 3, 64, (1, 8)),
        (8, 8, 1, (8, 1)),
        (8, 1, 11, (1, 6)),  # two on each; eight would be no faster
        (8, 5, 1, (5, 1)),
        (3, 4, 2, (2, 1)),
    ],
)
def test_the_largest_part_has_as_few_trials_as_possible(
    n_devices, n_seeds, n_configurations, parts
):
    mesh = mesh_for([f"device {i}" for i in range(n_devices)], n_seeds, n_configurations)
    assert tuple(mesh.shape.values()) == parts
    width = width_on(mesh, n_configurations)
    assert width % parts[1] == 0
    assert 0 <= width - n_configurations < parts[1]


def test_devices_are_a_number_or_positions():
    assert find_devices() == tuple(jax.local_devices())
    assert find_devices(1) == find_devices((0,)) == find_devices()[:1]


@pytest.mark.parametrize("devices", [0, -1, 99, (), (0, 0), (99,), (-1,)])
def test_devices_that_are_not_there_are_refused_in_a_line(devices):
    with pytest.raises(DevicesError, match=r"^devices=.* there are 1 here: give how many") as info:
        find_devices(devices)
    assert "\n" not in str(info.value)
