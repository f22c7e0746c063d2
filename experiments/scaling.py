"""How a search scales: columns of a population in one process, and workers of a cluster.

    python experiments/scaling.py
    python experiments/scaling.py --parts columns
    python experiments/scaling.py --parts workers --epochs 24 --places "process, 1 core" "1 worker"

`columns`: for populations of 1 to 4,096 networks of 12 × 6 × 96 (batches of 256), the time of a
training step for each network, and the peak of resident memory above that before training; each in
a process of its own, with validation after each epoch as in a search.

`workers`: one search on one core, and on two, by one process and by workers of a Ray cluster with
one core each, from the moment when they are ready. In turn, in processes of their own; medians.
More workers than this machine has cores are simulated: what the search's populations took, each
handed to the worker that is free first, the longest first.
"""

import argparse
import ctypes
import gc
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.pyplot as plt
from peers.machine import processor

COLUMNS = (1, 4, 16, 64, 256, 1024, 4096)
N_FEATURES, N_CLASSES, BATCH_SIZE, N_STEPS = 784, 10, 256, 8
# By which executor the search trains, on how many cores.
PLACES = {"process, 1 core": 1, "1 worker": 1, "process, 2 cores": 2, "2 workers": 2}
SIMULATED_WORKERS = (1, 2, 4, 8)
N_TRIALS, N_EPOCHS = 48, 8


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--parts", nargs="+", choices=("columns", "workers"), default=["columns", "workers"]
    )
    parser.add_argument("--repeats", type=int, default=3, help="medians of so many")
    parser.add_argument("--epochs", type=int, default=N_EPOCHS, help="of the search by workers")
    parser.add_argument("--places", nargs="+", choices=PLACES, default=list(PLACES))
    parser.add_argument("--json", type=Path, default=Path("experiments/results/scaling.json"))
    parser.add_argument("--picture", type=Path, default=Path("docs/pictures/scaling.svg"))
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        what, value = options.child
        is_column = what == "columns"
        print(json.dumps(_columns(int(value)) if is_column else _search(value, options.epochs)))
        return
    found: dict[str, Any] = json.loads(options.json.read_text()) if options.json.exists() else {}
    machine = {"processor": processor(), "cores": os.cpu_count()}
    if "columns" in options.parts:
        rows = [
            _median([_child("columns", n) for n in [width] * options.repeats]) for width in COLUMNS
        ]
        best = min(row["milliseconds"] for row in rows)
        for row in rows:
            print(
                f"{row['columns']:5} networks: {row['milliseconds']:.3f} ms a step of each "
                f"({row['milliseconds'] / best:.2f} of the best), {row['megabytes']:,.0f} MB"
            )
        found["columns"] = {**machine, "load": _load(), "rows": rows}
    if "workers" in options.parts:
        runs: dict[str, list[dict[str, Any]]] = {place: [] for place in options.places}
        for place in runs:
            _child("search", place, options.epochs)  # its programs are compiled
        for _ in range(options.repeats):
            for place, of_place in runs.items():
                of_place.append(_child("search", place, options.epochs))
        rows = [{"place": place, **_median(of_place)} for place, of_place in runs.items()]
        for row in rows:
            print(f"{row['place']:18} {row['seconds']:6.1f} s, ready after {row['ready']:.1f} s")
        place = "1 worker" if "1 worker" in runs else options.places[0]
        of_populations = runs[place][-1]["populations"]
        simulated = {n: _longest_first(of_populations, n) for n in SIMULATED_WORKERS}
        print(f"simulated from the populations of {place}:", simulated)
        name = "workers" if options.epochs == N_EPOCHS else f"workers_{options.epochs}_epochs"
        found[name] = {**machine, "load": _load(), "rows": rows, "simulated": simulated}
    options.json.write_text(json.dumps(found, indent=1) + "\n")
    _draw(found, options.picture)


def _child(what: str, value: object, n_epochs: int = N_EPOCHS) -> dict[str, Any]:
    command = [sys.executable, __file__, "--child", what, str(value), "--epochs", str(n_epochs)]
    # In a session of its own, as Ray's workers are: Linux divides its cores among sessions.
    child = subprocess.run(command, check=True, stdout=subprocess.PIPE, start_new_session=True)
    return json.loads(child.stdout)


