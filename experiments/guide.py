"""The older toolkit's guide, at full size and in one go: its example workflow and five scenarios.

    python experiments/guide.py                                where MNIST can be downloaded
    python experiments/guide.py --quick-dataset fashion-mnist    elsewhere

The guide names an accuracy for each architecture at 8,000 parameters; `compare_architectures` is
held against these. Its best networks are trained again with three seeds that chose nothing.
"""

import argparse
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jdend import HyperparameterSearcher, SearchResult
from jdend.search.scenarios import (
    compare_architectures,
    find_pareto_optimal,
    optimize_for_budget,
    quick_prototype_search,
    thorough_optimization,
)

# Test accuracies on Fashion-MNIST that the guide's table gives, at most 8,000 parameters each.
CLAIMS = {"dendritic_simple": 0.876, "soma_disabled": 0.871, "dendritic_with_hidden": 0.868}
N_SEEDS = 3


def example_workflow(quick_dataset: str) -> SearchResult:
    """As the guide has it: explore, search around the promising, train the best for longer."""
    quick_prototype_search(max_params=5000, dataset=quick_dataset)
    searcher = HyperparameterSearcher(max_params=8000, n_epochs=20, defaults="toolkit")
    space = {
        "n_neurons": (10, 15),
        "n_dendrites": (4, 8),
        "n_dendrite_inputs": (80, 120),
        "architecture": ["dendritic_simple"],
        "synaptic_resampling": [True],
    }
    searcher.random_search(space, n_trials=30)
    return searcher.retrain(searcher.get_best_results(1)[0], n_epochs=40, seeds=1)


# By name, given the data set of the quick search; the others have Fashion-MNIST.
STEPS: dict[str, Callable[[str], Any]] = {
    "example_workflow": example_workflow,
    "quick_prototype_search": lambda dataset: quick_prototype_search(dataset=dataset),
    "optimize_for_budget": lambda _: optimize_for_budget(),
    "compare_architectures": lambda _: compare_architectures(),
    "thorough_optimization": lambda _: thorough_optimization(),
    "find_pareto_optimal": lambda _: find_pareto_optimal(),
}


def main() -> None:
    parser = argparse.ArgumentParser(description="See the top of this file.")
    parser.add_argument("--json", type=Path, default=Path("experiments/results/guide.json"))
    parser.add_argument("--quick-dataset", default="mnist")
    parser.add_argument("--only", choices=STEPS, nargs="+", default=list(STEPS))
    arguments = parser.parse_args()

    begun, steps, record = time.monotonic(), [], {}
    claims: list[dict[str, object]] = []
    for name in arguments.only:
        step_begun = time.monotonic()
        found = STEPS[name](arguments.quick_dataset)
        seconds = time.monotonic() - step_begun
        results = [r["result"] for r in found] if isinstance(found, list) else [found]
        steps.append(
            {"step": name, "seconds": round(seconds, 1), "networks": [row(r) for r in results]}
        )
        if name == "compare_architectures":
            claims = [against_claim(best) for best in found]
        record = {
            "seconds": round(time.monotonic() - begun, 1),
            "cores": os.cpu_count(),
            "load": round(os.getloadavg()[1], 1),
            "quick_dataset": arguments.quick_dataset,
            "claims": claims,
            "steps": steps,
        }
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(record, indent=1) + "\n")
    show(record)


def row(result: SearchResult) -> dict[str, object]:
    return {
        "architecture": result.params.get("architecture", "dendritic_simple"),
        "total_params": result.total_params,
        "test_accuracy": round(result.test_accuracy, 4),
        "seeds": len(result.seeds),
    }


def against_claim(record: dict[str, Any]) -> dict[str, object]:
    """An architecture's best network against the guide's, as chosen and with other seeds."""
    searcher = HyperparameterSearcher(defaults="toolkit", verbose=False)
    again = searcher.retrain(record["result"], seeds=N_SEEDS)
    return {
        **row(record["result"]),
        "claimed": CLAIMS[record["architecture"]],
        "again": round(again.test_accuracy, 4),
        "again_std": round(again.test_accuracy_std or 0.0, 4),
        "beaten": min(again.test_accuracy, record["test_accuracy"])
        > CLAIMS[record["architecture"]],
    }


def show(record: dict[str, Any]) -> None:
    for step in record["steps"]:
        best = max(step["networks"], key=lambda network: network["test_accuracy"])
        print(f"{step['step']:24} {step['seconds']:6.1f} s  test {best['test_accuracy']:.4f}")
    for claim in record["claims"]:
        print(
            f"{claim['architecture']:24} claimed {claim['claimed']:.3f}, found "
            f"{claim['test_accuracy']:.4f} with {claim['total_params']:,} parameters, with "
            f"{N_SEEDS} other seeds {claim['again']:.4f} ± {claim['again_std']:.4f}"
        )
    print(f"in all {record['seconds']:.0f} s, load {record['load']}, {record['cores']} cores")


if __name__ == "__main__":
    main()
