"""What a column of a population costs in blocks of few columns, beside blocks of many.

    python experiments/block_width.py
    python experiments/block_width.py --widths 27,3 --repeats 3 --json FILE

A population of 27 configurations with two seeds trains on Fashion-MNIST in blocks of one seed and
each width, side by side, an epoch of each in turn; medians are shown, in milliseconds per trial and
step. Resampling every 100 steps, evaluation after the epoch and all else that an epoch has is in
them, compiling is not.
"""

import argparse
import json
import os
import statistics
import sys
import time
from pathlib import Path
from typing import Any
from unittest import mock

from peers.machine import processor

from jdend.data import load, split
from jdend.models import Problem, configure
from jdend.training import Bucket, Run, _block_shape

N_CONFIGURATIONS, SEEDS = 27, (0, 1)
WIDTHS = (27, 9, 6, 4, 3, 2, 1)
SHAPES = {
    "sparse_somata 200x17, 42x70": {
        "architecture": "sparse_somata", "n_dendrites": 200, "n_dendrite_inputs": 17,
        "n_neurons": 42, "n_soma_inputs": 70,
    },
    "soma_disabled 150x24, hidden 24": {
        "architecture": "soma_disabled", "n_dendrites": 150, "n_dendrite_inputs": 24,
        "hidden_dim": 24,
    },
    "dendritic_simple 48x7x19": {
        "architecture": "dendritic_simple", "n_neurons": 48, "n_dendrites": 7,
        "n_dendrite_inputs": 19,
    },
}  # fmt: skip
TRAINING = {
    "initialization": "fan_in", "schedule": "cosine", "lr": 0.01, "weight_decay": 0.06,
    "percentage_resample": 0.2, "steps_to_resample": 100, "resampling_weights": "zero",
    "resampling_schedule": "cosine", "resampling_inputs": "local_free", "field_std": 2.0,
    "connectivity": "local_receptive_fields", "batch_size": 256, "n_epochs": 1000,
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--widths", default=",".join(map(str, WIDTHS)))
    parser.add_argument("--repeats", type=int, default=5, help="epochs timed of each")
    parser.add_argument("--json", type=Path, default=Path("experiments/results/block_width.json"))
    options = parser.parse_args()
    widths = [int(width) for width in options.widths.split(",")]

    rows: list[dict[str, Any]] = []
    for name, shape in SHAPES.items():
        rows += (found := _measured(name, shape, widths, options.repeats))
        print(f"{name}, of {widths[0]} columns {found[0]['ms_per_trial_step']} ms")
        for row in found[1:]:
            print(f"  of {row['width']:2}: {row['ms_per_trial_step']:.3f}, {row['times']:.2f}")
    record = {
        "command": " ".join(["python experiments/block_width.py", *sys.argv[1:]]),
        "processor": processor(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),
        "rows": rows,
    }
    options.json.write_text(json.dumps(record, indent=1) + "\n")


def _measured(
    name: str, shape: dict[str, Any], widths: list[int], repeats: int
) -> list[dict[str, Any]]:
    data = split(load("fashion-mnist"), validation_fraction=0.1)
    problem = Problem(data.in_features, data.n_classes, data.image_shape)
    configuration = configure({**shape, **TRAINING}, problem)
    runs: dict[int, Run] = {}
    for width in widths:
        with (
            mock.patch.object(_block_shape, "FEWEST_COLUMNS", width),
            mock.patch.object(_block_shape, "FEWEST_TRIAL_STEPS", 1),
        ):
            runs[width] = Run(
                Bucket(configuration.structure), [configuration] * N_CONFIGURATIONS, SEEDS,
                data,
            )  # fmt: skip
        runs[width].train_to(1)
    steps = runs[widths[0]].steps_done * N_CONFIGURATIONS * len(SEEDS)
    seconds: dict[int, list[float]] = {width: [] for width in widths}
    for epoch in range(2, 2 + repeats):
        for width, run in runs.items():
            begun = time.perf_counter()
            run.train_to(epoch)
            seconds[width].append(time.perf_counter() - begun)
    medians = {width: 1000 * statistics.median(s) / steps for width, s in seconds.items()}
    return [
        {
            "shape": name,
            "width": width,
            "ms_per_trial_step": round(median, 4),
            "least": round(1000 * min(seconds[width]) / steps, 4),
            "most": round(1000 * max(seconds[width]) / steps, 4),
            "times": round(median / medians[widths[0]], 3),
        }
        for width, median in medians.items()
    ]


if __name__ == "__main__":
    main()
