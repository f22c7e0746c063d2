"""What many GPUs would give, by the planner's own model: where a search stops to scale, and why.

    python experiments/scaling_simulation.py

Nothing trains. Trials of the default space for 8,000 parameters on Fashion-MNIST are drawn, planned
and divided over the workers as in a search, and each generation's populations go to the worker that
is free first, the longest first. What is assumed is in `ASSUMED`, and stands beside the result.
"""

import argparse
import heapq
import json
import math
import time
from pathlib import Path
from typing import Any

import numpy as np

from jdend import HyperparameterSearcher
from jdend.data import load
from jdend.models import count_params
from jdend.search import default_space
from jdend.search.planning.planner import divided, plan, programs
from jdend.search.planning.population import PlannedPopulation, Trial
from jdend.search.samplers.grid_and_random import random

N_GPUS = (1, 8, 64, 1024)
N_TRIALS = (10_000, 1_000_000)
ASSUMED = {
    # A step of 1,000 networks of 12 x 6 x 96 in batches of 256, by an H100's bounds: dense matmuls
    # in TF32, writing and reading the dense matrix, AdamW; and that a kernel takes twice that.
    "microseconds_of_1000_networks": 2 * (117 + 135 + 58),
    "parameters_of_these": 7_066,
    # A step of however few networks: some twenty kernels are started.
    "microseconds_at_least": 100.0,
    # The driver proposes and stores, one trial after the other (experiments/storage_share.py).
    "driver_milliseconds_a_trial": {"random": 1.3, "tpe": 6.3},
    # A worker's programs of a width, the first time.
    "seconds_to_compile": 10.0,
    # Epochs of each trial, and trials of a generation for each GPU.
    "trials_a_gpu": 256,
}
N_EPOCHS = (8, 60)
N_SEEDS = 2


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--json", type=Path, default=Path("experiments/results/scaling_simulation.json")
    )
    options = parser.parse_args()
    search = Search()
    rows = [
        search.row(n_trials, n_gpus, epochs)
        for epochs in N_EPOCHS
        for n_trials in N_TRIALS
        for n_gpus in N_GPUS
    ]
    for row in rows:
        print(
            f"{row['epochs']:3} epochs {row['trials']:9,} trials {row['gpus']:5,} GPUs: "
            f"{row['seconds']['random']:8,.0f} s random, {row['seconds']['tpe']:8,.0f} s tpe; "
            f"training {row['training']:8,.0f}, GPUs busy in it {row['busy']:.0%}"
        )
    options.json.write_text(json.dumps({"assumed": ASSUMED, "rows": rows}, indent=1) + "\n")


class Search:
    """Trials of the default space, planned in the programs of a search of many generations."""

    def __init__(self):
        searcher = HyperparameterSearcher(load("fashion-mnist"), max_params=8000, verbose=False)
        space = default_space(8000, searcher.problem)
        (problem,) = searcher._search_problems(space, None)
        n = ASSUMED["trials_a_gpu"] * max(N_GPUS)
        rng = np.random.default_rng(0)
        drawn = random(problem, rng, min(n, max(N_TRIALS))).candidates
        self._trials = [Trial(one.configuration, tuple(range(N_SEEDS))) for one in drawn]
        self._programs = programs(self._trials[:1024], kernel="dense", generations=100)
        self._n_train = searcher._data.split.n_train

    def row(self, n_trials: int, n_gpus: int, epochs: int) -> dict[str, Any]:
        n = min(n_trials, n_gpus * ASSUMED["trials_a_gpu"])  # of a generation
        trials = self._trials[:n]
        begun = time.perf_counter()
        populations = plan(trials, kernel="dense", within=self._programs)
        seconds = [self._seconds(trials, population, epochs) for population in populations]
        parts = divided(populations, seconds, n_gpus)
        planning = time.perf_counter() - begun
        of_parts = sorted((self._seconds(trials, part, epochs) for part in parts), reverse=True)
        free = [0.0] * n_gpus
        for one in of_parts:
            heapq.heapreplace(free, free[0] + one)
        n_generations = math.ceil(n_trials / n)
        training = n_generations * max(free)
        each = ASSUMED["driver_milliseconds_a_trial"]
        compiling = ASSUMED["seconds_to_compile"] * math.ceil(len(parts) / n_gpus)
        driver = {
            name: round(ms * n_trials / 1000 + planning * n_generations, 1)
            for name, ms in each.items()
        }
        return {
            "epochs": epochs,
            "trials": n_trials,
            "gpus": n_gpus,
            "generations": n_generations,
            "populations": len(parts),
            "training": round(training, 1),
            "compiling": compiling,
            "driver": driver,
            # One after the other: the driver proposes when a generation's results are there.
            "seconds": {name: round(training + compiling + one) for name, one in driver.items()},
            "busy": round(n_generations * sum(of_parts) / (n_gpus * training), 3),
        }

    def _seconds(self, trials: list[Trial], part: PlannedPopulation, epochs: int) -> float:
        """How long a GPU trains a population."""
        structure = part.bucket.structure
        n_networks = len(part.members) * len(part.seeds)
        of_one = ASSUMED["microseconds_of_1000_networks"] / 1000
        size = count_params(structure) / ASSUMED["parameters_of_these"]
        step = max(ASSUMED["microseconds_at_least"], of_one * size * n_networks)
        return 1e-6 * step * epochs * (self._n_train // structure.batch_size)


if __name__ == "__main__":
    main()
