"""What products of bfloat16 numbers cost in accuracy, for each architecture.

    python experiments/precision.py

Every architecture with about 8,000 parameters (fewer where it has no more) trains on 10,000 images
of Fashion-MNIST for five epochs with five seeds, in float32 and in bfloat16. A seed fixes the
initialisation, the connectivity and the order of the images, so differences are taken seed by seed;
the interval is Student's, for 95 %. On a CPU bfloat16 is rounding, and saves no time.
"""

import argparse
import json
import math
import time
from pathlib import Path

import jax
import numpy as np

from jdend.data import Split, load, split
from jdend.models import Configuration, Problem, configure, count_params
from jdend.training import Bucket, Outcome, train

SEEDS = range(5)
QUANTILE = 2.776  # Student's t, 4 degrees of freedom, 97.5 %
LOCAL = {"connectivity": "local_receptive_fields", "field_std": 3.0}
TRAINING = {"lr": 0.01, "schedule": "cosine", "initialization": "fan_in", "weight_decay": 0.02}
NETWORKS = {
    "dendritic_simple": {"n_neurons": 47, "n_dendrites": 7, "n_dendrite_inputs": 19, **LOCAL},
    "soma_disabled": {"n_dendrites": 200, "n_dendrite_inputs": 24, "n_neurons": 12, **LOCAL},
    "dendritic_with_hidden": {
        **{"n_neurons": 40, "n_dendrites": 6, "n_dendrite_inputs": 24, "hidden_dim": 20},
        **LOCAL,
    },
    "class_somata": {"n_dendrites": 30, "n_dendrite_inputs": 24, **LOCAL},
    "sparse_somata": {
        **{"n_dendrites": 200, "n_dendrite_inputs": 20, "n_neurons": 90, "n_soma_inputs": 27},
        **LOCAL,
    },
    "dendritic_convolutional": {
        **{"n_neurons": 14, "n_dendrites": 3, "n_dendrite_inputs": 9},
        **{"patch_size": 5, "stride": 2, "pooled_size": 3},
    },
    "linear": {},
    "mlp": {"hidden_dim": 10},
    "mlp_two_hidden": {"hidden_dim": 10, "second_hidden_dim": 10},
}


def main() -> None:
    parser = argparse.ArgumentParser(description="See the top of this file.")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--json", type=Path, default=Path("experiments/results/precision.json"))
    arguments = parser.parse_args()
    data = split(load("fashion-mnist"), subset_size=arguments.images)
    problem = Problem(data.in_features, data.n_classes, data.image_shape)
    rows = []
    for name, network in NETWORKS.items():
        params = {"architecture": name, **network, **TRAINING, "n_epochs": arguments.epochs}
        rows.append(compared(configure(params, problem), data))
        print(json.dumps(rows[-1]), flush=True)
    record = {
        "command": "python experiments/precision.py",
        "dataset": data.name,
        "images": arguments.images,
        "epochs": arguments.epochs,
        "seeds": len(SEEDS),
        "device": jax.devices()[0].device_kind,
        "rows": rows,
    }
    arguments.json.write_text(json.dumps(record, indent=1) + "\n")


def compared(configuration: Configuration, data: Split) -> dict[str, object]:
    """Test accuracies in percent, and by how many points bfloat16 is better, seed by seed."""
    exact, exact_seconds = trained(configuration, data, "float32")
    rounded, rounded_seconds = trained(configuration, data, "bfloat16")
    differences = 100 * (rounded.test_accuracy - exact.test_accuracy)
    half = QUANTILE * differences.std(ddof=1) / math.sqrt(len(differences))
    losses = rounded.test_loss - exact.test_loss
    return {
        "architecture": configuration.structure.architecture,
        "parameters": count_params(configuration.structure),
        "float32": round(100 * float(exact.test_accuracy.mean()), 2),
        "bfloat16": round(100 * float(rounded.test_accuracy.mean()), 2),
        "difference": round(float(differences.mean()), 2),
        "interval": [round(float(differences.mean() + s * half), 2) for s in (-1, 1)],
        "differences": [round(float(d), 2) for d in differences],
        "loss_difference": round(float(np.mean(losses)), 4),
        "seconds": [round(exact_seconds, 1), round(rounded_seconds, 1)],
    }


def trained(configuration: Configuration, data: Split, precision: str) -> tuple[Outcome, float]:
    """What comes of all seeds, and the seconds with compiling."""
    begun = time.perf_counter()
    bucket = Bucket(configuration.structure, precision=precision)
    (outcome,) = train(bucket, [configuration], SEEDS, data)
    return outcome, time.perf_counter() - begun


if __name__ == "__main__":
    main()
