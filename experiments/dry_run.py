"""How long dry runs of 1,000 configurations take, beyond the import of jax, flax and optax.

python experiments/dry_run.py
"""

import statistics
import subprocess
import sys
from pathlib import Path

CHILD = """
import time
import flax, jax, optax
begun = time.perf_counter()
from jdend.search.cli.main import main
main(["--budget", "8000", "--trials", "1000", "--dry-run", "--quiet", *ARGUMENTS])
import sys
print(time.perf_counter() - begun, file=sys.stderr)
"""
SEARCHES = {
    "the default space": [],
    "optimize_for_budget's": ["--scenario", "optimize_for_budget"],
    "exact buckets": ["--buckets", "exact"],
    "the space of f4a47cd": [
        *("--space", str(Path(__file__).with_name("default_search_2026_11.toml"))),
        *("--defaults", "toolkit", "--strategy", "random", "--min-ratio", "0.85"),
    ],
}


def main() -> None:
    for name, arguments in SEARCHES.items():
        child = CHILD.replace("ARGUMENTS", repr(arguments))
        command = [sys.executable, "-c", child]
        took = [
            float(subprocess.run(command, capture_output=True, check=True, text=True).stderr)
            for _ in range(5)
        ]
        print(f"{name:24} {statistics.median(took):.2f} s, median of {len(took)}", flush=True)


if __name__ == "__main__":
    main()
