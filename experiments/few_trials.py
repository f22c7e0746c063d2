"""Six tiny trials of six different shapes, from an empty program cache: where the time goes.

    python experiments/few_trials.py
    python experiments/few_trials.py --json FILE

Three ways to ask for them, each in a process of its own: as one grid of sizes (`grid`), one after
another (`one by one`), and as one grid of six kinds of network, which cannot share a program
(`kinds`). All on the digits that come with scikit-learn, for three epochs.

Seconds: `imports`; `planning`, until the first program is begun; `programs`, of which each is
listed with its tracing and compiling (several at a time, so their sum is longer); `training`, the
rest: steps, evaluations, results.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

WAYS = ("grid", "one by one", "kinds")
SIZES = [(4, 2, 12), (6, 2, 12), (8, 2, 12), (4, 4, 12), (6, 4, 16), (8, 4, 16)]
KINDS = [
    {"architecture": "dendritic_simple", "soma_enabled": True},
    {"architecture": "dendritic_simple", "soma_enabled": False},
    {"architecture": "dendritic_with_hidden", "soma_enabled": True},
    {"architecture": "dendritic_with_hidden", "soma_enabled": False},
    {"architecture": "soma_disabled"},
    {"architecture": "sparse_somata"},
]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--child", choices=WAYS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(_search(options.child)))
        return
    rows = [_measure(way) for _ in range(options.repeats) for way in WAYS]
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps({"rows": rows}, indent=1) + "\n")


def _measure(way: str) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as cache:
        environment = {
            **os.environ,
            "JAX_COMPILATION_CACHE_DIR": cache,
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
            "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
        }
        begun = time.perf_counter()
        child = subprocess.run(
            [sys.executable, __file__, "--child", way],
            env=environment,
            check=True,
            stdout=subprocess.PIPE,
        )
        whole = time.perf_counter() - begun
    row = {"way": way, "whole_s": round(whole, 2), **json.loads(child.stdout)}
    print(
        f"{way:10}  whole {whole:5.1f} s: imports {row['imports_s']}, planning "
        f"{row['planning_s']}, programs {row['programs_s']}, training {row['training_s']}; "
        f"processor {row['processor_s']} s",
        flush=True,
    )
    for program in row["programs"]:
        print(f"    {program['program']:9} traced {program['trace_s']}, {program['compile_s']}")
    return row


def _search(way: str) -> dict[str, object]:
    begun = time.perf_counter()
    import jax

    from jdend import HyperparameterSearcher
    from jdend.training import _compilation

    imported = time.perf_counter()
    programs: list[dict[str, object]] = []
    spans: list[tuple[float, float]] = []

    def timed(self, arguments):
        """As `Program._build`, which is not divided in two."""
        first = time.perf_counter()
        lowered = self._jitted.lower(*arguments)
        second = time.perf_counter()
        compiled = lowered.compile(_compilation._compiler_options(self._quickly))
        third = time.perf_counter()
        spans.append((first, third))
        programs.append(
            {
                "program": self._function.__qualname__.split(".")[-1],
                "trace_s": round(second - first, 2),
                "compile_s": round(third - second, 2),
            }
        )
        return compiled, jax.eval_shape(self._jitted, *arguments)

    _compilation.Program._build = timed
    searcher = HyperparameterSearcher(
        "digits",
        max_params=4000,
        min_param_ratio=0.02,
        n_epochs=3,
        batch_size=64,
        defaults="toolkit",
        verbose=False,
    )
    common = {"synaptic_resampling": [True], "lr": [5e-3]}
    if way == "one by one":
        results = [
            searcher.train_and_evaluate(
                {
                    "n_neurons": n, "n_dendrites": d, "n_dendrite_inputs": k,
                    "synaptic_resampling": True, "lr": 5e-3,
                }
            )
            for n, d, k in SIZES
        ]  # fmt: skip
    elif way == "grid":
        grid = {"n_neurons": [4, 6, 8], "n_dendrites": [2, 4], "n_dendrite_inputs": [12], **common}
        results = searcher.grid_search(grid)
    else:
        sizes = {"n_neurons": [8], "n_dendrites": [4], "n_dendrite_inputs": [12]}
        kinds = {
            name: list(dict.fromkeys(k.get(name, True) for k in KINDS))
            for name in ("architecture", "soma_enabled")
        }
        results = searcher.grid_search({**sizes, **common, **kinds})
    ended = time.perf_counter()
    begins = min(b for b, _ in spans)
    waited, until = 0.0, begins
    for begin, end in sorted(spans):  # the union of the times in which something was compiled
        waited += max(0.0, end - max(begin, until))
        until = max(until, end)
    return {
        "imports_s": round(imported - begun, 2),
        "planning_s": round(begins - imported, 2),
        "programs_s": round(waited, 2),
        "training_s": round(ended - begins - waited, 2),
        "processor_s": round(time.process_time(), 2),
        "trials": len({r.total_params for r in results if r is not None}),
        "programs": programs,
    }


if __name__ == "__main__":
    main()
