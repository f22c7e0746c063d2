"""The default search, as a newcomer has it: how long it takes, and how good its network is.

    python experiments/default_search.py                 what `make run` does after it has set up
    python experiments/default_search.py --time 10m      and when it is given ten minutes
    python experiments/default_search.py --budget 110    of another budget

The search runs as a process of its own with an empty cache of compiled programs, report included.
The network that it chooses by validation accuracy is then trained again with ten seeds that chose
nothing; their mean test accuracy is what counts.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import platformdirs

from jdend import HyperparameterSearcher
from jdend.study import rank, read_results

N_SEEDS = 10


def main() -> None:
    parser = argparse.ArgumentParser(description="See the top of this file.")
    parser.add_argument("--budget", type=int, default=8000)
    parser.add_argument("--time", help="such as 10m; by default that of the search itself")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    name = "default_search" + (f"_{arguments.time}" if arguments.time else "")
    name += f"_{arguments.budget}" if arguments.budget != 8000 else ""
    target = arguments.json or Path(f"experiments/results/{name}.json")

    data = str(platformdirs.user_cache_path("jdend", appauthor=False))
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "jdend.search", "--budget", str(arguments.budget)]
        command += ["--time", arguments.time] if arguments.time else []
        begun, load = time.monotonic(), os.getloadavg()[0]
        subprocess.run(
            [*command, "--out", f"{folder}/out"],
            env={"JDEND_DATA_DIR": data, **os.environ, "XDG_CACHE_HOME": folder},
            check=True,
        )
        seconds = time.monotonic() - begun
        results = read_results(Path(folder) / "out" / "results.json")

    best = rank(results)[0]
    searcher = HyperparameterSearcher(max_params=arguments.budget, verbose=False)
    again = searcher.retrain(best, seeds=N_SEEDS)
    record = {
        "command": " ".join(["python", *command[1:]]),
        "seconds": round(seconds, 1),
        "cores": os.cpu_count(),
        "load_before": round(load, 2),
        "trials": len(results),
        "architectures": sorted({str(r.params["architecture"]) for r in results}),
        "chosen": dict(best.params),
        "params": best.total_params,
        "validation_accuracy": best.validation_accuracy,
        "test_accuracy_of_chosen": best.test_accuracy,
        "ten_other_seeds": {
            "seeds": list(again.seeds),
            "test_accuracy": again.test_accuracy,
            "standard_deviation": again.test_accuracy_std,
        },
    }
    target.write_text(json.dumps(record, indent=1) + "\n")
    print(
        f"{seconds:.0f} s; {best.total_params:,} parameters; test accuracy over {N_SEEDS} other "
        f"seeds {again.test_accuracy:.4f} ± {again.test_accuracy_std:.4f}"
    )


if __name__ == "__main__":
    main()
