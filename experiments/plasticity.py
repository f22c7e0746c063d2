"""Structural plasticity: does it help, when, and why? (docs/results.md)

    python experiments/plasticity.py            the whole study, in steps of some minutes
    python experiments/plasticity.py --small    500 parameters, 6,000 images, two seeds

Networks of one shape for each budget, `sparse_somata` from the middle of the default space, differ
in plasticity alone: which inputs are proposed, what weight a new synapse has, how the share that
moves goes, what becomes of Adam's moments. They train side by side from the same weights, on the
same batches, so differences are taken seed by seed. A step that the JSON has is not run again.
"""

import argparse
import json
import os
import platform
import time
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import jax
import matplotlib
import matplotlib.pyplot as plt
import numpy as np
from scipy import stats

import jdend
from jdend.data import Split, load, split
from jdend.models import Problem, configure, count_params
from jdend.training import Bucket, Run, population, runs, take, trace_hyperparameters

# By budget: dendrites, inputs of each, somata, dendrites that each reads.
SHAPES = {500: (28, 7, 10, 13), 2000: (80, 12, 22, 28), 8000: (214, 16, 44, 71)}
SIZES = ("n_dendrites", "n_dendrite_inputs", "n_neurons", "n_soma_inputs")
PLASTIC = {"percentage_resample": 0.25, "steps_to_resample": 100, "resampling_std": 3.5}
ENDS = {"constant": 1.0, "cosine": 0.85}
# All that the older toolkit trains with, and how it resamples.
TOOLKIT: dict[str, object] = {
    "lr": 5e-4,
    "weight_decay": 0.01,
    "schedule": "constant",
    "warmup_steps": 0,
    "label_smoothing": 0.0,
    "initialization": "reference",
    "connectivity": "random",
    "steps_to_resample": 128,
}
OFF: dict[str, object] = {"synaptic_resampling": False}
KEPT: dict[str, object] = {"resampling_moments": "kept"}


def variant(inputs: str, weights: str, schedule: str, /, **other: object) -> dict[str, object]:
    return {
        **PLASTIC,
        "resampling_inputs": inputs,
        "resampling_weights": weights,
        "resampling_schedule": schedule,
        "resampling_end": ENDS[schedule],
        **other,
    }


FREE = ("uniform_free", "local_free")
# The older toolkit's rule as it is, and with what helps the others; of the others, all.
GRID = [
    ("uniform", "drawn", "constant"),
    ("uniform", "zero", "cosine"),
    *product(FREE, ("drawn", "zero"), ENDS),
]
AT_TOOLKIT_RATE = variant("uniform", "drawn", "constant", **TOOLKIT)
VARIANTS: dict[str, dict[str, object]] = {
    "off": OFF,
    **{", ".join(names): variant(*names) for names in GRID},
    "local_free, zero, cosine, moments kept": variant("local_free", "zero", "cosine", **KEPT),
}
# Beside these at the largest budget.
WIRINGS: dict[str, dict[str, object]] = {
    "random wiring, off": {**OFF, "connectivity": "random"},
    "random wiring, uniform_free, zero, cosine": variant(
        "uniform_free", "zero", "cosine", connectivity="random"
    ),
}
# And in brief training, as the older toolkit's is.
OLDER: dict[str, dict[str, object]] = {
    "uniform, drawn, constant, moments kept": variant("uniform", "drawn", "constant", **KEPT),
    "local_free, drawn, constant, moments kept": variant("local_free", "drawn", "constant", **KEPT),
    "toolkit's settings, off": {**TOOLKIT, **OFF},
    "toolkit's settings, local fields, off": {
        **TOOLKIT, **OFF, "connectivity": "local_receptive_fields"
    },
    "toolkit's settings": AT_TOOLKIT_RATE,
    "toolkit's settings, moments kept": {**AT_TOOLKIT_RATE, **KEPT},
}  # fmt: skip
FOUND, ANEW = "local_free, zero, cosine", "off, from the wiring that was found"
# What is compared with what: the mean difference over pairs of rows.
CONTRASTS = {
    "zero against drawn, constant": [
        (f"{i}, zero, constant", f"{i}, drawn, constant") for i in FREE
    ],
    "zero against drawn, cosine": [(f"{i}, zero, cosine", f"{i}, drawn, cosine") for i in FREE],
    "cosine against constant, zero": [(f"{i}, zero, cosine", f"{i}, zero, constant") for i in FREE],
    "local_free against uniform_free": [
        (f"local_free, {others}", f"uniform_free, {others}")
        for others in ("zero, constant", "drawn, cosine", "zero, cosine")
    ],
    "uniform_free against uniform, zero, cosine": [
        ("uniform_free, zero, cosine", "uniform, zero, cosine")
    ],
    "older toolkit's rule against off": [("uniform, drawn, constant", "off")],
    f"{FOUND} against off": [(FOUND, "off")],
    "moments kept against reset: uniform, drawn, constant": [
        ("uniform, drawn, constant, moments kept", "uniform, drawn, constant")
    ],
    "moments kept against reset: local_free, drawn, constant": [
        ("local_free, drawn, constant, moments kept", "local_free, drawn, constant")
    ],
    f"moments kept against reset: {FOUND}": [(f"{FOUND}, moments kept", FOUND)],
    "local fields against random wiring: off": [("off", "random wiring, off")],
    "local fields against random wiring: zero, cosine": [
        (FOUND, "random wiring, uniform_free, zero, cosine")
    ],
    f"{ANEW} against off": [(ANEW, "off")],
    f"{ANEW} against {FOUND}": [(ANEW, FOUND)],
    "toolkit's settings: rule against off": [("toolkit's settings", "toolkit's settings, off")],
    "toolkit's settings: moments kept against reset": [
        ("toolkit's settings, moments kept", "toolkit's settings")
    ],
    "toolkit's settings: local fields against random, off": [
        ("toolkit's settings, local fields, off", "toolkit's settings, off")
    ],
}


