"""A search that a signal ends in the middle of its only population goes on from there."""

import signal
import time

import pytest
from safetensors.numpy import load_file
from searches import figures, options, run, start, write_at_once

from jdend.study import open_study, read_results

TRIALS = ("--trials", "6", "--epochs", "150")


def epochs_kept(folder):
    """Of the only population, as last written."""
    files = folder.glob("populations/1-*.safetensors")
    return max((int(load_file(path)["epoch"]) for path in files), default=0)


def ended_by(number, *arguments):
    """What a search printed whose signal came when it had written what it had come to."""
    folder = arguments[-1]
    process = start(*arguments, first=write_at_once)
    while process.returncode is None and not epochs_kept(folder):
        time.sleep(0.01)
    assert process.returncode is None, process.end()
    process.send_signal(number)
    shown, said = process.end()
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
    assert f"{folder} already holds a search" in again.end()[1]
    assert (run(*small, "--out", folder, "--resume"), figures(folder)) == undisturbed
    assert not (folder / "populations").exists()
