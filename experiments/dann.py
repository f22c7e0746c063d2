"""The study of dendritic ANNs (Chavlis and Poirazi 2025) as one search, on all of Fashion-MNIST.

    python experiments/dann.py            shapes of up to 33,000 synapses
    python experiments/dann.py --full     all shapes, of up to 524,000: some ten times as long
    python experiments/dann.py --small    a few shapes, 3 epochs, two seeds

Somata (32 to 512) × dendrites of each (1 to 64) with 16 synapses a dendrite, whose inputs are
random, or in a field of each dendrite's own (local), or in fields around one centre for each soma
(global). Controls: the same sparse network with linear dendrites, and dense networks of one and of
two hidden layers. As in the paper 25 epochs, Adam at 1e-3, batches of 128, a tenth of the training
images held out, five seeds; nothing is chosen. Accuracy and loss against parameters, the difference
between training and test accuracy, and what is left of accuracy when Gaussian noise is added to
the (normalised) test images of networks of some 20,000 parameters. What is done is not done again.
"""

import argparse
import json
import os
import platform
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import matplotlib
import matplotlib.pyplot as plt
import numpy as np

import jdend
from jdend import HyperparameterSearcher
from jdend.study import SearchResult

N_SYNAPSES, N_SEEDS, N_EPOCHS = 16, 5, 25
SOMATA, DENDRITES = (32, 64, 128, 256, 512), (1, 2, 4, 8, 16, 32, 64)
MOST_SYNAPSES = 32_768
HIDDEN, TWO_HIDDEN = (4, 8, 16, 32, 64, 128), (8, 16, 32, 64)
# Networks of some 20,000 parameters, for noise.
NOISY_SOMATA, NOISY_DENDRITES, NOISY_HIDDEN, NOISY_TWO_HIDDEN = 128, 8, 24, 24
NOISE = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5)
FIELDS = {
    "random": {"connectivity": "random"},
    "local": {"connectivity": "local_receptive_fields"},
    "global": {"connectivity": "global_receptive_fields"},
    "random, linear dendrites": {"connectivity": "random", "dendrite_slope": 1.0},
}
STYLES = {"random": "C0", "local": "C1", "global": "C2", "random, linear dendrites": "C4",
          "dense, one hidden layer": "C3", "dense, two hidden layers": "C5"}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", type=Path)
    parser.add_argument("--picture", type=Path)
    sizes = parser.add_mutually_exclusive_group()
    sizes.add_argument("--full", action="store_true")
    sizes.add_argument("--small", action="store_true")
    arguments = parser.parse_args()
    name = "dann_full" if arguments.full else "dann_small" if arguments.small else "dann"
    target = arguments.json or Path(f"experiments/results/{name}.json")
    study = Study(arguments.full, arguments.small)
    steps: dict[str, Any] = json.loads(target.read_text())["steps"] if target.exists() else {}
    for key, step in study.steps().items():
        if key in steps:
            continue
        begun = time.monotonic()
        found = step()
        steps[key] = {
            "seconds": round(time.monotonic() - begun, 1),
            "load": round(os.getloadavg()[0], 1),
            "rows": found,
        }
        target.write_text(json.dumps(record(steps), indent=1) + "\n")
        print(f"{key:44} {steps[key]['seconds']:7.1f} s", flush=True)
        for row in found:
            print("   ", {k: v for k, v in row.items() if k != "params"}, flush=True)
    draw(steps, arguments.picture or Path(f"docs/pictures/{name}.svg"))


