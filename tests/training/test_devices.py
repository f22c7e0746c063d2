"""A population on several devices; a process of its own has eight of them."""

import json
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from jdend.kernels import resolve

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
