"""Proposes configurations that are similar to good ones."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from jdend.models import Configuration, Problem
from jdend.search.samplers.candidates import Candidate, Candidates
from jdend.search.samplers.grid_and_random import check_trials, random
from jdend.search.space.dimensions import parse_space
from jdend.search.space.problem import SearchProblem

__all__ = ["around"]

# By how much a size may differ, and by which factor a rate.
SIZE_STEPS = {"n_neurons": 2, "n_dendrites": 1, "n_dendrite_inputs": 16, "hidden_dim": 2}
RATE_FACTOR = 1.5
RATES = ("lr", "weight_decay", "field_std")


def around(
    problem: SearchProblem,
    rng: np.random.Generator,
    centres: Sequence[Mapping[str, object]],
    n_each: int,
) -> Candidates:
    """Each centre itself, and similar configurations that fit the budget.

    Args:
      problem: its space is ignored.
      rng: draws the configurations.
      centres: parameters of configurations that fit the budget.
      n_each: how many for each centre, itself included; there are fewer if there are no more.

    Raises:
      SpaceError: if a centre is impossible.
      BudgetError: if a centre does not fit.
    """
    check_trials("n_each", n_each)
    candidates: dict[Configuration, Candidate] = {}
    n_over = n_under = n_fit = n_same = 0
    for centre in centres:
        params = {name: value for name, value in centre.items() if name != "seed"}
        configuration = problem.configure(params)
        candidates.setdefault(configuration, Candidate(params, configuration))
        near = replace(problem, space=parse_space(_near(params, problem.problem)))
        drawn = random(near, rng, n_each)
        new = [c for c in drawn.candidates if c.configuration not in candidates]
        candidates |= {c.configuration: c for c in new[: n_each - 1]}
        n_over, n_under = n_over + drawn.n_over, n_under + drawn.n_under
        n_fit, n_same = n_fit + drawn.n_fit, n_same + drawn.n_same
    asked = n_each * len(centres)
    return Candidates(tuple(candidates.values()), n_over, n_under, n_fit, n_same, asked)


def _near(params: Mapping[str, object], problem: Problem) -> dict[str, object]:
    """A space of narrow ranges around a configuration's sizes and rates; all else is constant."""
    space = dict(params)
    for name, step in SIZE_STEPS.items():
        size = params.get(name)
        if isinstance(size, int):
            high = size + step
            if name == "n_dendrite_inputs":
                high = min(problem.in_features, high)
            space[name] = (max(1, size - step), high)
    for name in RATES:
        rate = params.get(name)
        if isinstance(rate, float) and rate > 0:
            ends = {"low": rate / RATE_FACTOR, "high": rate * RATE_FACTOR}
            space[name] = {"type": "uniform", **ends, "log": True}
    return space
