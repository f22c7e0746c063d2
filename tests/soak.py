"""One process for long: what it holds, measured every few seconds (`make soak`).

    python tests/soak.py --seconds 3600 --out soak.json

First one long search, then small different ones, each for that time. Memory, mappings, threads and
open files must stay within 5 % of what they are after a sixth of the time. What was measured of the
other part stays in the file, so that the two can be run on their own, in a process each.
"""

import argparse
import json
import os
import sys
import tempfile
import threading
import time
from functools import partial
from pathlib import Path
from statistics import median

import optuna

from jdend import HyperparameterSearcher
from jdend.data import load
from jdend.search.space.default_space import default_space
from jdend.study import open_storage

PARTS = ("one long search", "small different ones")
WARM_UP, TOLERANCE = 1 / 6, 1.05
EVERY_SECONDS = 5
# A search ends up to a generation before its time; after that none is begun.
SHARE_OF_TIME = 0.95


def held() -> dict[str, float]:
    """What the process holds; memory in MiB."""
    status = Path("/proc/self/status").read_text()
    resident = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return {
        "memory": int(resident.split()[1]) / 1024,
        "mappings": len(Path("/proc/self/maps").read_text().splitlines()),
        "threads": threading.active_count(),
        "descriptors": len(os.listdir("/proc/self/fd")),
    }


def measure(work, seconds: float) -> dict[str, object]:
    """Runs `work(number)` until the time is over, while another thread measures. Work returns when
    trials ended, and how many."""
    begun, samples, over = time.monotonic(), [], threading.Event()

    def sample() -> None:
        while not over.wait(EVERY_SECONDS):
            samples.append({"at": time.monotonic() - begun, **held()})

    thread = threading.Thread(target=sample)
    thread.start()
    n_done, ends = 0, list[tuple[float, int]]()
    try:
        while time.monotonic() - begun < SHARE_OF_TIME * seconds:
            ends += [(at - begun, n) for at, n in work(n_done)]
            n_done += 1
    finally:
        over.set()
        thread.join()
    warm = seconds * WARM_UP
    after = [s for s in samples if s["at"] >= warm]
    third = len(after) // 3
    figures: dict[str, object] = {
        "seconds": round(time.monotonic() - begun),
        "searches": n_done,
        "trials": sum(n for _, n in ends),
    }
    flat = True
    for name in ("memory", "mappings", "threads", "descriptors"):
        first, last = (median(s[name] for s in part) for part in (after[:third], after[-third:]))
        figures[name] = {"after_warm_up": round(first, 1), "at_the_end": round(last, 1)}
        flat &= last <= first * TOLERANCE
    figures["flat"] = flat
    figures["trials_a_second"] = _speed(ends, warm)
    return figures


def _speed(ends: list[tuple[float, int]], warm: float) -> dict[str, float]:
    after = [(at, n) for at, n in ends if at >= warm]
    half = len(after) // 2
    if half < 2:
        return {}
    speeds = {}
    for name, part in (("first_half", after[:half]), ("second_half", after[half:])):
        seconds = part[-1][0] - part[0][0]
        speeds[name] = round(sum(n for _, n in part[1:]) / seconds, 3) if seconds else None
    return speeds


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=3600, help="of each of the two parts")
    parser.add_argument("--out", type=Path, help="where the figures are written as JSON")
    parser.add_argument("--only", choices=PARTS, help="one of the two parts")
    options = parser.parse_args()

    with tempfile.TemporaryDirectory() as folder:
        parts = dict(zip(PARTS, (long_search, small_search), strict=True))
        names = PARTS if options.only is None else (options.only,)
        figures = {
            name: measure(partial(parts[name], Path(folder), options.seconds), options.seconds)
            for name in names
        }
    if options.out is not None:
        known = json.loads(options.out.read_text()) if options.out.exists() else {}
        options.out.write_text(json.dumps(known | figures, indent=2) + "\n")
    print(json.dumps(figures, indent=2))
    return int(not all(part["flat"] for part in figures.values()))


def long_search(folder: Path, seconds: float, number: int) -> list[tuple[float, int]]:
    """The default search, for as long as there is time."""
    out = folder / f"long{number}"
    data = load("fashion-mnist")
    searcher = HyperparameterSearcher(data, max_params=8000, verbose=False, out=out)
    clocks = time.monotonic() - time.time()
    searcher.optimize(default_space(8000, searcher.problem), None, seconds=seconds)
    study = optuna.load_study(storage=open_storage(out), study_name=None)
    return [
        (trial.datetime_complete.timestamp() + clocks, 1)
        for trial in study.get_trials(deepcopy=False)
        if trial.datetime_complete is not None
    ]


def small_search(folder: Path, seconds: float, number: int) -> list[tuple[float, int]]:
    """A search of four trials, in other shapes each time."""
    searcher = HyperparameterSearcher(
        load("digits"),
        max_params=500 + 100 * (number % 7),
        min_param_ratio=0.3,
        verbose=False,
        search_seed=number,
        out=folder / f"small{number}",
    )
    space: dict[str, object] = {
        "n_neurons": (4, 10),
        "n_dendrites": (2, 6),
        "n_dendrite_inputs": (8, 24),
        "lr": (1e-3, 1e-2),  # so that there is always another trial
        "n_epochs": 1 + number % 3,
        "batch_size": 64,
    }
    results = searcher.optimize(space, 4, ("random", "tpe")[number % 2])
    return [(time.monotonic(), len(results))]


if __name__ == "__main__":
    sys.exit(main())
