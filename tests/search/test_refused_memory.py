"""An allocator that refuses, as NumPy and XLA say it, at any moment: one line, nothing is lost."""

import jax
import pytest

from jdend import HyperparameterSearcher
from jdend.search.cli import main as cli
from jdend.search.executors import local
from jdend.training._compilation import Program

SEARCH = ("--dataset", "digits", "--budget", "900", "--strategy", "random", "--trials", "6")
SEARCH += ("--generation", "2", "--buckets", "exact", "--quiet", "--no-report", "--resume", "--out")
REFUSALS = {
    "NumPy": MemoryError("Unable to allocate 3.00 GiB for an array with shape (805306368,)"),
    "Python": MemoryError(),
    "XLA": jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 9 bytes.\n at"),
}


@pytest.fixture
def search(tmp_path, monkeypatch, capsys, no_download, instant_training):
    """Runs a search; the `n`-th population that is trained meets an error, if there is one."""
    instant = local.runs

    def run(name, n=0, error=None):
        trained = []

        def runs(*arguments, **keywords):
            trained.append(arguments)
            if len(trained) == n:
                raise error
            return instant(*arguments, **keywords)

        monkeypatch.setattr(local, "runs", runs)
        code = cli.main([*SEARCH, str(tmp_path / name)])
        return code, *capsys.readouterr()

    return run


@pytest.mark.parametrize("who", REFUSALS)
def test_memory_that_is_refused_ends_in_one_line_and_resuming_finds_the_same(who, search):
    undisturbed = search("undisturbed")
    code, _, said = search("refused", 2, REFUSALS[who])
    assert code == 2
    assert said.startswith("jdend.search: no memory left for training (")
    assert said.count("\n") == 1
    assert search("refused") == undisturbed


def test_another_error_of_xla_is_not_taken_for_one_of_memory(search):
    with pytest.raises(jax.errors.JaxRuntimeError, match="INTERNAL"):
        search("broken", 1, jax.errors.JaxRuntimeError("INTERNAL: a fault"))


@pytest.mark.parametrize("takes_the_state", [False, True])
def test_an_allocator_that_refuses_above_a_limit_changes_no_table(
    takes_the_state, monkeypatch, capsys
):
    settings = {"max_params": 2000, "min_param_ratio": 0.1, "n_epochs": 3, "batch_size": 128}
    settings |= {"subset_size": 900, "max_programs": 1, "compile_cache": False}
    space = {"n_neurons": [4, 6, 8], "n_dendrites": [2, 3], "n_dendrite_inputs": [16]}

    def table():
        searcher = HyperparameterSearcher("digits", **settings)
        results = searcher.optimize(space, 6, "random", pruner="halving")
        return [
            (r.params, r.stopped_epoch, r.validation_accuracy, r.test_accuracy) for r in results
        ]

    undisturbed = table()
    call = Program.__call__

    def allocate(self, *arguments):
        if self._trains and arguments[0].failed_step.shape[1] > 2:
            if takes_the_state:
                call(self, *arguments)
            raise REFUSALS["XLA"]
        return call(self, *arguments)

    monkeypatch.setattr(Program, "__call__", allocate)
    capsys.readouterr()
    found = table()
    said = capsys.readouterr().err
    assert len(found) > 4
    assert [row[:2] for row in found] == [row[:2] for row in undisturbed]
    for one, other in zip(found, undisturbed, strict=True):
        assert one[2:] == pytest.approx(other[2:], abs=0.002)
    assert said.count("memory ran out for") == 2  # of 5 or 6 networks, and of 3