def _median(runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The median of each number; of what is none, the last."""
    return {
        name: statistics.median(run[name] for run in runs) if isinstance(last, float) else last
        for name, last in runs[-1].items()
    }


def _load() -> float:
    return round(os.getloadavg()[0], 1)


def _columns(n: int) -> dict[str, object]:
    """One population of so many networks."""
    import numpy as np

    from jdend.data import from_arrays, split
    from jdend.models import Problem, configure
    from jdend.training import Bucket, prepare, runs

    rng = np.random.default_rng(0)
    n_examples = round(N_STEPS * BATCH_SIZE / 0.9) + 1
    x = rng.integers(0, 256, (n_examples + 500, N_FEATURES), np.uint8)
    y = np.arange(len(x)) % N_CLASSES
    train = slice(0, n_examples)
    parts = split(from_arrays(x[train], y[train], x[n_examples:], y[n_examples:]))
    n_epochs = max(2, 4096 // (4 * n))
    sizes = {"n_neurons": 12, "n_dendrites": 6, "n_dendrite_inputs": 96}
    configuration = configure(
        {**sizes, "batch_size": BATCH_SIZE, "n_epochs": n_epochs},
        Problem(N_FEATURES, N_CLASSES),
    )
    bucket = Bucket(configuration.structure, kernel="auto")
    members = [configuration] * n
    prepare(bucket, members, (0,), parts)
    (run,) = runs(bucket, members, (0,), parts)
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # what compiling has freed
    Path("/proc/self/clear_refs").write_text("5")  # the peak is now what there is
    before = _resident("VmRSS")
    run.train_to(1)
    begun = time.perf_counter()
    run.train_to(n_epochs)
    seconds = time.perf_counter() - begun
    return {
        "columns": n,
        "milliseconds": 1000 * seconds / ((n_epochs - 1) * N_STEPS * n),
        "megabytes": (_resident("VmHWM") - before) / 1e6,
    }


def _resident(name: str) -> int:
    """A figure of this process's memory by the kernel, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith(name)).split()[1])


def _search(place: str, n_epochs: int) -> dict[str, object]:
    """A search; seconds from when what trains is ready, and of each population."""
    os.sched_setaffinity(0, range(PLACES[place]))  # before JAX is there
    from jdend import HyperparameterSearcher
    from jdend.data import load
    from jdend.search.executors.local import LocalExecutor
    from jdend.search.executors.protocol import Executor, Watcher

    class Timed:
        """An executor that notes when it is ready, and when populations are there."""

        is_local = False

        def __init__(self, inner: Executor, n_workers: int):
            self._inner, self._n = inner, n_workers
            self.ready, self.ends = 0.0, list[float]()

        def n_workers(self, data):
            return self._inner.n_workers(data)

        def submit(self, works, epoch, watcher: Watcher):
            note = watcher.note

            def noted(line: str) -> None:
                if line.startswith(f"{self._n} worker"):
                    self.ready = time.monotonic()
                note(line)

            watcher.note = noted
            if self._n == 0:
                self.ready = self.ready or time.monotonic()
            for one in self._inner.submit(works, epoch, watcher):
                self.ends.append(time.monotonic())
                yield one

        def close(self) -> None:
            self._inner.close()

    if place.startswith("process"):
        executor = Timed(LocalExecutor(), 0)
    else:
        from jdend.search.executors.ray import RayExecutor

        executor = Timed(RayExecutor(cores_per_worker=1), PLACES[place])
    begun = time.monotonic()
    space = {
        "n_neurons": [24, 32, 40, 48],
        "n_dendrites": 7,
        "n_dendrite_inputs": 19,
        "lr": {"type": "uniform", "low": 1e-3, "high": 1e-2, "log": True},
    }
    with tempfile.TemporaryDirectory() as folder:
        searcher = HyperparameterSearcher(
            load("fashion-mnist"),
            max_params=9000,
            min_param_ratio=0.3,
            verbose=False,
            executor=executor,
            buckets="exact",
            out=Path(folder) / "out",
        )
        training = {"n_epochs": n_epochs, "batch_size": BATCH_SIZE}
        searcher.optimize({**space, **training}, N_TRIALS, "random")
        over = time.monotonic()
    starts = [executor.ready, *executor.ends[:-1]]
    return {
        "seconds": over - executor.ready,
        "ready": executor.ready - begun,
        "populations": [end - at for at, end in zip(starts, executor.ends, strict=True)],
    }


def _longest_first(seconds: Sequence[float], n_workers: int) -> float:
    """When all are done if each goes to the worker that is free first."""
    free = [0.0] * n_workers
    for one in sorted(seconds, reverse=True):
        free.sort()
        free[0] += one
    return round(max(free), 2)


def _draw(found: dict[str, Any], target: Path) -> None:
    matplotlib.rcParams.update({"svg.hashsalt": "jdend", "font.size": 9})
    figure, axes = plt.subplots(1, 3, figsize=(8, 2.4), layout="constrained")
    if "columns" in found:
        rows = found["columns"]["rows"]
        columns = [row["columns"] for row in rows]
        for axis, name, label in (
            (axes[0], "milliseconds", "ms a step of a network"),
            (axes[1], "megabytes", "MB"),
        ):
            axis.loglog(columns, [row[name] for row in rows], marker="o", markersize=3)
            axis.set(xlabel="networks in a population", ylabel=label)
    if "workers" in found:
        rows = {row["place"]: row["seconds"] for row in found["workers"]["rows"]}
        axes[2].barh(list(rows), list(rows.values()))
        axes[2].invert_yaxis()
        axes[2].set(xlabel="seconds")
    figure.savefig(target, metadata={"Date": None})


if __name__ == "__main__":
    main()
