"""One process for long: what it holds, measured every few seconds (`make soak`).

    python tests/soak.py --seconds 3600 --out soak.json

First one long search, then small different ones, each for that time. Memory, mappings, threads and
open files must stay within 5 % of what they are after a sixth of the time, and so must the speed.
"""

import argparse
import json
import os
import sys
import tempfile
import threading
import time
from pathlib import Path
from statistics import median

from jdend import HyperparameterSearcher
from jdend.data import load

WARM_UP, TOLERANCE = 1 / 6, 1.05
EVERY_SECONDS = 5


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
    """Runs `work(number)` again and again, while another thread measures; work returns trials."""
    begun, samples, over = time.monotonic(), [], threading.Event()

    def sample() -> None:
        while not over.wait(EVERY_SECONDS):
            samples.append({"at": time.monotonic() - begun, **held()})

    thread = threading.Thread(target=sample)
    thread.start()
    done: list[tuple[float, int]] = []
    try:
        while time.monotonic() - begun < seconds:
            n = work(len(done))
            done.append((time.monotonic() - begun, n))
    finally:
        over.set()
        thread.join()
    warm = seconds * WARM_UP
    after = [s for s in samples if s["at"] >= warm]
    third = len(after) // 3
    figures: dict[str, object] = {
        "seconds": round(done[-1][0]),
        "searches": len(done),
        "trials": sum(n for _, n in done),
    }
    flat = True
    for name in ("memory", "mappings", "threads", "descriptors"):
        first, last = (median(s[name] for s in part) for part in (after[:third], after[-third:]))
        figures[name] = {"after_warm_up": round(first, 1), "at_the_end": round(last, 1)}
        flat &= last <= first * TOLERANCE
    figures["flat"] = flat
    figures["trials_a_second"] = _speed(done, warm)
    return figures


def _speed(done: list[tuple[float, int]], warm: float) -> dict[str, float]:
    after = [(at, n) for at, n in done if at >= warm]
    half = len(after) // 2
    if half < 2:
        return {}
    halves = after[:half], after[half:]
    speeds = [sum(n for _, n in h[1:]) / (h[-1][0] - h[0][0]) for h in halves]
    return {"first_half": round(speeds[0], 3), "second_half": round(speeds[1], 3)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=3600, help="of each of the two parts")
    parser.add_argument("--out", type=Path, help="where the figures are written as JSON")
    options = parser.parse_args()
    data = load("digits")
    space: dict[str, object] = {
        "n_neurons": (4, 10),
        "n_dendrites": (2, 6),
        "n_dendrite_inputs": (8, 24),
    }
    space["lr"] = (1e-3, 1e-2)  # so that there is always another trial

    with tempfile.TemporaryDirectory() as folder:

        def long_search(number: int) -> int:
            searcher = HyperparameterSearcher(
                data, max_params=900, verbose=False, out=Path(folder) / f"long{number}"
            )
            training = {"n_epochs": 4, "batch_size": 64}
            return len(
                searcher.optimize(
                    {**space, **training}, None, "random", generation=8, seconds=options.seconds
                )
            )

        def small_search(number: int) -> int:
            searcher = HyperparameterSearcher(
                data,
                max_params=500 + 100 * (number % 7),
                min_param_ratio=0.3,
                verbose=False,
                search_seed=number,
                out=Path(folder) / f"small{number}",
            )
            training = {"n_epochs": 1 + number % 3, "batch_size": 64}
            return len(searcher.optimize({**space, **training}, 4, ("random", "tpe")[number % 2]))

        figures = {
            "one long search": measure(long_search, options.seconds),
            "small different ones": measure(small_search, options.seconds),
        }
    text = json.dumps(figures, indent=2)
    print(text)
    if options.out is not None:
        options.out.write_text(text + "\n")
    return int(not all(part["flat"] for part in figures.values()))


if __name__ == "__main__":
    sys.exit(main())
