"""What a network loses on its way to C: logits and test accuracy in float32 and in int8.

    python experiments/export_accuracy.py

Every architecture at about 8,000 parameters, 15 epochs of Fashion-MNIST with two seeds, exported to
C, compiled by `cc -O2`, and run on all 10,000 test images.
"""

import argparse
import ctypes
import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np

import jdend
from jdend.data import load, split
from jdend.models import Problem, TrainedModel, configure
from jdend.training import enable_program_cache, train_model

SEEDS = (0, 1)
LOCAL = {"connectivity": "local_receptive_fields", "field_std": 3.0, "resampling_inputs": "local"}
TRAINING = {"lr": 0.012, "schedule": "cosine", "initialization": "fan_in", "weight_decay": 0.02}
NETWORKS = {
    "dendritic_simple": {"n_neurons": 47, "n_dendrites": 7, "n_dendrite_inputs": 19, **LOCAL},
    "soma_disabled": {"n_neurons": 12, "n_dendrites": 200, "n_dendrite_inputs": 24, **LOCAL},
    "dendritic_with_hidden": {
        **{"n_neurons": 40, "n_dendrites": 6, "n_dendrite_inputs": 24, "hidden_dim": 20},
        **LOCAL,
    },
    "mlp": {"hidden_dim": 10},
}


def main() -> None:
    parser = argparse.ArgumentParser(description="See the top of this file.")
    parser.add_argument(
        "--json", type=Path, default=Path("experiments/results/export_accuracy.json")
    )
    arguments = parser.parse_args()
    enable_program_cache()
    data = split(load("fashion-mnist"))
    problem = Problem(data.in_features, data.n_classes, data.image_shape)
    rows = []
    for name, network in NETWORKS.items():
        configuration = configure({"architecture": name, **network, **TRAINING}, problem)
        for seed in SEEDS:
            model = train_model(configuration, seed, data)
            rows += [measured(model, weights, data) for weights in ("float32", "int8")]
            print(json.dumps(rows[-1]), flush=True)
    largest = max(row["accuracy_lost"] for row in rows if row["weights"] == "int8")
    record = {
        "command": "python experiments/export_accuracy.py",
        "dataset": data.name,
        "n_test": len(data.test_y),
        "most_accuracy_lost_by_int8": largest,
        "rows": rows,
    }
    arguments.json.write_text(json.dumps(record, indent=1) + "\n")
    print(f"int8 loses {100 * largest:.2f} points of test accuracy at most")


def measured(model: TrainedModel, weights: str, data) -> dict[str, object]:
    """Test accuracy in JAX and in C, and how far the logits are apart."""
    with tempfile.TemporaryDirectory() as folder:
        written = jdend.export(model, "c", Path(folder, "network.c"), weights=weights)
        logits = run(written.path, data.test_x, data.n_classes)
    expected = model.logits(data.test_x)
    accuracy = float(np.mean(expected.argmax(1) == data.test_y))
    in_c = float(np.mean(logits.argmax(1) == data.test_y))
    return {
        "architecture": model.configuration.structure.architecture,
        "seed": model.origin["seed"],
        "parameters": model.figures["total_params"],
        "weights": weights,
        "flash_bytes": written.flash_bytes,
        "ram_bytes": written.ram_bytes,
        "test_accuracy": round(accuracy, 4),
        "test_accuracy_in_c": round(in_c, 4),
        "accuracy_lost": round(accuracy - in_c, 4),
        "largest_logit_difference": float(np.abs(logits - expected).max()),
        "largest_logit": float(np.abs(expected).max()),
    }


def run(source: Path, x: np.ndarray, n_classes: int) -> np.ndarray:
    """Logits `[n, n_classes]` of the compiled file."""
    library = source.with_suffix(".so")
    subprocess.run(
        ["cc", "-std=c99", "-O2", "-shared", "-fPIC", str(source), "-o", str(library)], check=True
    )
    predict = ctypes.CDLL(str(library)).jdend_predict
    logits = np.empty((len(x), n_classes), np.float32)
    x = np.ascontiguousarray(x)
    for i in range(len(x)):
        predict(ctypes.c_void_p(x[i].ctypes.data), ctypes.c_void_p(logits[i].ctypes.data))
    return logits


if __name__ == "__main__":
    main()
