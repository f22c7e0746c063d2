"""Which search finds the best trade-off of accuracy against parameters, at equal compute.

    python experiments/pareto.py                 # goes on where it was broken off
    python experiments/pareto.py --repeats 2 --json two.json

NSGA-II, which has two objectives, against random search and TPE under several budgets. Each trains
as many trials of as many epochs. A front is judged by what it is for: for a number of parameters
it gives its last network that has no more of them, which it knows by validation accuracy. `test` is
that network's test accuracy, `validation` its validation accuracy; both are means over all numbers
of parameters from the smallest budget to the largest.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np

from jdend import HyperparameterSearcher
from jdend.search import find_strategy
from jdend.search.scenarios import budget_space

N_EPOCHS, N_TRIALS = 10, 20  # trials for each of five budgets: what `find_pareto_optimal` does
METHODS = ("random", "tpe", "nsga2")
DATA = {
    "digits": {"dataset": "digits", "batch_size": 64},
    "fashion-mnist": {"dataset": "fashion-mnist", "subset_size": 6000},
}
BUDGETS = {"digits": (400, 800, 1200, 1600, 2000), "fashion-mnist": (2000, 4000, 6000, 8000, 10000)}
CHANCE = 0.1
# Of Student's t, two-sided 95 %, by degrees of freedom.
T = (12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26)


def main() -> None:
    parser = argparse.ArgumentParser(description="See the top of this file.")
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--json", type=Path, default=Path("experiments/results/pareto.json"))
    arguments = parser.parse_args()

    runs = json.loads(arguments.json.read_text())["runs"] if arguments.json.exists() else []
    done = {(run["data"], run["method"], run["repeat"]) for run in runs}
    for repeat in range(arguments.repeats):
        for data in DATA:
            for method in METHODS:
                if (data, method, repeat) not in done:
                    runs.append(one_search(data, method, repeat))
                    print(json.dumps(runs[-1]), flush=True)
                    write(arguments.json, runs)
    for line in write(arguments.json, runs):
        print(line)


def one_search(data: str, method: str, repeat: int) -> dict:
    """The front that a search found, and its worth."""
    budgets = BUDGETS[data]
    smallest = 0.8 * budgets[0]  # the fewest parameters of any network
    seeks_front = len(find_strategy(method).objectives) > 1
    searcher = HyperparameterSearcher(
        **DATA[data],
        max_params=budgets[-1],
        min_param_ratio=smallest / budgets[-1] if seeks_front else 0.8,
        n_epochs=N_EPOCHS,
        seeds=[repeat],
        split_seed=repeat,
        search_seed=repeat,
        validation_fraction=0.3,
        defaults="toolkit",
        verbose=False,
    )
    begun = time.perf_counter()
    if seeks_front:
        searcher.optimize(whole_space(data, searcher), N_TRIALS * len(budgets), method)
    else:
        searcher.optimize(
            lambda budget: space_of(budget, searcher),
            N_TRIALS, method, generation=5, pruner="none", budgets=budgets,
        )  # fmt: skip
    front = [
        [r.total_params, round(r.validation_accuracy, 5), round(r.test_accuracy, 5)]
        for r in searcher.pareto_front()
        if r.validation_accuracy is not None
    ]
    return {
        "data": data, "method": method, "repeat": repeat, "trials": len(searcher.results),
        "validation": round(worth(front, 1, budgets), 5),
        "test": round(worth(front, 2, budgets), 5),
        "seconds": round(time.perf_counter() - begun, 1), "front": front,
    }  # fmt: skip


def space_of(budget: int, searcher: HyperparameterSearcher) -> dict[str, object]:
    """A budget's space, under the names with which the committed figures were found: TPE draws its
    parameters in the order of their names."""
    space = budget_space(budget, searcher.problem)
    return {"strategy" if name == "connectivity" else name: d for name, d in space.items()}


def whole_space(data: str, searcher: HyperparameterSearcher) -> dict[str, object]:
    """The largest budget's space, its sizes from where the smallest's begin."""
    small, large = (space_of(BUDGETS[data][i], searcher) for i in (0, -1))
    sizes = ("n_neurons", "n_dendrites", "n_dendrite_inputs")
    return {**large, **{name: (small[name][0], large[name][1]) for name in sizes}}  # pyright: ignore[reportIndexIssue]


def worth(front: list[list], figure: int, budgets: tuple[int, ...]) -> float:
    """The figure of the front's network, mean over allowed numbers of parameters."""
    allowed = np.arange(budgets[0], budgets[-1] + 1)
    position = np.searchsorted([point[0] for point in front], allowed, side="right") - 1
    return float(np.mean([front[i][figure] if i >= 0 else CHANCE for i in position]))


def write(path: Path, runs: list[dict]) -> list[str]:
    """Writes runs and their summary; returns the summary's lines."""
    rows = []
    for data in DATA:
        reference = {r["repeat"]: r for r in runs if (r["data"], r["method"]) == (data, "random")}
        for method in METHODS:
            found = [r for r in runs if (r["data"], r["method"]) == (data, method)]
            paired = [(r, reference[r["repeat"]]) for r in found if r["repeat"] in reference]
            if paired:
                row = {"data": data, "method": method, "repeats": len(paired)}
                for figure in ("validation", "test"):
                    row[figure] = mean([r[figure] for r, _ in paired])
                    row[f"{figure}_over_random"] = mean([r[figure] - o[figure] for r, o in paired])
                row["seconds"] = mean([r["seconds"] for r, _ in paired])
                rows.append(row)
    path.parent.mkdir(parents=True, exist_ok=True)
    about = (
        "accuracy of the front's network, mean over allowed numbers of parameters; means over "
        "repeats ± half the width of their 95 % confidence intervals; `over_random`: paired"
    )
    content = {"about": about, "summary": rows, "runs": runs}
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    return [
        f"{r['data']:14} {r['method']:7} {r['repeats']:2} repeats  validation {r['validation']}, "
        f"over random {r['validation_over_random']}  test {r['test']}, over random "
        f"{r['test_over_random']}  {r['seconds']} s"
        for r in rows
    ]


def mean(values: list[float]) -> str:
    """With its 95 % confidence interval."""
    n = len(values)
    half = T[min(n - 2, len(T) - 1)] * np.std(values, ddof=1) / n**0.5 if n > 1 else float("nan")
    return f"{np.mean(values):.4f} ± {half:.4f}"


if __name__ == "__main__":
    main()
