"""How long it takes to check 10,000 distinct configurations against a budget.

    python experiments/budget_check.py

Parsing each configuration and counting its parameters, for every architecture; each architecture is
traced anew.
"""

import time

import numpy as np

from jdend.models import Problem, architecture, architectures, configure, count_params

N = 10_000
SIZES = {"n_neurons": 60, "n_dendrites": 40, "n_dendrite_inputs": 300, "hidden_dim": 100_000}


def distinct_params(name: str) -> list[dict[str, object]]:
    """Different sizes for one architecture."""
    rng = np.random.default_rng(0)
    fields = [field for field in SIZES if field in architecture(name).fields]
    drawn: dict[tuple[int, ...], None] = {}
    while len(drawn) < N:
        drawn[tuple(int(rng.integers(1, SIZES[field])) for field in fields)] = None
    return [{"architecture": name, **dict(zip(fields, sizes, strict=True))} for sizes in drawn]


def main() -> None:
    problem = Problem(784, 10, (28, 28, 1))
    for name in architectures():
        proposals = distinct_params(name)
        begun = time.perf_counter()
        fit = sum(
            6400 <= count_params(configure(params, problem).structure) <= 8000
            for params in proposals
        )
        seconds = time.perf_counter() - begun
        print(f"{name:22} {N:,} distinct configurations in {seconds:.2f} s; {fit:,} fit 8,000")


if __name__ == "__main__":
    main()
