"""A search that a signal ends in the middle of its only population goes on from there."""

import signal
import subprocess
import sys
import time

import pytest
from safetensors.numpy import load_file
from searches import ROOT, figures, options, run, start

from jdend.study import open_study, read_results

TRIALS = ("--trials", "6", "--epochs", "150")
# A search that writes what it has come to whenever it can.
PROGRAM = """
import sys
from jdend.search.driver import populations
populations.MIN_SECONDS_BETWEEN, populations.MAX_SHARE_OF_TIME = 0.0, 1.0
from jdend.search.__main__ import main
sys.exit(main())
"""


def epochs_kept(folder):
    """Of the only population, as last written."""
    files = folder.glob("populations/1-*.safetensors")
    return max((int(load_file(path)["epoch"]) for path in files), default=0)


def ended_by(number, *arguments):
    """What a search printed whose signal came when it had written what it had come to."""
    folder = arguments[-1]
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *map(str, arguments)],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    while process.poll() is None and not epochs_kept(folder):
        time.sleep(0.01)
    assert process.poll() is None, process.communicate()
    process.send_signal(number)
    shown, said = process.communicate(timeout=60)
    assert "Traceback" not in said
    return process.returncode, shown


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    small = (*options(folder), *TRIALS)
    return run(*small, "--out", folder / "out"), figures(folder / "out")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_it_goes_on_from_there(number, tmp_path, undisturbed):
    small, folder = (*options(tmp_path), *TRIALS), tmp_path / "out"
    code, table = ended_by(number, *small, "--out", folder)
    assert not open_study(folder).finished
    if number == signal.SIGTERM:
        assert code == 130
        assert "+ cut off after" in table
        results = read_results(folder / "results.json")
        assert len(results) == 6
        assert all(result.cut_off for result in results)
        assert 0 < min(r.stopped_epoch or 0 for r in results) < 150
    again = start(*small, "--out", folder)
    assert f"{folder} already holds a search" in again.communicate(timeout=60)[1]
    assert (run(*small, "--out", folder, "--resume"), figures(folder)) == undisturbed
    assert not (folder / "populations").exists()
