"""Which strategy finds the best networks, and what stopping early saves, at equal compute.

    python experiments/strategies.py                 # goes on where it was broken off
    python experiments/strategies.py --repeats 2 --json two.json

Random search, TPE and the Gaussian process, each with and without successive halving, spend the
same number of trial-epochs. A repeat has its own search and training seeds. Networks are chosen by
validation accuracy; of the chosen one the test accuracy is reported, too. The extra `gp` is needed.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np

from jdend import HyperparameterSearcher
from jdend.search import find_pruner
from jdend.study import rank

N_EPOCHS = 9
# With rungs a generation costs a third of all trial-epochs, so that there is a figure after that.
GENERATION, GENERATION_WITH_RUNGS = 8, 39
SPACE = {
    "n_neurons": (8, 64),
    "n_dendrites": (2, 12),
    "initialization": "fan_in",
    "schedule": "cosine",
    "lr": {"type": "uniform", "low": 1e-3, "high": 4e-2, "log": True},
    "weight_decay": {"type": "uniform", "low": 1e-3, "high": 0.3, "log": True},
    "strategy": ["local_receptive_fields", "random"],
    "synaptic_resampling": [True, False],
    "percentage_resample": {"type": "uniform", "low": 0.02, "high": 0.4, "log": True},
    "resampling_inputs": ["local", "uniform"],
}
DATA = {
    "digits": {
        "settings": {"dataset": "digits", "max_params": 2000, "batch_size": 64},
        "space": {**SPACE, "n_dendrite_inputs": (2, 48), "field_std": (0.5, 4.0)},
    },
    "fashion-mnist": {
        "settings": {"dataset": "fashion-mnist", "max_params": 8000, "subset_size": 6000},
        "space": {**SPACE, "n_dendrite_inputs": (8, 96), "field_std": (1.0, 8.0)},
    },
}
METHODS = [(s, p) for s in ("random", "tpe", "gp") for p in ("none", "halving")]
# Of Student's t, two-sided 95 %, by degrees of freedom.
T = (12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26)


def main() -> None:
    parser = argparse.ArgumentParser(description="See the top of this file.")
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--trials", type=int, default=32, help="of a search that stops none")
    parser.add_argument("--data", nargs="+", choices=list(DATA), default=list(DATA))
    parser.add_argument("--json", type=Path, default=Path("experiments/results/strategies.json"))
    arguments = parser.parse_args()

    runs = json.loads(arguments.json.read_text())["runs"] if arguments.json.exists() else []
    done = {(run["data"], run["strategy"], run["pruner"], run["repeat"]) for run in runs}
    for repeat in range(arguments.repeats):
        for data in arguments.data:
            for strategy, pruner in METHODS:
                if (data, strategy, pruner, repeat) in done:
                    continue
                runs.append(one_search(data, strategy, pruner, repeat, arguments.trials))
                print(json.dumps({k: v for k, v in runs[-1].items() if k != "course"}), flush=True)
                write(arguments.json, runs)
    for line in write(arguments.json, runs):
        print(line)


def one_search(data: str, strategy: str, pruner: str, repeat: int, n_trials: int) -> dict:
    """What a search found, and its course: trial-epochs and the best so far after generations."""
    budget = n_trials * N_EPOCHS
    generation = GENERATION
    if find_pruner(pruner).stops:
        generation = GENERATION_WITH_RUNGS
        n_trials = most_trials(budget)
    searcher = HyperparameterSearcher(
        **DATA[data]["settings"],
        n_epochs=N_EPOCHS,
        seeds=[repeat],
        split_seed=repeat,
        search_seed=repeat,
        validation_fraction=0.3,
        defaults="toolkit",
        max_programs=1,
        verbose=False,
    )
    begun = time.perf_counter()
    results = searcher.optimize(
        DATA[data]["space"], n_trials, strategy, generation=generation, pruner=pruner
    )
    seconds = time.perf_counter() - begun
    course = []
    for end in [*range(generation, n_trials, generation), n_trials]:
        best = rank(results[:end])[0]
        assert best.validation_accuracy is not None
        spent = sum(len(r.history["train_loss"]) for r in results[:end])
        course.append([spent, round(best.validation_accuracy, 5), round(best.test_accuracy, 5)])
    return {
        "data": data, "strategy": strategy, "pruner": pruner, "repeat": repeat,
        "trials": n_trials, "trial_epochs": course[-1][0], "validation": course[-1][1],
        "test": course[-1][2], "seconds": round(seconds, 1), "course": course,
    }  # fmt: skip


def most_trials(budget: int) -> int:
    """How many trials halving can try in so many trial-epochs."""
    n = 0
    while cost(n + 1) <= budget:
        n += 1
    return n


def cost(n_trials: int) -> int:
    """Trial-epochs of halving: of a generation all train 1 epoch, a third 3 and a ninth all."""
    whole, rest = divmod(n_trials, GENERATION_WITH_RUNGS)
    total = 0
    for n in [GENERATION_WITH_RUNGS] * whole + [rest] * (rest > 0):
        third, ninth = -(-n // 3), -(-n // 9)
        total += n + 2 * third + (N_EPOCHS - 3) * ninth if n >= 9 else N_EPOCHS * n
    return total


def write(path: Path, runs: list[dict]) -> list[str]:
    """Writes runs and their summary; returns the summary's lines."""
    rows = []
    for data in DATA:
        reference = {r["repeat"]: r for r in runs if _is(r, data, "random", "none")}
        for strategy, pruner in METHODS:
            found = [r for r in runs if _is(r, data, strategy, pruner) and r["repeat"] in reference]
            if found:
                rows.append(summary(data, strategy, pruner, found, reference))
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "about": "means over repeats ± half the width of their 95 % confidence intervals; "
        "`over_random`: paired with random search without stopping; `third`, `two_thirds`: after "
        "at most that part of the trial-epochs",
        "summary": rows,
        "runs": runs,
    }
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    return [
        f"{r['data']:14} {r['strategy']:7} {r['pruner']:8} {r['repeats']:2} repeats  "
        f"validation {r['validation']}  test {r['test']}, over random {r['test_over_random']}  "
        f"validation over random after a third {r['third_validation_over_random']}"
        for r in rows
    ]


