"""A search that is killed in any of its phases finds what an undisturbed one finds."""

import functools
import signal

import pytest
from searches import figures, kill_at, options, run, start

TRIALS = ("--trials", "6", "--generation", "3", "--pruner", "halving")
# In two generations, each with a rung.
PHASES = {
    "proposing": ("jdend.search.driver.schedule:Schedule", "propose", 3, "after"),
    "compiling": ("jdend.training._population:Population", "compile", 1, "before"),
    "training": ("jdend.training:Run", "_train_epoch", 4, "after"),
    "a rung": ("jdend.search.rungs:Rungs", "stopped", 2, "after"),
    "storing a generation": ("jdend.study._optuna_ledger:OptunaLedger", "finish", 2, "before"),
    "after storing one": ("jdend.study._optuna_ledger:OptunaLedger", "finish", 1, "after"),
    "writing files": ("jdend.study:Study", "write", 1, "before"),
    "the best network": ("jdend.search.cli.run", "_keep", 1, "before"),
}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """A search's words, its table, and its folder."""
    folder = tmp_path_factory.mktemp("undisturbed")
    words = (*options(folder), *TRIALS)
    return words, run(*words, "--out", folder / "out"), folder / "out"


@pytest.mark.parametrize("phase", PHASES)
def test_a_kill_in_this_phase_loses_nothing(phase, undisturbed, tmp_path):
    words, table, folder = undisturbed
    place = ("--out", str(tmp_path / "out"), "--resume")
    killed = start(*words, *place, first=functools.partial(kill_at, *PHASES[phase]))
    _, said = killed.end()
    assert killed.returncode == -signal.SIGKILL, said
    assert run(*words, *place) == table
    assert figures(tmp_path / "out") == figures(folder)
