"""What accuracy a budget buys: every architecture and its controls, from 110 to 32,000 parameters.

    python experiments/frontier.py            all of it, in steps of half a minute or so
    python experiments/frontier.py --small    two budgets, two architectures, few trials

All of Fashion-MNIST, a tenth of its training images held out for validation. Every architecture
gets the same effort at a budget: as many trials, epochs and seeds, proposed by the default strategy
from its own ranges. The network that is best by validation is trained again with ten seeds that
chose nothing; their test accuracy is what counts. Controls are a linear model, MLPs of one and two
hidden layers, and `soma_disabled` with linear dendrites, a sparse network without dendrites'
nonlinearity. A step that the JSON has is not run again.
"""

import argparse
import json
import os
import platform
import time
from pathlib import Path
from typing import Any

import jax
import matplotlib
import matplotlib.pyplot as plt

import jdend
from jdend import HyperparameterSearcher
from jdend.search import SearchError, default_space

EPOCHS = {
    110: 90, 250: 72, 500: 60, 1000: 45, 2000: 36, 4000: 30, 8000: 30, 16_000: 24, 32_000: 20
}  # fmt: skip
DENDRITIC = (
    "sparse_somata", "soma_disabled", "dendritic_simple", "dendritic_with_hidden", "class_somata"
)  # fmt: skip
CONTROLS = ("linear dendrites", "linear", "mlp", "mlp_two_hidden")
N_TRIALS, N_SEEDS = 24, 10
SMALL = 500  # up to this budget, sizes have ranges of their own
BY_GRADIENT = 1000  # up to this one, new inputs may be those with the largest gradient


def main() -> None:
    parser = argparse.ArgumentParser(description="See the top of this file.")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--budgets", type=int, nargs="+", default=list(EPOCHS))
    parser.add_argument("--only", nargs="+", default=[*DENDRITIC, *CONTROLS])
    arguments = parser.parse_args()
    name = "frontier_small" if arguments.small else "frontier"
    target = arguments.json or Path(f"experiments/results/{name}.json")
    budgets = (500, 1000) if arguments.small else arguments.budgets
    kinds = ("soma_disabled", "mlp") if arguments.small else arguments.only
    n_trials = 6 if arguments.small else N_TRIALS

    steps: dict[str, Any] = json.loads(target.read_text())["steps"] if target.exists() else {}
    for budget in budgets:
        for kind in kinds:
            key = f"{budget}, {kind}"
            if key in steps:
                continue
            begun = time.monotonic()
            n_epochs = 12 if arguments.small else EPOCHS[budget]
            steps[key] = step = found(budget, kind, n_trials, n_epochs)
            step["seconds"] = round(time.monotonic() - begun, 1)
            step["load"] = round(os.getloadavg()[0], 1)
            target.write_text(json.dumps(record(steps), indent=1) + "\n")
            if step["fits"]:
                print(f"{key:34} {step['parameters']:6,}  "
                      f"{step['test']:.4f} ± {step['std']:.4f}  {step['seconds']} s")  # fmt: skip
            else:
                print(f"{key:34} nothing fits")
    draw(steps, arguments.picture or Path(f"docs/pictures/{name}.svg"))


def found(budget: int, kind: str, n_trials: int, n_epochs: int) -> dict[str, Any]:
    """The best of a search by validation accuracy, with ten seeds that chose nothing."""
    ratio = 0.0 if kind == "linear" else 0.85 if kind in DENDRITIC else 0.6
    searcher = HyperparameterSearcher(
        "fashion-mnist", max_params=budget, min_param_ratio=ratio, seeds=1, verbose=False
    )
    space = space_of(kind, budget, searcher.problem) | {"n_epochs": n_epochs}
    try:
        searcher.optimize(space, 4 if kind == "linear" else n_trials)
    except SearchError as error:
        if "no network" not in str(error) and "budget" not in str(error):
            raise
        return {"budget": budget, "kind": kind, "fits": False, "why": str(error)}
    best = searcher.get_best_results(1)[0]
    again = searcher.retrain(best, seeds=N_SEEDS)
    return {
        "budget": budget,
        "kind": kind,
        "fits": True,
        "parameters": best.total_params,
        "validation": best.validation_accuracy,
        "test": again.test_accuracy,
        "std": again.test_accuracy_std,
        "params": dict(best.params),
    }


