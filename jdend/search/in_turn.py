"""Searches spaces one after another, each with an equal share of the trials."""

from collections.abc import Mapping, Sequence
from copy import copy
from functools import partial

from jdend.search.driver.schedule import Schedule, default_generation
from jdend.search.errors import BudgetError
from jdend.search.progress.reporter import reporter
from jdend.search.pruners import find_pruner
from jdend.search.samplers.grid_and_random import check_trials
from jdend.search.samplers.registry import find_strategy
from jdend.search.searcher import HyperparameterSearcher
from jdend.study import SearchResult

__all__ = ["search_in_turn"]


def search_in_turn(
    searcher: HyperparameterSearcher, spaces: Sequence[Mapping[str, object]], n_trials: int
) -> list[Sequence[SearchResult]]:
    """Draws an equal share of the trials from each space; returns the results of each.

    It trains what `searcher.optimize(space, share, "random")` of each would train; while one does,
    the programs of the next compile.

    Raises:
      BudgetError: if nothing fits in any space.
    """
    check_trials("n_trials", n_trials)
    shares = [n_trials // len(spaces) + (i < n_trials % len(spaces)) for i in range(len(spaces))]
    searches = [(space, share) for space, share in zip(spaces, shares, strict=True) if share]
    by_space: list[Sequence[SearchResult]] = []
    misfits: list[BudgetError] = []
    quiet = copy(searcher)
    quiet._reporter = reporter(verbose=False)
    for i, search in enumerate(searches):
        number, following = searcher._n_searches, None
        if i + 1 < len(searches):
            following = partial(_schedule, quiet, *searches[i + 1], number + 1)
        try:
            schedule = _schedule(searcher, *search, number)
            record = {"n_trials": schedule.n_trials}
            by_space.append(searcher._run(schedule, record, following=following))
        except BudgetError as error:
            misfits.append(error)
            by_space.append(())
    if len(misfits) == len(searches):
        raise misfits[0]
    return [*by_space, *[()] * (len(spaces) - len(searches))]


def _schedule(
    searcher: HyperparameterSearcher, space: Mapping[str, object], n_trials: int, number: int
) -> Schedule:
    """What `optimize` would train of a space, after so many other searches."""
    strategy, pruner = find_strategy("random"), find_pruner("none")
    return Schedule(
        searcher._search_problems(space, None),
        strategy,
        entropy=(searcher._search_seed, number),
        seeds=searcher._seeds,
        n_trials=n_trials,
        generation=default_generation(strategy, n_trials, pruner),
        pruner=pruner,
    )
