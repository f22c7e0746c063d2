"""Fifty random trials of as many shapes: from a cold cache, from a warm one, in exact buckets.

    python experiments/many_shapes.py
    python experiments/many_shapes.py --exact --json FILE

Each search is a process of its own, with the command line's code after `import jax, flax, optax`.
`start` is the time from there to the first training step, `search` that to the end.
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


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trials", type=int, default=50)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=3, help="of cold and warm, interleaved")
    parser.add_argument("--exact", action="store_true", help="also in exact buckets, once, cold")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--buckets", default="auto", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        _search(options)
        return
    rows = []
    for _ in range(options.repeats):
        with tempfile.TemporaryDirectory() as cache:
            for state in ("cold", "warm"):
                rows.append({"cache": state, **_measure(options, "auto", cache)})
                _print(rows[-1])
    if options.exact:
        with tempfile.TemporaryDirectory() as cache:
            rows.append({"cache": "cold", **_measure(options, "exact", cache)})
            _print(rows[-1])
    for state in ("cold", "warm"):
        of_state = [r for r in rows if r["cache"] == state and r["buckets"] == "auto"]
        start = statistics.median(r["start_s"] for r in of_state)
        whole = statistics.median(r["search_s"] for r in of_state)
        print(f"{state}, median: start {start:.2f} s, search {whole:.1f} s")
    if options.json:
        record = {"trials": options.trials, "epochs": options.epochs, "rows": rows}
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(record, indent=1) + "\n")


def _measure(options: argparse.Namespace, buckets: str, cache: str) -> dict[str, object]:
    environment = {
        **os.environ,
        "JAX_COMPILATION_CACHE_DIR": cache,
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "figures.json"
        command = [sys.executable, __file__, "--child", str(out), "--buckets", buckets]
        command += ["--trials", str(options.trials), "--epochs", str(options.epochs)]
        subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
        return json.loads(out.read_text())


def _search(options: argparse.Namespace) -> None:
    import flax  # noqa: F401
    import jax  # noqa: F401
    import optax  # noqa: F401

    begun = time.perf_counter()
    from jdend.search.cli.main import main as search
    from jdend.training import _compilation as _programs

    first: list[float] = []
    call = _programs.Program.__call__

    def timed(self, *arguments):
        if self._trains and not first:
            first.append(time.perf_counter())
        return call(self, *arguments)

    _programs.Program.__call__ = timed
    out = options.child.with_suffix("")
    search(
        [
            *("--scenario", "optimize_for_budget", "--budget", "8000", "--seeds", "1"),
            *("--trials", str(options.trials), "--epochs", str(options.epochs), "--quiet"),
            *("--buckets", options.buckets, "--out", str(out)),
        ]
    )
    whole = time.perf_counter() - begun
    run = json.loads((out / "run.json").read_text())
    figures = {
        "buckets": options.buckets,
        "start_s": round(first[0] - begun, 3),
        "search_s": round(whole, 2),
        "step_programs": run["compilations"],
    }
    options.child.write_text(json.dumps(figures))


def _print(row: dict[str, object]) -> None:
    print(
        f"{row['buckets']:6} {row['cache']:4}  start {row['start_s']:6.2f} s  search "
        f"{row['search_s']:6.1f} s  {row['step_programs']} training-step programs",
        flush=True,
    )


if __name__ == "__main__":
    main()
