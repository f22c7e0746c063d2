"""Does a search take as long as was foretold? Random searches, each planned, then timed.

    python experiments/planner.py
    python experiments/planner.py --searches 6 --json planner.json

Searches differ in budget, space, trials, epochs, seeds, batch size and data. What is foretold is
what `--dry-run` shows: compiling and training, by the cost model's coefficients (`model`), and
corrected by what the searches before it took on this machine (`expected`). Compiled programs are
not kept between searches, nor is anything known of the machine at first.
"""

import argparse
import json
import os
import platform
import tempfile
import time
from pathlib import Path

import numpy as np

from jdend import HyperparameterSearcher
from jdend.data import Dataset, load
from jdend.search import find_strategy
from jdend.search.driver.schedule import Schedule
from jdend.search.planning.calibration import corrected
from jdend.search.planning.runtime import forecast
from jdend.search.scenarios import budget_space
from jdend.search.space.default_space import default_space
from jdend.training import compilations

SEED = 7


def main() -> None:
    parser = argparse.ArgumentParser(description="See the top of this file.")
    parser.add_argument("--searches", type=int, default=20)
    parser.add_argument("--seed", type=int, default=SEED, help="of the searches")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    data = load("fashion-mnist")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = folder
        rows = [one_search(options.seed, i, data) for i in range(options.searches)]
    within = sum(abs(row["ratio"] - 1) <= 0.3 for row in rows)
    print(f"{within} of {len(rows)} within 30 %")
    if options.json:
        machine = {"machine": platform.machine(), "processors": os.cpu_count()}
        content = {**machine, "within_30_percent": within, "searches": rows}
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(content, indent=1) + "\n")


def one_search(seed: int, number: int, data: Dataset) -> dict:
    """A search, and how long it was to take and took."""
    rng = np.random.default_rng([seed, number])
    pick = lambda *values: values[int(rng.integers(len(values)))]  # noqa: E731
    budget = int(np.exp(rng.uniform(np.log(800), np.log(20_000))))
    settings = {
        "max_params": budget,
        "subset_size": pick(6_000, 20_000, 60_000),
        "batch_size": pick(128, 256, 512),
        "n_epochs": int(rng.integers(2, 13)),
        "seeds": int(rng.integers(1, 4)),
        "search_seed": number,
    }
    n_trials, space_of = int(rng.integers(4, 33)), pick(default_space, budget_space)
    searcher = HyperparameterSearcher(
        data, **settings, defaults="toolkit", verbose=False, compile_cache=False
    )
    space = space_of(budget, searcher.problem)
    search = Schedule(
        searcher._search_problems(space, None),
        find_strategy("random"),
        entropy=(number, 0),
        seeds=tuple(range(settings["seeds"])),
        n_trials=n_trials,
    )
    trials = [search.trial(p) for p in search.propose(0, [])]
    groups = searcher._trainer.plan(trials)
    model = forecast(trials, groups, searcher._data.split)
    expected = corrected(model, searcher._trainer.kernel)
    before = compilations()
    begun = time.perf_counter()
    searcher.random_search(space, n_trials)
    took = time.perf_counter() - begun
    compiled = (compilations() - before).seconds
    row = {
        **settings,
        "space": space_of.__name__,
        "n_trials": n_trials,
        "programs": len(groups),
        "model_compiling_s": round(model.compiling, 2),
        "model_s": round(model.seconds, 2),
        "expected_s": round(expected.seconds, 2),
        "compiled_s": round(compiled, 2),
        "took_s": round(took, 2),
        "load": round(os.getloadavg()[0], 1),
        "ratio": round(expected.seconds / took, 3),
    }
    print(
        f"{number + 1:3}: {n_trials:2} trials × {settings['seeds']} seeds, "
        f"{settings['n_epochs']:2} epochs of {settings['subset_size']:6,}, {len(groups)} programs: "
        f"model {model.seconds:5.1f} s, expected {expected.seconds:5.1f} s, took {took:5.1f} s, "
        f"ratio {row['ratio']:.2f}, compiled {compiled:4.1f} s, load {row['load']}",
        flush=True,
    )
    return row


if __name__ == "__main__":
    main()