def _is(run: dict, data: str, strategy: str, pruner: str) -> bool:
    return (run["data"], run["strategy"], run["pruner"]) == (data, strategy, pruner)


def summary(data, strategy, pruner, found: list[dict], reference: dict[int, dict]) -> dict:
    row = {"data": data, "strategy": strategy, "pruner": pruner, "repeats": len(found)}
    row["trials"] = found[0]["trials"]
    row["trial_epochs"] = mean([r["trial_epochs"] for r in found])
    for figure in ("validation", "test"):
        row[figure] = mean([r[figure] for r in found])
        row[f"{figure}_over_random"] = mean(
            [r[figure] - reference[r["repeat"]][figure] for r in found]
        )
    for n_thirds, share in ((1, "third"), (2, "two_thirds")):
        for position, figure in ((1, "validation"), (2, "test")):
            row[f"{share}_{figure}_over_random"] = mean(
                [
                    after(r["course"], n_thirds, position) - reference[r["repeat"]][figure]
                    for r in found
                ]
            )
    row["seconds"] = mean([r["seconds"] for r in found])
    return row


def after(course: list[list], n_thirds: int, position: int) -> float:
    """The figure after the last generation that ended within so many thirds of the trial-epochs."""
    within = [point for point in course if 3 * point[0] <= n_thirds * course[-1][0]]
    return within[-1][position] if within else float("nan")


def mean(values: list[float]) -> str:
    """With its 95 % confidence interval."""
    values = [v for v in values if v == v]
    if not values:
        return "-"
    n = len(values)
    half = T[min(n - 2, len(T) - 1)] * np.std(values, ddof=1) / n**0.5 if n > 1 else float("nan")
    return f"{np.mean(values):.4f} ± {half:.4f}"


if __name__ == "__main__":
    main()
