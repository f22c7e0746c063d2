"""The best dendritic network of at most 8,000 parameters on Fashion-MNIST, and what makes it good.

    python experiments/record.py                                       about an hour, two cores
    python experiments/record.py --epochs 4 --seeds 2 --trials 4 --json small.json         minutes

A space of good networks is searched with 60 epochs, then a little how long to train with mirrored
images, and how much to listen to a teacher: all is chosen by validation accuracy, with seeds 0 and
1. What is reported are means over ten other seeds. The ablation goes from the default search of the
first version to the best network, one step a row; all rows have the same ten seeds, so differences
are paired. Every step is written as soon as it is done, and one that is in the file is not run
again.
"""

import argparse
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
from peers.machine import processor
from scipy import stats

from jdend import HyperparameterSearcher, SearchResult, TrainedModel
from jdend.data import load, split
from jdend.models import Problem, configure, count_params
from jdend.training import train_model

BUDGET = 8000
N_CHOOSING_SEEDS = 2
# What the default search of the first version found, and how it trained it.
FIRST: dict[str, object] = {
    "architecture": "dendritic_simple",
    "n_neurons": 47,
    "n_dendrites": 7,
    "n_dendrite_inputs": 19,
    "connectivity": "local_receptive_fields",
    "field_std": 4.7728,
    "initialization": "fan_in",
    "lr": 0.01426,
    "weight_decay": 0.02877,
    "schedule": "cosine",
    "synaptic_resampling": False,
}
FIRST_EPOCHS = 15
# Dense enough to know better: some 99,000 parameters.
TEACHER: dict[str, object] = {
    "architecture": "sparse_somata",
    "n_dendrites": 2000,
    "n_dendrite_inputs": 32,
    "n_neurons": 300,
    "n_soma_inputs": 100,
    "augmentation": "flips",
}
N_TEACHERS = 2
# More decay than the default space has, since training is longer.
DECAY = {"type": "uniform", "low": 0.05, "high": 0.2, "log": True}
SPACE: dict[str, object] = {
    "architecture": ["sparse_somata", "soma_disabled"],
    "n_dendrites": (135, 313),
    "n_neurons": (22, 63),
    "n_soma_inputs": (36, 80),
    "n_dendrite_inputs": (9, 36),
    "initialization": "fan_in",
    "schedule": "cosine",
    "warmup_steps": 100,
    "lr": {"type": "uniform", "low": 8e-3, "high": 2.5e-2, "log": True},
    "weight_decay": DECAY,
    "label_smoothing": (0.0, 0.1),
    "percentage_resample": (0.1, 0.4),
    "steps_to_resample": 100,
    "resampling_weights": "zero",
    "resampling_schedule": "cosine",
    "resampling_end": 0.85,
    "resampling_inputs": "local_free",
    "connectivity": "local_receptive_fields",
    "field_std": (1.5, 3.0),
    "resampling_std": (2.0, 5.0),
    "dendrite_slope": [-1.0, -0.5],
}
SHAPE = ("architecture", "n_dendrites", "n_dendrite_inputs", "n_neurons", "n_soma_inputs")
PLASTICITY = (
    "percentage_resample",
    "steps_to_resample",
    "resampling_inputs",
    "resampling_std",
    "resampling_weights",
    "resampling_schedule",
    "resampling_end",
)


class Record:
    """What is done, in a file."""

    def __init__(self, path: Path):
        self.path = path
        self.steps: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}

    def step(self, name: str, make: Callable[[], Any]) -> Any:
        """What a step found, now or before."""
        if name not in self.steps:
            begun = time.monotonic()
            self.steps[name] = make()
            self.steps[name]["seconds"] = round(time.monotonic() - begun, 1)
        self.steps["machine"] = {"processor": processor(), "cores": os.cpu_count()}
        self.path.write_text(json.dumps(self.steps, indent=1) + "\n")
        return self.steps[name]


def searcher(n_epochs: int, seeds: Sequence[int], **others: Any) -> HyperparameterSearcher:
    return HyperparameterSearcher(
        max_params=BUDGET,
        n_epochs=n_epochs,
        seeds=list(seeds),
        defaults="toolkit",
        verbose=False,
        **others,
    )


def choose(
    n_epochs: int, space: Mapping[str, object], n_trials: int, **others: Any
) -> dict[str, Any]:
    """The best by validation accuracy. None is stopped: early figures favour small decay."""
    searching = searcher(n_epochs, range(N_CHOOSING_SEEDS), **others)
    searching.optimize(space, n_trials, "random")
    best = searching.get_best_results(5)
    for result in best:
        print(f"  {result.validation_accuracy:.4f} {result.total_params:,} {dict(result.params)}")
    return {
        "chosen": {"n_epochs": n_epochs, **best[0].params},
        "params": best[0].total_params,
        "best_validation_accuracies": [result.validation_accuracy for result in best],
    }


def measured(result: SearchResult | None, beside: Mapping[str, Any] | None) -> dict[str, Any]:
    """Figures over seeds, and the difference to another step's, paired."""
    assert result is not None
    by_seed = [round(accuracy, 5) for accuracy in result.seed_figures["test_accuracy"]]
    record: dict[str, Any] = {
        "params": result.total_params,
        "configuration": dict(result.params),
        "validation_accuracy": round(float(result.validation_accuracy or 0.0), 5),
        "test_accuracy": round(float(np.mean(by_seed)), 5),
        "standard_deviation": round(float(np.std(by_seed, ddof=1)), 5),
        "by_seed": by_seed,
    }
    if beside is not None:
        difference = np.array(by_seed) - np.array(beside["by_seed"])
        record["difference"] = round(float(difference.mean()), 5)
        error = difference.std(ddof=1) / len(difference) ** 0.5
        record["interval_95"] = round(float(stats.t.ppf(0.975, len(difference) - 1) * error), 5)
    return record


