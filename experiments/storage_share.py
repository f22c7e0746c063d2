"""What storing and sampling cost beside training, in a search of many short trials.

    python experiments/storage_share.py --json experiments/results/storage_share.json

A search of 1,000 trials on 10,000 images of Fashion-MNIST, 3 epochs each, for each strategy, in a
process and a folder of its own. Counted as storage and sampling is all of the search's time but
that between a generation's trials being kept and their results being handed over, which is what
training and compiling take. Then, how long each kind of storage takes for finished trials.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from jdend import HyperparameterSearcher, SearchResult
from jdend.data import load
from jdend.search import Study, default_space
from jdend.study import Claim, Generation, Ledger, ProposedTrial

STRATEGIES = ("random", "tpe")
N_STORED = 200


class Timed:
    """A ledger that adds up the seconds from `begin` to `finish`."""

    def __init__(self, ledger: Ledger):
        self._ledger = ledger
        self.training = 0.0
        self._begun = 0.0

    def claim(self, n_generations: int) -> Claim | None:
        return self._ledger.claim(n_generations)

    def begin(self, number: int, proposed: Sequence[ProposedTrial]) -> None:
        self._ledger.begin(number, proposed)
        self._begun = time.perf_counter()

    def finish(self, number: int, results: Sequence[SearchResult]) -> None:
        self.training += time.perf_counter() - self._begun
        self._ledger.finish(number, results)

    def generations(self) -> list[Generation]:
        return self._ledger.generations()

    def release(self) -> None:
        self._ledger.release()


class TimedStudy(Study):
    """A study whose only ledger is timed."""

    def ledger(self, *arguments, **options) -> Ledger:
        self.timed = Timed(super().ledger(*arguments, **options))
        return self.timed


def measure(strategy: str, n_trials: int, n_examples: int, n_epochs: int) -> dict[str, object]:
    """The shares of one search."""
    data = load("fashion-mnist")
    with tempfile.TemporaryDirectory() as folder:
        study = TimedStudy(Path(folder) / "run")
        searcher = HyperparameterSearcher(
            data, n_examples, 8000, n_epochs=n_epochs, verbose=False, study=study
        )
        space = default_space(8000, searcher.problem)
        begun = time.perf_counter()
        results = searcher.optimize(space, n_trials, strategy, pruner="none")
        study.write()
        wall = time.perf_counter() - begun
        size = sum(path.stat().st_size for path in Path(folder).rglob("*"))
    rest = wall - study.timed.training
    return {
        "strategy": strategy,
        "trials": len(results),
        "wall_seconds": round(wall, 2),
        "compile_seconds": round(study.effort.compile_seconds, 2),
        "storage_and_sampling_seconds": round(rest, 2),
        "share": round(rest / wall, 4),
        "milliseconds_a_trial": round(1000 * rest / len(results), 2),
        "megabytes": round(size / 1e6, 1),
    }


def storing() -> dict[str, float]:
    """Milliseconds that a finished trial takes, by kind of storage."""
    history = {name: [0.1 + n / 7 for n in range(3)] for name in "abcd"}
    result = SearchResult(
        {"n_neurons": 40, "lr": 0.01}, 0.8, 0.8, 7900, 0.03, 0.5, validation_accuracy=0.8,
        history=history, seed_history={name: [h] for name, h in history.items()},
    )  # fmt: skip
    found = {}
    with tempfile.TemporaryDirectory(dir=".") as folder:
        places = {"journal": None, "sqlite": f"sqlite:///{folder}/study.db"}
        for name, storage in places.items():
            ledger = Study(Path(folder) / name, storage=storage).ledger({})
            ledger.claim(1)
            ledger.begin(0, [ProposedTrial(result.params, (0,))] * N_STORED)
            begun = time.perf_counter()
            ledger.finish(0, [result] * N_STORED)
            found[name] = round(1000 * (time.perf_counter() - begun) / N_STORED, 2)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # pyright: ignore[reportOptionalMemberAccess]
    add = parser.add_argument
    add("--trials", type=int, default=1000)
    add("--examples", type=int, default=10_000, help="validation included")
    add("--epochs", type=int, default=3)
    add("--json", type=Path, help="where to write the result")
    add("--strategy", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.strategy:
        found = measure(options.strategy, options.trials, options.examples, options.epochs)
        print(json.dumps(found))
        return
    rows = []
    for strategy in STRATEGIES:
        ended = subprocess.run(
            [sys.executable, *sys.argv, "--strategy", strategy], stdout=subprocess.PIPE, check=True
        )
        rows.append(json.loads(ended.stdout.splitlines()[-1]))
        print(rows[-1], flush=True)
    record = {
        "processors": os.cpu_count(),
        "machine": platform.machine(),
        "searches": rows,
        "milliseconds_to_store_a_trial": storing(),
    }
    print(record["milliseconds_to_store_a_trial"])
    if options.json:
        options.json.write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main()