def main() -> None:
    parser = argparse.ArgumentParser(description="See the top of this file.")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--small", action="store_true")
    arguments = parser.parse_args()
    name = "plasticity_small" if arguments.small else "plasticity"
    target = arguments.json or Path(f"experiments/results/{name}.json")
    picture_of = arguments.picture or Path(f"docs/pictures/{name}.svg")

    steps: dict[str, Any] = json.loads(target.read_text())["steps"] if target.exists() else {}
    data = split(load("fashion-mnist"), subset_size=6000 if arguments.small else None)
    seeds = range(2 if arguments.small else 10)
    for epochs in (10, 40):
        for budget in (500,) if arguments.small else reversed(SHAPES):
            key = f"{budget} parameters, {epochs} epochs"
            if key in steps:
                continue
            begun, load_before = time.monotonic(), os.getloadavg()[0]
            steps[key] = trained(budget, epochs, seeds, data) | {
                "seconds": round(time.monotonic() - begun, 1),
                "load_before": round(load_before, 1),
            }
            target.write_text(json.dumps(record(steps, len(seeds)), indent=1) + "\n")
            print(f"{key}: {steps[key]['seconds']:.0f} s", flush=True)
    target.write_text(json.dumps(record(steps, len(seeds)), indent=1) + "\n")
    draw(steps, picture_of)
    for key, step in steps.items():
        print(f"\n{key}: {FOUND} {100 * np.mean(step['rows'][FOUND]['test_accuracy']):.2f} %")
        for contrast, figures in contrasts(step).items():
            mean, low, high = (100 * x for x in figures)
            print(f"  {contrast:60} {mean:+.2f}  [{low:+.2f}, {high:+.2f}] points")


