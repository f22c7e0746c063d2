"""Small real searches as processes, and what they found.

The processes are forked by one that has imported what a search does: that is half of their time.
"""

import json
import multiprocessing
import os
import pkgutil
import signal
import sys
import tempfile
from pathlib import Path

# One shape, so that all generations share the programs that the cache of compiled ones keeps.
SPACE = """
n_neurons = 8
n_dendrites = 4
n_dendrite_inputs = 12
lr = {type = "uniform", low = 1e-3, high = 5e-2, log = true}
weight_decay = [0.0, 1e-3, 1e-2]
"""
SMALL = ("--strategy", "random", "--dataset", "digits", "--budget", "600", "--batch-size", "256",
         "--seeds", "1", "--epochs", "3", "--quiet", "--no-report")  # fmt: skip
SECONDS = 120
_FORKING = multiprocessing.get_context("forkserver")
_FORKING.set_forkserver_preload([
    "jdend.search.__main__", "jdend.search.cli.run", "jdend.search.searcher",
    "jdend.search.driver.loop", "jdend.search.executors.local", "jdend.search.planning.planner",
    "jdend.search.samplers.optuna_samplers", "jdend.study._optuna_ledger", "jdend.study._journal",
    "jax.experimental.multihost_utils", "jaxlib.mlir.dialects.mhlo",
])  # fmt: skip


def options(folder: Path) -> tuple[str, ...]:
    """Of a small search, whose space is written to a folder."""
    (folder / "space.toml").write_text(SPACE)
    return (*SMALL, "--space", str(folder / "space.toml"))


class Process:
    """`python -m jdend.search` with these words, once `first()` is done."""

    def __init__(self, words, first=None):
        self._prints = tempfile.TemporaryDirectory()
        self._files = [Path(self._prints.name) / name for name in ("stdout", "stderr")]
        files = [str(path) for path in self._files]
        self._process = _FORKING.Process(target=_search, args=(files, words, first))
        self._process.start()
        self.pid = self._process.pid

    @property
    def returncode(self):
        """None while it runs; as of `subprocess.Popen`."""
        return self._process.exitcode

    def send_signal(self, number):
        os.kill(self.pid, number)

    def end(self):
        """Waits for its end; what it has printed, and what it has said."""
        self._process.join(SECONDS)
        assert self.returncode is not None, f"still there after {SECONDS} seconds"
        shown, said = (path.read_text() for path in self._files)
        self._prints.cleanup()
        return shown, said


def _search(files, words, first):
    for descriptor, path in enumerate(files, start=1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), descriptor)
    sys.argv[1:] = words
    if first is not None:
        first()
    from jdend.search.__main__ import main

    sys.exit(main())


def start(*words, first=None) -> Process:
    return Process([*map(str, words)], first)


def run(*words) -> str:
    """What a search prints; it must succeed."""
    process = start(*words)
    shown, said = process.end()
    assert process.returncode == 0, said
    return shown


def kill_at(owner_name: str, name: str, number: int, when: str) -> None:
    """This process will kill itself (SIGKILL) before or after the n-th call of a function."""
    owner = pkgutil.resolve_name(owner_name)
    function, calls = getattr(owner, name), []

    def killing(*arguments, **keywords):
        calls.append(name)
        if len(calls) == number and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = function(*arguments, **keywords)
        if len(calls) == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, name, killing)


def write_at_once() -> None:
    """A search in this process will write what it has come to whenever it can."""
    from jdend.search.driver import populations

    populations.MIN_SECONDS_BETWEEN, populations.MAX_SHARE_OF_TIME = 0.0, 1.0


def figures(folder: Path) -> list[dict]:
    """All that `results.json` holds but times."""
    records = json.loads((folder / "results.json").read_text())
    return [{k: v for k, v in record.items() if k != "train_time"} for record in records]
