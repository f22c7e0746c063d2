"""Dendrites that answer to sums of either sign: do they help, and in which networks?

    python experiments/folding.py            all of it, in steps of a minute or so
    python experiments/folding.py --small    500 parameters, 3 epochs, two seeds

`dendrite_slope` is the slope below zero of dendrites' LeakyReLU: 0.1 as usual, 0 cut off, or below
0, where a dendrite is not monotonic; with -1 it is |z|. Networks of one shape for each size,
`sparse_somata` and `soma_disabled` from the middle of the default space, differ in that alone: same
first weights and batches, so differences are taken seed by seed, with 95 % intervals (t). All of
Fashion-MNIST, 30 epochs, ten seeds; nothing is chosen. A step that the JSON has is not run again.
"""

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
from peers.machine import processor
from scipy import stats

from jdend import HyperparameterSearcher, SearchResult

SLOPES = (0.1, 0.0, -0.25, -0.5, -1.0)
N_SEEDS, N_EPOCHS = 10, 30
COMMON: dict[str, object] = {
    "initialization": "fan_in",
    "schedule": "cosine",
    "warmup_steps": 100,
    "connectivity": "local_receptive_fields",
    "field_std": 2.0,
    "percentage_resample": 0.25,
    "steps_to_resample": 100,
    "resampling_inputs": "local_free",
    "resampling_weights": "zero",
    "resampling_schedule": "cosine",
    "resampling_end": 0.85,
    "resampling_std": 3.5,
}
# Sizes, rate and decay; the largest sizes come last, since they take as long as all others.
NETWORKS: dict[str, dict[str, object]] = {
    "sparse_somata, 500": {
        "n_dendrites": 28, "n_dendrite_inputs": 7, "n_neurons": 10, "n_soma_inputs": 13,
        "lr": 0.028, "weight_decay": 0.017,
    },
    "sparse_somata, 2,000": {
        "n_dendrites": 80, "n_dendrite_inputs": 12, "n_neurons": 22, "n_soma_inputs": 28,
        "lr": 0.02, "weight_decay": 0.034,
    },
    "sparse_somata, 8,000": {
        "n_dendrites": 214, "n_dendrite_inputs": 16, "n_neurons": 44, "n_soma_inputs": 71,
        "lr": 0.014, "weight_decay": 0.067,
    },
    "soma_disabled, 8,000": {
        "n_dendrites": 173, "n_dendrite_inputs": 18, "n_neurons": 24,
        "lr": 0.014, "weight_decay": 0.067,
    },
    "sparse_somata, 4,000": {
        "n_dendrites": 130, "n_dendrite_inputs": 14, "n_neurons": 31, "n_soma_inputs": 45,
        "lr": 0.017, "weight_decay": 0.048,
    },
    "sparse_somata, 32,000": {
        "n_dendrites": 605, "n_dendrite_inputs": 24, "n_neurons": 88, "n_soma_inputs": 140,
        "lr": 0.01, "weight_decay": 0.13,
    },
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", type=Path)
    parser.add_argument("--small", action="store_true")
    arguments = parser.parse_args()
    name = "folding_small" if arguments.small else "folding"
    target = arguments.json or Path(f"experiments/results/{name}.json")
    found: dict[str, Any] = json.loads(target.read_text()) if target.exists() else {"steps": {}}
    searcher = HyperparameterSearcher(
        "fashion-mnist", max_params=100_000, min_param_ratio=0.0,
        seeds=2 if arguments.small else N_SEEDS, n_epochs=3 if arguments.small else N_EPOCHS,
        verbose=False,
    )  # fmt: skip
    for network in list(NETWORKS)[: 1 if arguments.small else None]:
        for slope in SLOPES:
            key = f"{network}, slope {slope}"
            if key not in found["steps"]:
                begun = time.monotonic()
                params = {
                    "architecture": network.split(",")[0], **COMMON, **NETWORKS[network],
                    "dendrite_slope": slope,
                }  # fmt: skip
                usual = found["steps"].get(f"{network}, slope {SLOPES[0]}")
                step = figures(searcher.train_and_evaluate(params), usual)
                found["steps"][key] = {**step, "seconds": round(time.monotonic() - begun, 1)}
                found |= {
                    "command": "python experiments/folding.py",
                    "processor": processor(),
                    "cores": os.cpu_count(),
                    "load": round(os.getloadavg()[0], 1),
                }
                target.write_text(json.dumps(found, indent=1) + "\n")
            step = found["steps"][key]
            difference = step.get("difference", (0.0, 0.0))
            print(f"{key:36} {step['parameters']:6,}  {step['test']:.4f} ± {step['std']:.4f}  "
                  f"{difference[0]:+.4f} ± {difference[1]:.4f}  training {step['train']:.4f}",
                  flush=True)  # fmt: skip


def figures(result: SearchResult | None, usual: dict[str, Any] | None) -> dict[str, Any]:
    """Figures over seeds, and the difference from the usual slope's with its interval."""
    assert result is not None
    by_seed = np.array(result.seed_figures["test_accuracy"])
    step: dict[str, Any] = {
        "parameters": result.total_params,
        "validation": round(float(result.validation_accuracy or 0.0), 5),
        "test": round(float(by_seed.mean()), 5),
        "std": round(float(by_seed.std(ddof=1)), 5),
        "train": round(result.train_accuracy, 5),
        "by_seed": [round(float(accuracy), 5) for accuracy in by_seed],
    }
    if usual is not None:
        by = by_seed - np.array(usual["by_seed"])
        half = stats.t.ppf(0.975, len(by) - 1) * by.std(ddof=1) / len(by) ** 0.5
        step["difference"] = [round(float(by.mean()), 5), round(float(half), 5)]
    return step


if __name__ == "__main__":
    main()