def trained(budget: int, epochs: int, seeds: range, data: Split) -> dict[str, Any]:
    """All variants side by side, and then the found wiring with fresh weights."""
    problem = Problem(data.in_features, data.n_classes, data.image_shape)
    size = budget / 8000
    common = {
        "architecture": "sparse_somata",
        **dict(zip(SIZES, SHAPES[budget], strict=True)),
        "n_epochs": epochs,
        "batch_size": 256,
        "initialization": "fan_in",
        "connectivity": "local_receptive_fields",
        "field_std": 2.0,
        "schedule": "cosine",
        "warmup_steps": 100,
        "lr": 0.0141 * size**-0.25,
        "weight_decay": 0.0387 * size**0.5,
        "label_smoothing": 0.05 * size**0.5,
    }
    variants = VARIANTS | (WIRINGS if budget == 8000 else {})
    variants |= OLDER if budget == 8000 and epochs == 10 else {}
    configurations = {n: configure({**common, **v}, problem) for n, v in variants.items()}
    structure = configurations["off"].structure
    (run,) = runs(Bucket(structure), list(configurations.values()), seeds, data)
    run.train_to(run.last_epoch)
    found = wiring(run.snapshot().state)
    before = jax.device_get(
        population(run.bucket).init(
            trace_hyperparameters(run.configurations, len(data.train_y) // 256),
            jax.numpy.array(list(seeds), jax.numpy.uint32),
        )
    )
    rows = measured(list(configurations), run)
    deviation = (data.train_x.std(axis=0) * data.scale).astype(np.float64)
    drawn = wiring(before)["dendritic"]
    for c, name in enumerate(rows):
        pair = drawn[:, c, 0], found["dendritic"][:, c, 0]
        rows[name]["fields"] = fields(*pair, deviation, problem)

    # Untrained networks with the wiring that plasticity had come to, trained without it.
    (again,) = runs(Bucket(structure), [configurations["off"]], seeds, data)
    at, off = list(configurations).index(FOUND), list(configurations).index("off")
    other = {
        layer: {**v, "indices": found[layer][:, at : at + 1]} if layer in found else v
        for layer, v in take(before, [off]).other.items()
    }
    fresh = replace(take(before, [off]), other=other)
    again.restore(replace(again.snapshot(), state=fresh).to_bytes())
    again.train_to(again.last_epoch)
    rows |= measured([ANEW], again)
    return {"parameters": count_params(structure), "settings": common, "rows": rows}


def wiring(state: Any) -> dict[str, np.ndarray]:
    """`[S, C, 1, D, K]` by layer: which inputs its synapses read."""
    return {n: np.asarray(v["indices"]) for n, v in state.other.items() if "indices" in v}


def measured(names: list[str], run: Run) -> dict[str, dict[str, Any]]:
    figures = ("test_accuracy", "validation_accuracy", "train_accuracy")
    return {
        name: {figure: np.round(getattr(outcome, figure), 4).tolist() for figure in figures}
        for name, outcome in zip(names, run.outcomes(), strict=True)
    }


def fields(
    before: np.ndarray, after: np.ndarray, deviation: np.ndarray, problem: Problem
) -> dict[str, Any]:
    """What the dendrites' fields `[S, D, K]` look like before and after, means over seeds."""
    assert problem.image_shape is not None
    width, n_inputs = problem.image_shape[1], problem.in_features

    def described(indices: np.ndarray) -> dict[str, float]:
        place = np.stack([indices // width, indices % width], axis=-1)
        distance = np.linalg.norm(place - place.mean(axis=-2, keepdims=True), axis=-1)
        counts = np.stack([np.bincount(i.ravel(), minlength=n_inputs) for i in indices])
        share = counts / counts.sum(axis=1, keepdims=True)
        entropy = -np.sum(share * np.log2(np.maximum(share, 1e-12)), axis=1)
        values = {
            "distance": distance.mean(),
            "inputs_read": (counts > 0).sum(axis=1).mean(),
            "entropy": entropy.mean(),
            "deviation": deviation[indices].mean(),
        }
        return {name: round(float(value), 3) for name, value in values.items()}

    same = (after[..., :, None] == before[..., None, :]).any(-1)
    return {
        "before": described(before),
        "after": described(after),
        "moved": round(float(1 - same.mean()), 3),
    }


def contrasts(step: dict[str, Any]) -> dict[str, list[float]]:
    """Mean differences, paired by seed, and their 95 % intervals (Student's t)."""
    of = {name: np.array(row["test_accuracy"]) for name, row in step["rows"].items()}
    found = {}
    for contrast, pairs in CONTRASTS.items():
        if all(name in of for pair in pairs for name in pair):
            found[contrast] = interval(np.mean([of[a] - of[b] for a, b in pairs], axis=0))
    return found


def interval(by_seed: np.ndarray) -> list[float]:
    mean, n = by_seed.mean(), len(by_seed)
    half = stats.t.ppf(0.975, n - 1) * by_seed.std(ddof=1) / n**0.5
    return [round(float(x), 5) for x in (mean, mean - half, mean + half)]


def record(steps: dict[str, Any], n_seeds: int) -> dict[str, Any]:
    return {
        "command": "python experiments/plasticity.py",
        "seeds": n_seeds,
        "seconds": round(sum(step["seconds"] for step in steps.values()), 1),
        "cores": os.cpu_count(),
        "machine": platform.machine(),
        "versions": {"jdend": jdend.__version__, "jax": jax.__version__},
        "contrasts": {key: contrasts(step) for key, step in steps.items()},
        "steps": steps,
    }


def draw(steps: dict[str, Any], target: Path) -> None:
    """Every rule against no plasticity, with intervals, one panel a step."""
    matplotlib.rcParams.update({"svg.hashsalt": "jdend", "font.size": 9})
    figure, axes = plt.subplots(
        1, len(steps), figsize=(2.2 * len(steps) + 2, 3.6), sharey=True, layout="constrained"
    )
    names = [", ".join(n) for n in GRID]
    ordered = sorted(steps.items(), key=lambda item: (item[1]["parameters"], item[0]))
    for axis, (key, step) in zip(np.atleast_1d(axes), ordered, strict=True):
        off = np.array(step["rows"]["off"]["test_accuracy"])
        for y, name in enumerate(reversed(names)):
            gain, low, high = interval(np.array(step["rows"][name]["test_accuracy"]) - off)
            reach = [[100 * (gain - low)], [100 * (high - gain)]]
            color = {"uniform": "C2", "uniform_free": "C0", "local_free": "C1"}[name.split(",")[0]]
            if gain < -0.012:  # beyond the left end
                axis.text(-1.1, y, f"← {100 * gain:.1f}", color=color, va="center")
                continue
            axis.errorbar(100 * gain, y, xerr=reach, fmt="o", ms=4, color=color)
        axis.axvline(0, color="0.6", lw=1)
        axis.set(
            title=key.replace(", ", "\n"),
            yticks=range(len(names)),
            xlim=(-1.2, 4.2),
            ylim=(-0.6, len(names) - 0.4),
        )
        axis.set_yticklabels(reversed(names))
        axis.grid(axis="x", alpha=0.3)
    figure.supxlabel("points of test accuracy more than without plasticity")
    figure.savefig(target, metadata={"Date": None})


if __name__ == "__main__":
    main()