def space_of(kind: str, budget: int, problem: Any) -> dict[str, Any]:
    """The ranges of an architecture; those of training are the same for all of them."""
    architecture = "soma_disabled" if kind == "linear dendrites" else kind
    known = {"sparse_somata", "soma_disabled", "dendritic_simple", "dendritic_with_hidden"}
    from_default = architecture if architecture in known else "mlp"
    space = dict(default_space(budget, problem, (from_default,)))
    space["architecture"] = architecture
    if kind == "linear dendrites":
        space["dendrite_slope"] = 1.0
    if kind == "linear":
        space = {n: space[n] for n in ("architecture", "schedule", "lr", "weight_decay")}
        space["lr"] = {"type": "uniform", "low": 1e-3, "high": 1e-2, "log": True}
    if kind in ("mlp", "mlp_two_hidden"):
        space |= {"lr": {"type": "uniform", "low": 2e-3, "high": 2e-2, "log": True}}
    if kind == "mlp_two_hidden":
        most = max(2, 2 * budget // 800)
        space |= {
            "hidden_dim": {"type": "randint", "low": 1, "high": most},
            "second_hidden_dim": {"type": "randint", "low": 2, "high": most + 10},
        }
    if kind == "class_somata":
        of_dendrites = default_space(budget, problem, ("soma_disabled",))
        space = of_dendrites | {
            "architecture": kind,
            "n_dendrites": {"type": "randint", "low": 1, "high": max(2, round(budget / 140))},
            "n_dendrite_inputs": {"type": "randint", "low": 4, "high": 60},
        }
        space.pop("n_neurons", None)
    if kind in ("soma_disabled", "sparse_somata", "linear dendrites") and budget <= SMALL:
        space |= {
            "n_dendrites": {"type": "randint", "low": 3, "high": 5 + budget // 25},
            "n_neurons": {"type": "randint", "low": 3, "high": 6 + budget // 60},
            "n_dendrite_inputs": {"type": "randint", "low": 6, "high": 24},
        }
    if kind in (*DENDRITIC, "linear dendrites") and budget <= BY_GRADIENT:
        space["resampling_inputs"] = ["local_free", "uniform_free", "gradient"]
    return space


def record(steps: dict[str, Any]) -> dict[str, Any]:
    return {
        "command": "python experiments/frontier.py",
        "seconds": round(sum(step["seconds"] for step in steps.values()), 1),
        "cores": os.cpu_count(),
        "machine": platform.machine(),
        "versions": {"jdend": jdend.__version__, "jax": jax.__version__},
        "steps": steps,
    }


def draw(steps: dict[str, Any], target: Path) -> None:
    matplotlib.rcParams.update({"svg.hashsalt": "jdend", "font.size": 9})
    figure, axis = plt.subplots(figsize=(6.5, 4.2), layout="constrained")
    kinds = dict.fromkeys(step["kind"] for step in steps.values())
    for i, kind in enumerate(kinds):
        own = sorted(
            (s["parameters"], s["test"], s["std"])
            for s in steps.values()
            if s["kind"] == kind and s["fits"]
        )
        if own:
            x, y, std = zip(*own, strict=True)
            axis.errorbar(
                x, [100 * v for v in y], yerr=[100 * v for v in std], color=f"C{i}", capsize=2,
                ls="--" if kind in CONTROLS else "-", marker="s" if kind in CONTROLS else "o",
                ms=3.5, lw=1.2, label=kind,
            )  # fmt: skip
    axis.set(xscale="log", xlabel="parameters", ylabel="test accuracy, % (ten seeds)")
    axis.grid(alpha=0.3)
    axis.legend(frameon=False, fontsize=8)
    figure.savefig(target, metadata={"Date": None})


if __name__ == "__main__":
    main()
