"""A wide random search at 8,000 parameters: where good networks lie.

    python experiments/wide_search.py

The default space of `python -m jdend.search` follows the ranges of its best tenth.
"""

import argparse
import json
from pathlib import Path

from jdend import HyperparameterSearcher

SPACE = {
    "architecture": ["dendritic_simple"],
    "n_neurons": (8, 64),
    "n_dendrites": (2, 12),
    "n_dendrite_inputs": (8, 96),
    "initialization": "fan_in",
    "schedule": "cosine",
    "lr": {"type": "uniform", "low": 1e-3, "high": 4e-2, "log": True},
    "weight_decay": {"type": "uniform", "low": 1e-3, "high": 0.3, "log": True},
    "strategy": ["local_receptive_fields", "random"],
    "field_std": {"type": "uniform", "low": 1.0, "high": 8.0},
    "synaptic_resampling": [True, False],
    "percentage_resample": {"type": "uniform", "low": 0.02, "high": 0.4, "log": True},
    "resampling_inputs": ["local", "uniform"],
}
SHOWN = ("n_neurons", "n_dendrites", "n_dendrite_inputs", "lr", "weight_decay", "field_std")


def main() -> None:
    parser = argparse.ArgumentParser(description="See the top of this file.")
    parser.add_argument("--trials", type=int, default=192)
    parser.add_argument("--json", type=Path, default=Path("experiments/results/wide_search.json"))
    arguments = parser.parse_args()

    searcher = HyperparameterSearcher(max_params=8000, n_epochs=10, defaults="toolkit")
    searcher.random_search(SPACE, n_trials=arguments.trials)
    best = searcher.get_best_results(arguments.trials)
    rows = [
        {
            "validation_accuracy": round(result.validation_accuracy, 4),
            "test_accuracy": round(result.test_accuracy, 4),
            "total_params": result.total_params,
            **result.params,
        }
        for result in best
        if result.validation_accuracy is not None
    ]
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n")

    tenth = rows[: max(1, len(rows) // 10)]
    mean = sum(row["test_accuracy"] for row in tenth) / len(tenth)
    print(f"the best tenth, {len(tenth)} of {len(rows)} by validation; test accuracy {mean:.4f}:")
    for name in SHOWN:
        values = sorted(row[name] for row in tenth)
        middle = values[len(values) // 2]
        print(f"  {name:18} {values[0]:.4g} to {values[-1]:.4g}, median {middle:.4g}")
    for name in ("strategy", "synaptic_resampling"):
        counts = {value: sum(row[name] == value for row in tenth) for value in SPACE[name]}
        print(f"  {name:18} " + ", ".join(f"{value}: {n}" for value, n in counts.items()))


if __name__ == "__main__":
    main()
