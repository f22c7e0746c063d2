"""Asks a strategy for trials.

One that learns nothing is a sequence fixed by the study's seed, of which a generation is a slice.
The others see the trials of finished generations, and avoid those that are pending; they are seeded
by study and generation. So what a generation holds never depends on the machine, and one that is
proposed again is the same.
"""

from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np

from jdend.models import Configuration
from jdend.search.errors import SearchError
from jdend.search.samplers.candidates import Asker, Candidate, Candidates, Observation
from jdend.search.samplers.grid_and_random import check_trials, top_up
from jdend.search.samplers.registry import Strategy
from jdend.search.space.dimensions import Choice, Dimension, IntRange
from jdend.search.space.encoding import Encoding, Params
from jdend.search.space.problem import SearchProblem

__all__ = ["listed", "propose_generation", "propose_sequence"]

# How often a sampler is asked again for a configuration that it has proposed already.
N_ASKED_AGAIN = 8
# Seeds of askers are below this, which every NumPy and SciPy takes.
SEED_LIMIT = 2**31


def propose_sequence(
    strategy: Strategy, problem: SearchProblem, entropy: Sequence[int], n: int | None
) -> Candidates:
    """The first `n` trials of a strategy that learns nothing; None for all, where it lists all.

    Raises:
      SearchError: for a number that is not allowed, or an asker that does not keep its contract.
      SpaceError: for what the strategy or `check_space` refuses.
      BudgetError: if nothing fits.
    """
    rng = np.random.default_rng(list(entropy))
    check_trials("n_trials", n, none_allowed=strategy.lists_all)
    if strategy.propose is not None:
        return strategy.propose(problem, rng, n)
    encoding = Encoding(problem)
    assert n is not None
    candidates = _asked(strategy, problem, encoding, rng, n, ())
    counts = encoding.n_over, encoding.n_under, encoding.n_fit
    return Candidates(tuple(candidates), *counts, n_same=0, asked=n)


def propose_generation(
    strategy: Strategy,
    problem: SearchProblem,
    encoding: Encoding,
    entropy: Sequence[int],
    n: int,
    observations: Sequence[Observation],
) -> list[Candidate]:
    """The trials that a strategy which learns proposes next, all different from each other and from
    those of earlier generations; fewer than `n` only if the space holds no more.

    Args:
      strategy: learns.
      problem: what is searched.
      encoding: of the problem.
      entropy: of study and generation.
      n: how many.
      observations: trials of earlier generations.

    Raises:
      SearchError: for an asker that does not keep its contract.
    """
    rng = np.random.default_rng(list(entropy))
    n_finished = sum(observation.result is not None for observation in observations)
    if n_finished < (n if strategy.n_initial is None else strategy.n_initial):
        seen = {encoding.configure(observation.params) for observation in observations}
        return top_up(problem, rng, n, seen)
    return _asked(strategy, problem, encoding, rng, n, observations)


def listed(name: str, candidates: Candidates) -> Strategy:
    """Trials that are known beforehand, as a strategy; they need not lie in the space."""

    def propose(
        problem: SearchProblem, rng: np.random.Generator, n_trials: int | None, /
    ) -> Candidates:
        return candidates

    return Strategy(name, propose=propose, lists_all=True, in_space=False)


def _asked(
    strategy: Strategy,
    problem: SearchProblem,
    encoding: Encoding,
    rng: np.random.Generator,
    n: int,
    observations: Sequence[Observation],
) -> list[Candidate]:
    """Asks until there are `n` new configurations; random ones where the asker has no new one."""
    assert strategy.asker is not None
    seen = {encoding.configure(observation.params) for observation in observations}
    seed, seeds = int(rng.integers(SEED_LIMIT)), problem.seeds
    if not encoding.dimensions:
        return top_up(problem, rng, n, seen)
    asker = strategy.asker(encoding.dimensions, observations, seed=seed, size=n)
    candidates: list[Candidate] = []
    while len(candidates) < n:
        params = _ask_for_new(strategy.name, encoding, asker, seen)
        if params is None:
            others = top_up(problem, rng, 1, seen)
            if not others:
                break
            params = dict(others[0].params)
        asker.settle(encoding.point(params))
        configuration = encoding.configure(params)
        seen.add(configuration)
        candidates.append(Candidate(params, configuration, list(seeds)))
    return candidates


def _ask_for_new(
    name: str, encoding: Encoding, asker: Asker, seen: set[Configuration]
) -> Mapping[str, object] | None:
    """A configuration that nobody has proposed, None if the asker has none.

    All points but the last are settled.
    """
    for again in range(N_ASKED_AGAIN):
        if again:
            asker.settle(None)
        params: Params = encoding.params(_checked(name, encoding.dimensions, asker.ask()))
        if encoding.configure(params) not in seen:
            return params
    return None


def _checked(
    name: str, dimensions: Mapping[str, Dimension], point: Mapping[str, object]
) -> dict[str, object]:
    """A point in plain values, inside the dimensions."""
    if point.keys() != dimensions.keys():
        raise SearchError(
            f"strategy {name!r} gave a point with {', '.join(point) or 'no values'}; the "
            f"dimensions are {', '.join(dimensions)}"
        )
    return {n: _inside(name, n, dimension, point[n]) for n, dimension in dimensions.items()}


def _inside(name: str, parameter: str, dimension: Dimension, value: object) -> object:
    """The value, as Python has it, or the nearest in range.

    Raises:
      SearchError: if it is none of a choice's values, or no number where there is a range.
    """
    plain = cast(object, value.item()) if isinstance(value, np.generic) else value
    if isinstance(dimension, Choice):
        if plain in dimension.values:
            return plain
        allowed = ", ".join(map(repr, dimension.values))
    elif isinstance(plain, int | float) and plain == plain:
        kind = int if isinstance(dimension, IntRange) else float
        return kind(min(max(plain, dimension.low), dimension.high))
    else:
        allowed = f"{dimension.low} to {dimension.high}"
    raise SearchError(f"strategy {name!r} gave {parameter}={plain!r}; allowed are {allowed}")
