"""Asks a strategy for the trials of a generation.

A strategy that does not learn is a sequence of trials that the study's seed fixes; generations are
slices of it. A strategy that learns is told the results of finished generations and which trials
are pending, and its seed follows from the study's and the generation's number. So a generation is
the same on every machine, and the same if it is proposed again.
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

# How often a sampler is asked in a row, if it gives configurations that were proposed before.
N_ATTEMPTS = 8
# The seeds of askers are smaller; NumPy and SciPy accept all of these.
SEED_LIMIT = 2**31


def propose_sequence(
    strategy: Strategy, problem: SearchProblem, entropy: Sequence[int], n: int | None
) -> Candidates:
    """The first `n` trials of a strategy that does not learn; None for all of one that `lists_all`.

    Raises:
      SearchError: if `n` is not allowed, or the asker gives a point outside the dimensions.
      SpaceError: if the strategy or `check_space` refuses the space.
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
    """The next trials of a strategy that learns. They differ from each other and from those of
    earlier generations. There are fewer than `n` only if the space has no more.

    Args:
      strategy: a strategy that learns.
      problem: what is searched.
      encoding: the encoding of the problem.
      entropy: numbers that fix all randomness: the study's seed and the generation's number.
      n: the number of trials.
      observations: the trials of earlier generations.

    Raises:
      SearchError: if the asker gives a point outside the dimensions.
    """
    rng = np.random.default_rng(list(entropy))
    n_finished = sum(observation.result is not None for observation in observations)
    if n_finished < (n if strategy.n_initial is None else strategy.n_initial):
        proposed = {encoding.configure(observation.params) for observation in observations}
        return top_up(problem, rng, n, proposed)
    return _asked(strategy, problem, encoding, rng, n, observations)


def listed(name: str, candidates: Candidates) -> Strategy:
    """A strategy that proposes these candidates, in their order; they may lie outside the space."""

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
    """Asks for `n` new configurations; where the asker gives none, one is drawn at random."""
    assert strategy.asker is not None
    proposed = {encoding.configure(observation.params) for observation in observations}
    seed, seeds = int(rng.integers(SEED_LIMIT)), problem.seeds
    if not encoding.dimensions:
        return top_up(problem, rng, n, proposed)
    asker = strategy.asker(encoding.dimensions, observations, seed=seed, size=n)
    candidates: list[Candidate] = []
    while len(candidates) < n:
        params = _ask_for_new(strategy.name, encoding, asker, proposed)
        if params is None:
            drawn = top_up(problem, rng, 1, proposed)
            if not drawn:
                break
            params = dict(drawn[0].params)
        asker.settle(encoding.point(params))
        configuration = encoding.configure(params)
        proposed.add(configuration)
        candidates.append(Candidate(params, configuration, list(seeds)))
    return candidates


def _ask_for_new(
    name: str, encoding: Encoding, asker: Asker, proposed: set[Configuration]
) -> Mapping[str, object] | None:
    """Parameters of a configuration that was not proposed before; None if all attempts fail.

    The last point that was asked for is left for the caller to settle.
    """
    for attempt in range(N_ATTEMPTS):
        if attempt > 0:
            asker.settle(None)
        params: Params = encoding.params(_checked(name, encoding.dimensions, asker.ask()))
        if encoding.configure(params) not in proposed:
            return params
    return None


def _checked(
    name: str, dimensions: Mapping[str, Dimension], point: Mapping[str, object]
) -> dict[str, object]:
    """The point as plain Python values, each moved into its dimension.

    Raises:
      SearchError: if it has other dimensions, or a value that is not allowed.
    """
    if point.keys() != dimensions.keys():
        raise SearchError(
            f"strategy {name!r} gave a point with {', '.join(point) or 'no values'}; the "
            f"dimensions are {', '.join(dimensions)}"
        )
    return {n: _inside(name, n, dimension, point[n]) for n, dimension in dimensions.items()}


def _inside(name: str, parameter: str, dimension: Dimension, value: object) -> object:
    """The value as a plain Python value; a number outside its range becomes the range's end.

    Raises:
      SearchError: if it is not one of a choice's values, or not a number where there is a range.
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
