"""Strategies: what a study's generations consist of.

Those that learn nothing (`grid`, `random`, `mixed`, `qmc`) are sequences fixed by the study's seed,
of which a generation is a slice. The others see the trials of finished generations, and avoid those
that are pending; they are seeded by study and generation. So what a generation holds never depends
on the machine, and one that is proposed again is the same.
"""

from collections.abc import Sequence

import numpy as np

from jdend._messages import did_you_mean
from jdend.models import Configuration
from jdend.search.errors import SearchError
from jdend.search.samplers.candidates import Asker, Candidate, Candidates, Observation
from jdend.search.samplers.grid_and_random import check_trials, grid, mixed, random, top_up
from jdend.search.space.encoding import Encoding, Params
from jdend.search.space.problem import SearchProblem

__all__ = ["ADAPTIVE", "STRATEGIES", "check_strategy", "learned", "sequence"]

SEQUENCES = ("grid", "random", "mixed", "qmc")
ADAPTIVE = ("tpe", "gp", "nsga2")
STRATEGIES = (*SEQUENCES, *ADAPTIVE)

# Until so many trials are finished, there is too little to learn from.
FEWEST_FINISHED = 10
# How often a sampler is asked again for a configuration that it has proposed already.
N_ASKED_AGAIN = 8


def check_strategy(name: object) -> str:
    """The name; `SearchError` if there is no such strategy, or what it needs is not installed."""
    if name not in STRATEGIES:
        raise SearchError(f"unknown strategy {name!r}{did_you_mean(name, STRATEGIES)}")
    if name == "gp":
        from jdend.search.samplers.optuna_samplers import check_gp

        check_gp()
    return str(name)


def sequence(
    name: str, question: SearchProblem, entropy: Sequence[int], n: int | None
) -> Candidates:
    """The first `n` trials of a strategy that learns nothing; None for all of a grid.

    Raises:
      SpaceError: for what the strategy or `check_space` refuses.
      BudgetError: if nothing fits.
    """
    rng = np.random.default_rng(list(entropy))
    if name == "grid":
        return grid(question, rng, n)
    check_trials("n_trials", n)
    assert n is not None
    if name == "qmc":
        return _quasi_random(question, rng, n)
    return {"random": random, "mixed": mixed}[name](question, rng, n)


def learned(
    name: str,
    question: SearchProblem,
    coordinates: Encoding,
    entropy: Sequence[int],
    n: int,
    known: Sequence[Observation],
) -> list[Candidate]:
    """The trials that an adaptive strategy proposes next, all different from each other and from
    those that are known; fewer than `n` only if the space holds no more.

    Args:
      name: one of `ADAPTIVE`.
      question: what is searched.
      coordinates: of the question.
      entropy: of study and generation.
      n: how many.
      known: trials of earlier generations.
    """
    rng = np.random.default_rng(list(entropy))
    seen = {coordinates.configure(trial.params) for trial in known}
    n_finished = sum(trial.result is not None for trial in known)
    if n_finished < (n if name == "nsga2" else FEWEST_FINISHED):
        return top_up(question, rng, n, seen)
    from jdend.search.samplers.optuna_samplers import asker

    # A point is asked for with a seed that every NumPy and SciPy takes.
    asked = asker(name, coordinates.dimensions, known, seed=int(rng.integers(2**31)), size=n)
    return _distinct(question, coordinates, asked, rng, n, seen)


def _quasi_random(question: SearchProblem, rng: np.random.Generator, n: int) -> Candidates:
    """A scrambled Sobol sequence over the static dimensions, without repetitions."""
    from jdend.search.samplers.optuna_samplers import asker

    coordinates = Encoding(question)
    asked = asker("qmc", coordinates.dimensions, (), seed=int(rng.integers(2**31)), size=n)
    candidates = _distinct(question, coordinates, asked, rng, n, set())
    counts = coordinates.n_over, coordinates.n_under, coordinates.n_fit
    return Candidates(tuple(candidates), *counts, n_same=0, asked=n)


def _distinct(
    question: SearchProblem,
    coordinates: Encoding,
    asker: Asker,
    rng: np.random.Generator,
    n: int,
    seen: set[Configuration],
) -> list[Candidate]:
    """Asks until there are `n` new configurations; random ones where the sampler has no new one."""
    seeds = question.seeds
    candidates: list[Candidate] = []
    if not coordinates.dimensions:
        return top_up(question, rng, n, seen)
    while len(candidates) < n:
        found = _ask_for_new(coordinates, asker, seen)
        if found is None:
            others = top_up(question, rng, 1, seen)
            if not others:
                break
            found = dict(others[0].params)
            asker.replace(coordinates.point(found))
        configuration = coordinates.configure(found)
        seen.add(configuration)
        candidates.append(Candidate(found, configuration, list(seeds)))
    return candidates


def _ask_for_new(coordinates: Encoding, asker: Asker, seen: set[Configuration]) -> Params | None:
    """A configuration that nobody has seen, None if the sampler proposes none."""
    for again in range(N_ASKED_AGAIN):
        if again:
            asker.drop()
        params = coordinates.params(asker.ask())
        if coordinates.configure(params) not in seen:
            asker.replace(coordinates.point(params))
            return params
    return None
