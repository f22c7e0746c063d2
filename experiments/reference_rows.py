"""Two rows of the older toolkit, trained again: resampling on and off at its own settings.

    python experiments/reference_rows.py

`dendritic_simple` with 12 neurons, 6 dendrites and 96 inputs on all 60,000 training images of
Fashion-MNIST, 15 epochs, AdamW at 5e-4 with decay 0.01, batch 256. Nothing is selected, so nothing
is held out for validation. Both configurations of a seed share their initial network and their
batches, so the difference between them is taken seed by seed.
"""

import argparse
import json
import platform
from pathlib import Path

import jax
import numpy as np

import jdend
from jdend.data import load, split
from jdend.models import Problem, configure, count_params
from jdend.training import Bucket, train

# Mean test accuracy of the toolkit over five seeds, to be met within TOLERANCE.
TOOLKIT = {"resampling": 0.8519, "no resampling": 0.8505}
TOLERANCE = 0.006
# Two-sided 95 % quantile of Student's t with 19 degrees of freedom.
T_95 = {20: 2.093}


def main() -> None:
    parser = argparse.ArgumentParser(description="See the top of this file.")
    parser.add_argument(
        "--json", type=Path, default=Path("experiments/results/reference_rows.json")
    )
    arguments = parser.parse_args()
    seeds = range(20)

    data = split(load("fashion-mnist"), validation_fraction=0)
    problem = Problem(data.in_features, data.n_classes, data.image_shape)
    network = {"n_neurons": 12, "n_dendrites": 6, "n_dendrite_inputs": 96}
    configurations = [
        configure({**network, "synaptic_resampling": resampling}, problem)
        for resampling in (True, False)
    ]
    structure = configurations[0].structure
    outcomes = train(Bucket(structure), configurations, seeds, data)

    rows = []
    for (name, reference), outcome in zip(TOOLKIT.items(), outcomes, strict=True):
        accuracy = outcome.test_accuracy
        rows.append(
            {
                "name": name,
                "test_accuracy": float(accuracy.mean()),
                "test_accuracy_std": float(accuracy.std(ddof=1)),
                "toolkit": reference,
                "within_tolerance": bool(abs(accuracy.mean() - reference) <= TOLERANCE),
                "test_accuracy_by_seed": [round(float(a), 4) for a in accuracy],
            }
        )
    difference = outcomes[0].test_accuracy - outcomes[1].test_accuracy
    half_width = T_95[len(difference)] * difference.std(ddof=1) / len(difference) ** 0.5
    mean = float(difference.mean())
    low, high = mean - half_width, mean + half_width
    result = {
        "command": "python experiments/reference_rows.py",
        "parameters": count_params(structure),
        "seeds": list(seeds),
        "rows": rows,
        "paired_difference": float(mean),
        "interval_95": [float(low), float(high)],
        "seconds": round(sum(outcome.seconds for outcome in outcomes), 1),
        "device": jax.devices()[0].device_kind,
        "versions": {"jdend": jdend.__version__, "jax": jax.__version__, "numpy": np.__version__,
                     "python": platform.python_version()},
    }  # fmt: skip
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(json.dumps(result, indent=1) + "\n")

    print(f"{result['parameters']:,} parameters, {len(seeds)} seeds, test accuracy")
    for row in rows:
        print(
            f"{row['name']:14} {row['test_accuracy']:.4f} ± {row['test_accuracy_std']:.4f}"
            f"   toolkit {row['toolkit']:.4f}"
            f"   {'within' if row['within_tolerance'] else 'NOT within'} {TOLERANCE}"
        )
    print(f"difference     {mean:+.4f}, 95 % interval {low:+.4f} to {high:+.4f}")


if __name__ == "__main__":
    main()
