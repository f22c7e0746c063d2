"""Where the time of a search goes: the default search from a cold cache and from a warm one, and a
long one of many short trials.

    python experiments/where_time_goes.py
    python experiments/where_time_goes.py --searches cold --repeats 1

Each search is a process of its own, with a report. Its `run.json` divides the time of the thread
that searches; before that come Python and the imports.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.pyplot as plt
from peers.machine import processor

SEARCHES = {
    "cold": ["--budget", "8000"],
    "warm": ["--budget", "8000"],
    "long": [
        *("--budget", "8000", "--trials", "1000", "--epochs", "1"),
        *("--strategy", "tpe", "--pruner", "none"),
    ],
}
BEFORE = "Python and imports"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--searches", nargs="+", choices=SEARCHES, default=list(SEARCHES))
    parser.add_argument("--repeats", type=int, default=3, help="medians of so many")
    parser.add_argument(
        "--json", type=Path, default=Path("experiments/results/where_time_goes.json")
    )
    parser.add_argument("--picture", type=Path, default=Path("docs/pictures/where_time_goes.svg"))
    options = parser.parse_args()

    divided: dict[str, dict[str, float]] = {}
    for name in options.searches:
        runs = [_run(name) for _ in range(options.repeats)]
        phases = dict.fromkeys(phase for run in runs for phase in run)
        divided[name] = {p: statistics.median(run.get(p, 0.0) for run in runs) for p in phases}
    print(_table(divided))
    record = {
        "command": " ".join(["python experiments/where_time_goes.py", *sys.argv[1:]]),
        "processor": processor(),
        "cores": os.cpu_count(),
        "machine": platform.machine(),
        "load": round(os.getloadavg()[0], 1),
        "repeats": options.repeats,
        "seconds": divided,
    }
    options.json.write_text(json.dumps(record, indent=1) + "\n")
    _draw(divided, options.picture)


def _run(name: str) -> dict[str, float]:
    """The seconds of a search by phase, largest first."""
    with tempfile.TemporaryDirectory() as folder:
        out, cache = Path(folder) / "run", Path(folder) / "cache"
        surroundings = {**os.environ, "XDG_CACHE_HOME": str(cache)}
        if name != "cold":  # the machine's own cache, filled by a first search
            surroundings = dict(os.environ)
        command = [sys.executable, "-m", "jdend.search", *SEARCHES[name], "--quiet"]
        if name == "cold":
            _with_data_of_machine(cache)
        begun = time.monotonic()
        subprocess.run(
            [*command, "--out", str(out)], env=surroundings, check=True, stdout=subprocess.DEVNULL
        )
        whole = time.monotonic() - begun
        seconds: dict[str, float] = json.loads((out / "run.json").read_text())["seconds"]
    return {BEFORE: whole - sum(seconds.values()), **seconds}


def _with_data_of_machine(cache: Path) -> None:
    """Lets an empty cache have the data sets that the machine's own has."""
    from jdend._files import cache_folder

    (cache / "jdend").mkdir(parents=True)
    for entry in cache_folder().iterdir():
        if entry.name != "programs":
            (cache / "jdend" / entry.name).symlink_to(entry)


def _table(divided: dict[str, dict[str, float]]) -> str:
    phases = dict.fromkeys(phase for seconds in divided.values() for phase in seconds)
    width = max(map(len, phases)) + 2
    lines = ["seconds".ljust(width) + "".join(f"{name:>9}" for name in divided)]
    for phase in sorted(phases, key=lambda p: -max(s.get(p, 0.0) for s in divided.values())):
        lines.append(
            phase.ljust(width) + "".join(f"{s.get(phase, 0.0):9.1f}" for s in divided.values())
        )
    lines.append("all".ljust(width) + "".join(f"{sum(s.values()):9.1f}" for s in divided.values()))
    return "\n".join(lines)


def _draw(divided: dict[str, dict[str, Any]], target: Path) -> None:
    matplotlib.rcParams.update({"svg.hashsalt": "jdend", "font.size": 9})
    figure, axis = plt.subplots(figsize=(6.5, 2.6), layout="constrained")
    phases = dict.fromkeys(phase for seconds in divided.values() for phase in seconds)
    left = dict.fromkeys(divided, 0.0)
    for i, phase in enumerate(phases):
        values = [seconds.get(phase, 0.0) for seconds in divided.values()]
        axis.barh(list(divided), values, left=list(left.values()), color=f"C{i}", label=phase)
        left = {name: left[name] + v for name, v in zip(divided, values, strict=True)}
    axis.set(xlabel="seconds")
    axis.invert_yaxis()
    axis.legend(frameon=False, fontsize=7, ncols=3, loc="upper center", bbox_to_anchor=(0.5, -0.2))
    figure.savefig(target, metadata={"Date": None})


if __name__ == "__main__":
    main()
