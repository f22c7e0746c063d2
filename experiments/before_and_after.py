"""Whole searches by this code and by an older commit's, in turn, from a cold cache and a warm one.

    git worktree add ../before f4a47cd
    (cd ../before && python setup.py build_ext --inplace)
    python experiments/before_and_after.py --against ../before

The searches are `default`, the space and the epochs of that commit's default search
(default_search_2026_11.toml), and `scenario`, `--scenario optimize_for_budget`. Each is run twice
in a cache of its own, cold and then warm, by one code and then by the other, and again; medians are
shown, of the times of whole processes, report included. After this code's scenario comes another in
the same cache, with other trials, epochs and seed (`other`), whose seconds of waiting for programs
are shown.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import jax
import platformdirs
from peers.machine import processor

SPACE = "experiments/default_search_2026_11.toml"
BUDGET = ["--budget", "8000"]
SEARCHES = {
    "default": {"before": [], "now": ["--space", SPACE, "--defaults", "toolkit", "--epochs", "15"]},
    "scenario": {
        "before": ["--scenario", "optimize_for_budget"],
        "now": ["--scenario", "optimize_for_budget"],
    },
}
OTHER = ["--scenario", "compare_architectures", "--search-seed", "7"]
HERE = Path(__file__).parents[1]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--against", type=Path, required=True, help="the older commit's folder")
    parser.add_argument("--searches", nargs="+", choices=SEARCHES, default=list(SEARCHES))
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument(
        "--json", type=Path, default=Path("experiments/results/before_and_after.json")
    )
    options = parser.parse_args()
    folders = {"before": options.against.resolve(), "now": HERE}

    runs: list[dict[str, Any]] = []
    for repeat in range(options.repeats):
        for name in options.searches:
            order = list(folders) if repeat % 2 == 0 else list(folders)[::-1]
            for code in order:
                found = _searches(folders[code], SEARCHES[name][code], name, code)
                runs += [{"repeat": repeat, "search": name, "code": code, **run} for run in found]
                options.json.write_text(json.dumps(_record(runs, folders), indent=1) + "\n")
    print(_table(runs))


def _searches(folder: Path, arguments: list[str], name: str, code: str) -> list[dict[str, Any]]:
    """A search from a cold cache, then from a warm one, then perhaps another in that cache."""
    with tempfile.TemporaryDirectory() as cache:
        found = [
            {"cache": state, **_timed(folder, [*BUDGET, *arguments], cache)}
            for state in ("cold", "warm")
        ]
        if (name, code) == ("scenario", "now"):
            found.append({"cache": "other", **_timed(folder, [*BUDGET, *OTHER], cache)})
    return found


def _timed(folder: Path, arguments: list[str], cache: str) -> dict[str, Any]:
    data = str(platformdirs.user_cache_path("jdend", appauthor=False))
    surroundings = {"JDEND_DATA_DIR": data, **os.environ, "XDG_CACHE_HOME": cache}
    with tempfile.TemporaryDirectory() as out:
        command = [sys.executable, "-m", "jdend.search", *arguments, "--out", f"{out}/run"]
        begun, load = time.monotonic(), os.getloadavg()[0]
        subprocess.run(
            [*command, "--quiet"], cwd=folder, check=True, stdout=subprocess.DEVNULL,
            env=surroundings | {"PYTHONPATH": str(folder)},
        )  # fmt: skip
        seconds = time.monotonic() - begun
        run = json.loads(Path(f"{out}/run/run.json").read_text())
    phases = run.get("seconds")  # not known to older commits
    return {
        "seconds": round(seconds, 1),
        "load_before": round(load, 2),
        "waiting_for_programs": None if phases is None else phases.get("waiting for programs", 0.0),
    }


def _record(runs: list[dict[str, Any]], folders: dict[str, Path]) -> dict[str, Any]:
    commit = ["git", "rev-parse", "--short", "HEAD"]
    return {
        "command": " ".join(["python experiments/before_and_after.py", *sys.argv[1:]]),
        "commits": {
            code: subprocess.run(
                commit, cwd=folder, check=True, capture_output=True, text=True
            ).stdout.strip()
            for code, folder in folders.items()
        },
        "processor": processor(),
        "cores": os.cpu_count(),
        "jax": jax.__version__,
        "runs": runs,
    }


def _table(runs: list[dict[str, Any]]) -> str:
    def median(name: str, code: str, cache: str, what: str = "seconds") -> float:
        values = [
            run[what]
            for run in runs
            if (run["search"], run["code"], run["cache"]) == (name, code, cache)
        ]
        return statistics.median(values)

    lines = []
    for name in dict.fromkeys(run["search"] for run in runs):
        for cache in ("cold", "warm"):
            before, now = median(name, "before", cache), median(name, "now", cache)
            lines.append(f"{name:10} {cache:6} {before:7.1f} s → {now:6.1f} s, {now / before:.2f}")
        if name == "scenario":
            waited = median(name, "now", "other", "waiting_for_programs")
            lines.append(f"another search in its cache waits {waited:.1f} s for programs")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
