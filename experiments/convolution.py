"""What dendrites that are shared over the image are worth: one shape of each kind of network,
of at most 2,000 parameters.

    python experiments/convolution.py

Each shape is trained on Fashion-MNIST for ten epochs with two seeds, with what the default space
has in its middle. No shape was chosen by these figures.
"""

import argparse
import json
import time
from pathlib import Path

from jdend import HyperparameterSearcher

PATCHES = {"architecture": "dendritic_convolutional", "patch_size": 5, "stride": 2}
SHAPES = (
    {**PATCHES, "n_neurons": 14, "n_dendrites": 3, "n_dendrite_inputs": 9, "pooled_size": 3},
    {"architecture": "sparse_somata", "n_dendrites": 80, "n_dendrite_inputs": 12}
    | {"n_neurons": 22, "n_soma_inputs": 27},
    {"architecture": "soma_disabled", "n_dendrites": 60, "n_dendrite_inputs": 12}
    | {"n_neurons": 14},
)


def main() -> None:
    parser = argparse.ArgumentParser(description="See the top of this file.")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--json", type=Path, default=Path("experiments/results/convolution.json"))
    arguments = parser.parse_args()
    searcher = HyperparameterSearcher(
        max_params=2000, n_epochs=arguments.epochs, seeds=2, verbose=False
    )
    rows = []
    for shape in SHAPES:
        begun = time.perf_counter()
        result = searcher.train_and_evaluate(shape)
        assert result is not None
        assert result.validation_accuracy is not None
        row = {
            "total_params": result.total_params,
            "validation_accuracy": round(result.validation_accuracy, 4),
            "test_accuracy": round(result.test_accuracy, 4),
            "test_accuracy_std": round(result.test_accuracy_std or 0.0, 4),
            "seconds": round(time.perf_counter() - begun, 1),
            **shape,
        }
        rows.append(row)
        print(json.dumps(row), flush=True)
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n")


if __name__ == "__main__":
    main()
