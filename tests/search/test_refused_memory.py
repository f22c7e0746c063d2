"""An allocator that refuses, as NumPy and XLA say it, at any moment: one line, nothing is lost."""

import jax
import pytest

from jdend.search.cli import main as cli
from jdend.search.executors import local

SEARCH = ("--dataset", "digits", "--budget", "900", "--strategy", "random", "--trials", "6")
SEARCH += ("--generation", "2", "--quiet", "--no-report", "--resume", "--out")
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
