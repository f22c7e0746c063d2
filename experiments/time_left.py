"""Time left, as it is said, beside what was left: of tiny, short and long searches.

    python experiments/time_left.py
    python experiments/time_left.py --only run --json FILE

Each is a command of its own, from an empty program cache and again with what the first one left
there. `first` is the forecast before anything has run, `line` the first line of progress; each
stands beside the time that the search then took.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

SEARCHES = {
    "tiny": [
        *("--dataset", "digits", "--budget", "1500", "--strategy", "random", "--trials", "6"),
        *("--epochs", "3", "--batch-size", "64", "--seeds", "1"),
    ],
    "short": ["--dataset", "digits", "--budget", "2000", "--trials", "60", "--batch-size", "64"],
    "run": ["--budget", "8000"],
    "long": ["--budget", "8000", "--trials", "243", "--seeds", "2"],
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=SEARCHES, default=list(SEARCHES))
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    rows = []
    for name in options.only:
        with tempfile.TemporaryDirectory() as folder:
            for state in ("cold", "warm"):
                rows.append({"search": name, "cache": state, **_measure(name, Path(folder), state)})
                _print(rows[-1])
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps({"rows": rows}, indent=1) + "\n")


def _measure(name: str, folder: Path, state: str) -> dict[str, object]:
    environment = {
        **os.environ,
        "JAX_COMPILATION_CACHE_DIR": str(folder / "programs"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }
    command = [sys.executable, "-m", "jdend.search", *SEARCHES[name], "--no-report"]
    command += ["--log-format", "json", "--out", str(folder / state)]
    child = subprocess.run(
        command, env=environment, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    events = [json.loads(line) for line in child.stderr.splitlines()]
    (begin,) = (event for event in events if event["event"] == "begin")
    (end,) = (event for event in events if event["event"] == "end")
    lines = [event for event in events if event["event"] == "progress"]
    return {
        "first": {"said_s": begin["seconds_left"], "was_s": end["seconds"]},
        "lines": [
            {"said_s": line["seconds_left"], "was_s": round(end["seconds"] - line["seconds"], 2)}
            for line in lines
        ],
    }


def _print(row) -> None:
    said = [row["first"], *row["lines"]]
    shown = ", ".join(f"{one['said_s']} ({one['was_s']})" for one in said[:6])
    print(f"{row['search']:6} {row['cache']}  said (was): {shown}", flush=True)


if __name__ == "__main__":
    main()