class Study:
    """The study's searches.

    Args:
      full: whether shapes of more than `MOST_SYNAPSES` are among them.
      small: whether there are only a few, briefly trained.
    """

    def __init__(self, full: bool, small: bool):
        self._somata = (32,) if small else SOMATA
        self._dendrites = (1, 4) if small else DENDRITES
        self._hidden = (8,) if small else HIDDEN
        self._two_hidden = (8,) if small else TWO_HIDDEN
        self._n_epochs = 3 if small else N_EPOCHS
        self._n_seeds = 2 if small else N_SEEDS
        self._most = max(SOMATA) * max(DENDRITES) * N_SYNAPSES if full else MOST_SYNAPSES

    def steps(self) -> dict[str, Callable[[], list[dict[str, Any]]]]:
        """What there is to do, by name; each step is one search."""
        of_kinds = {
            kind: (lambda kind=kind: self._searched(kind, self._spaces()[kind]))
            for kind in self._spaces()
        }
        noise = {
            f"noise, {kind}": (lambda kind=kind: self._noisy(self._noisy_networks()[kind]))
            for kind in self._noisy_networks()
        }
        return of_kinds | noise

    def _spaces(self) -> dict[str, list[dict[str, Any]]]:
        """Grids of each kind: a row of them for each number of somata, which limits dendrites."""
        dendritic = {
            kind: [
                self._dendritic(fields, n, [d for d in self._dendrites if self._fits(n, d)])
                for n in self._somata
            ]
            for kind, fields in FIELDS.items()
        }
        dense = {
            "dense, one hidden layer": [{"architecture": "mlp", "hidden_dim": [*self._hidden]}],
            "dense, two hidden layers": [
                {"architecture": "mlp_two_hidden", "hidden_dim": [*self._two_hidden]}
            ],
        }
        return dendritic | dense

    def _noisy_networks(self) -> dict[str, dict[str, Any]]:
        dendritic = {
            kind: self._dendritic(fields, NOISY_SOMATA, [NOISY_DENDRITES])
            for kind, fields in FIELDS.items()
        }
        dense = {
            "dense, one hidden layer": {"architecture": "mlp", "hidden_dim": [NOISY_HIDDEN]},
            "dense, two hidden layers": {
                "architecture": "mlp_two_hidden", "hidden_dim": [NOISY_TWO_HIDDEN]
            },
        }  # fmt: skip
        return dendritic | dense

    def _fits(self, n_somata: int, n_dendrites: int) -> bool:
        return n_somata * n_dendrites * N_SYNAPSES <= self._most

    def _dendritic(
        self, fields: dict[str, Any], n_somata: int, n_dendrites: list[int]
    ) -> dict[str, Any]:
        return {
            "architecture": "dendritic_simple",
            "n_neurons": n_somata,
            "n_dendrites": n_dendrites,
            "n_dendrite_inputs": N_SYNAPSES,
            "synaptic_resampling": False,
            "initialization": "fan_in",
            **fields,
        }

    def _searcher(self) -> HyperparameterSearcher:
        return HyperparameterSearcher(
            "fashion-mnist", max_params=1_000_000, min_param_ratio=0.0, seeds=self._n_seeds,
            validation_fraction=0.1, n_epochs=self._n_epochs, lr=1e-3, weight_decay=0.0,
            batch_size=128, verbose=False,
        )  # fmt: skip

    def _searched(self, kind: str, spaces: list[dict[str, Any]]) -> list[dict[str, Any]]:
        searcher = self._searcher()
        results = [result for space in spaces for result in searcher.grid_search(space)]
        return [row(kind, result) for result in results]

    def _noisy(self, space: dict[str, Any]) -> list[dict[str, Any]]:
        """Test accuracy with noise, and how long networks took, together and one by one."""
        searcher = self._searcher()
        begun = time.monotonic()
        (result,) = searcher.grid_search(space)
        together = time.monotonic() - begun
        rng = np.random.default_rng(0)
        x, y = searcher.X_test, searcher.y_test
        noise = rng.standard_normal(x.shape, np.float32)
        accuracies: list[list[float]] = []
        begun = time.monotonic()
        for seed in result.seeds:
            network = searcher.best_model(replace(result, seeds=(seed,), seed_figures={}))
            accuracies.append([accuracy(network, x + level * noise, y) for level in NOISE])
        alone = time.monotonic() - begun
        mean, std = np.mean(accuracies, 0), np.std(accuracies, 0, ddof=1)
        return [{
            "parameters": result.total_params, "noise": NOISE,
            "test": [round(float(v), 4) for v in mean], "std": [round(float(v), 4) for v in std],
            "seconds_together": round(together, 1), "seconds_one_by_one": round(alone, 1),
        }]  # fmt: skip


def accuracy(network: Any, x: np.ndarray, y: np.ndarray) -> float:
    logits = np.concatenate([np.asarray(network.module(part)) for part in np.array_split(x, 10)])
    return float(np.mean(logits.argmax(1) == y))


def row(kind: str, result: SearchResult) -> dict[str, Any]:
    """The figures of one network, means over its seeds with deviations."""
    return {
        "kind": kind,
        "parameters": result.total_params,
        "test": round(result.test_accuracy, 4),
        "std": round(result.test_accuracy_std or 0.0, 4),
        "test_loss": round(result.final_test_loss, 4),
        "overfitting": round(result.train_accuracy - result.test_accuracy, 4),
        "params": dict(result.params),
    }


def record(steps: dict[str, Any]) -> dict[str, Any]:
    return {
        "command": "python experiments/dann.py",
        "seconds": round(sum(step["seconds"] for step in steps.values()), 1),
        "cores": os.cpu_count(),
        "machine": platform.machine(),
        "versions": {"jdend": jdend.__version__, "jax": jax.__version__},
        "steps": steps,
    }


def draw(steps: dict[str, Any], target: Path) -> None:
    matplotlib.rcParams.update({"svg.hashsalt": "jdend", "font.size": 9})
    figure, axes = plt.subplots(1, 4, figsize=(11, 3.1), layout="constrained")
    figures = (("test", "test accuracy, %", 100), ("test_loss", "test loss", 1),
               ("overfitting", "training above test, points", 100))  # fmt: skip
    for kind, color in STYLES.items():
        rows = steps[kind]["rows"] if kind in steps else []
        x = [row["parameters"] for row in rows]
        marker = "s" if kind.startswith("dense") else "o"
        for axis, (name, label, factor) in zip(axes, figures, strict=False):
            axis.plot(x, [factor * row[name] for row in rows], marker, color=color, ms=3,
                      alpha=0.8, label=kind)  # fmt: skip
            axis.set(xscale="log", xlabel="parameters", ylabel=label)
        for of_noise in steps.get(f"noise, {kind}", {"rows": []})["rows"]:
            axes[3].errorbar(NOISE, [100 * v for v in of_noise["test"]], marker=marker, ms=3,
                             yerr=[100 * v for v in of_noise["std"]], color=color)  # fmt: skip
    axes[3].set(xlabel="noise, standard deviations", ylabel="test accuracy, %")
    for axis in axes:
        axis.grid(alpha=0.3)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=6, frameon=False)
    figure.savefig(target, metadata={"Date": None})


if __name__ == "__main__":
    main()