def teachers(n_epochs: int, recipe: Mapping[str, object]) -> list[TrainedModel]:
    """Networks of many parameters, trained by the same recipe with mirrored images."""
    data = split(load("fashion-mnist"))
    problem = Problem(data.in_features, data.n_classes, data.image_shape)
    configuration = configure({**recipe, **TEACHER, "n_epochs": n_epochs}, problem)
    print(f"training teachers of {count_params(configuration.structure):,} parameters")
    return [train_model(configuration, 100 + i, data) for i in range(N_TEACHERS)]


def main() -> None:
    parser = argparse.ArgumentParser(description="See the top of this file.")
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--trials", type=int, default=42)
    parser.add_argument("--json", type=Path, default=Path("experiments/results/record.json"))
    parser.add_argument("--picture", type=Path, default=Path("docs/pictures/record.svg"))
    arguments = parser.parse_args()
    record, n_epochs = Record(arguments.json), arguments.epochs
    seeds = range(N_CHOOSING_SEEDS, N_CHOOSING_SEEDS + arguments.seeds)
    few = max(1, arguments.trials // 3)

    print("searching, without teacher and augmentation")
    plain = record.step("search", lambda: choose(n_epochs, SPACE, arguments.trials))["chosen"]
    print("how long, and which, with mirrored images")
    longer = {
        **plain,
        "augmentation": "flips",
        "n_epochs": [n_epochs, 3 * n_epochs // 2, 2 * n_epochs],
        "weight_decay": DECAY,
        "label_smoothing": (0.0, 0.1),
    }
    flips = record.step("mirrored", lambda: choose(2 * n_epochs, longer, few))["chosen"]

    taught_by: list[TrainedModel] = []

    def with_teachers() -> list[TrainedModel]:
        if not taught_by:
            taught_by.extend(teachers(n_epochs, plain))
        return taught_by

    print("how much to listen to a teacher")
    space = {
        **flips,
        "distillation_weight": (0.3, 1.0),
        "distillation_temperature": {"type": "uniform", "low": 1.0, "high": 6.0, "log": True},
        "weight_decay": DECAY,
    }
    taught = record.step(
        "taught", lambda: choose(2 * n_epochs, space, few, teacher=with_teachers())
    )["chosen"]

    rows = ablation(plain, n_epochs)
    rows["with mirrored images, for longer"] = flips
    rows["with a teacher: everything"] = taught
    print("ablation")
    before = None
    for name, params in rows.items():
        before = record.step(name, lambda p=params, b=before: again(p, seeds, with_teachers, b))
        print(
            f"  {name:<50} {before['params']:>6,}  {before['test_accuracy']:.4f} ± "
            f"{before['standard_deviation']:.4f}  {before.get('difference', 0.0):+.4f} ± "
            f"{before.get('interval_95', 0.0):.4f}"
        )
    draw({name: record.steps[name] for name in rows}, arguments.picture)


def again(
    params: Mapping[str, object],
    seeds: Sequence[int],
    with_teachers: Callable[[], list[TrainedModel]],
    beside: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """A configuration, trained with the seeds that chose nothing."""
    learns = "distillation_weight" in params
    training = searcher(FIRST_EPOCHS, seeds, teacher=with_teachers() if learns else None)
    return measured(training.train_and_evaluate(params), beside)


def ablation(best: Mapping[str, object], n_epochs: int) -> dict[str, dict[str, object]]:
    """From the first default to the best network without teacher and augmentation."""

    def of_best(*fields: str) -> dict[str, object]:
        return {field: best[field] for field in fields if field in best}

    rows: dict[str, dict[str, object]] = {"the default of the first version": dict(FIRST)}
    steps: dict[str, Mapping[str, object]] = {
        "dendrites that neurons share": of_best(*SHAPE),
        f"{n_epochs} epochs": {"n_epochs": n_epochs},
        "its rate, decay and field": of_best("lr", "weight_decay", "field_std"),
        "warm-up": of_best("warmup_steps"),
        "label smoothing": of_best("label_smoothing"),
        "synapses move": {"synaptic_resampling": True, **of_best(*PLASTICITY)},
        "dendrites that answer to both signs": of_best("dendrite_slope"),
    }
    params: dict[str, object] = dict(FIRST)
    for name, change in steps.items():
        params = {**params, **change}
        rows[name] = params
    return rows


def draw(rows: Mapping[str, Mapping[str, Any]], path: Path) -> None:
    """The ten seeds of each row, and their mean."""
    matplotlib.rcParams.update({"svg.hashsalt": "jdend", "font.size": 9})
    figure, axes = plt.subplots(figsize=(7.5, 3.4), layout="constrained")
    for i, row in enumerate(reversed(list(rows.values()))):
        axes.plot(row["by_seed"], [i] * len(row["by_seed"]), "o", color="#2a78b5", alpha=0.35, ms=4)
        axes.plot(row["test_accuracy"], i, "|", color="#b5472a", ms=16, mew=2)
        axes.annotate(
            f"{row['test_accuracy']:.4f}",
            (1.01, i),
            xycoords=("axes fraction", "data"),
            va="center",
        )
        axes.axhline(i, color="#888", lw=0.3)
    first, *others = rows
    axes.set_yticks(range(len(rows)), [*(f"+ {name}" for name in reversed(others)), first])
    axes.set_xlabel("test accuracy; each row has all that those above it have")
    axes.spines[["top", "right", "left"]].set_visible(False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    main()
