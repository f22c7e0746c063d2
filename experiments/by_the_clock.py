"""When searches with a time end.

    python experiments/by_the_clock.py
    python experiments/by_the_clock.py --tries 3 --time 30s

Each is the command `python -m jdend.search --budget 8000 --time 2m`, timed from outside, its report
included; the first has no compiled programs.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(description="See the top of this file.")
    parser.add_argument("--tries", type=int, default=10)
    parser.add_argument("--time", default="2m")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "JAX_COMPILATION_CACHE_DIR": f"{folder}/programs"}
        for number in range(options.tries):
            rows.append(one_search(options.time, Path(folder) / str(number), environment))
            print(
                f"{number + 1:2}: {rows[-1]['seconds']:6.1f} s, {rows[-1]['trials']:4} trials, "
                f"load {rows[-1]['load']:.1f}",
                flush=True,
            )
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps({"time": options.time, "searches": rows}, indent=1))


def one_search(limit: str, out: Path, environment: dict[str, str]) -> dict:
    """How long the command takes, and how many trials it trains."""
    command = [sys.executable, "-m", "jdend.search", "--budget", "8000", "--time", limit]
    begun = time.perf_counter()
    subprocess.run(
        [*command, "--out", str(out), "--quiet"],
        env=environment, check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    seconds = time.perf_counter() - begun
    run = json.loads((out / "run.json").read_text())
    return {
        "seconds": round(seconds, 2),
        "trials": run["trials"],
        "load": round(os.getloadavg()[0], 2),
        "report": (out / "report.html").exists(),
    }


if __name__ == "__main__":
    main()
