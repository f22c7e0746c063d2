"""Runs a search, generation by generation: claim → propose → begin → train → finish."""

import math
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from jdend.data import Split
from jdend.search.driver.dry_run import describe_plan, seconds
from jdend.search.driver.schedule import Schedule
from jdend.search.driver.time_limit import TimeLimit
from jdend.search.driver.trainer import Trainer, result_from_outcome
from jdend.search.planning.calibration import corrected
from jdend.search.planning.population import PlannedPopulation, Trial
from jdend.search.planning.runtime import forecast
from jdend.search.pruners import Rungs, brackets
from jdend.study import Generation, Ledger, Proposed, SearchResult

__all__ = ["Training", "finished", "run", "show_plan"]

Train = Callable[[Sequence[Proposed]], list[SearchResult]]


def run(search: Schedule, ledger: Ledger, train: Train) -> Iterator[Generation]:
    """Trains generations until none is left, or until the caller wants no more.

    Args:
      search: what they consist of.
      ledger: which are begun, in whose hands, and what came of them.
      train: what does the work.

    Yields:
      Each generation that was trained here, when it is finished.
    """
    most = search.n_generations
    while claim := ledger.claim(sys.maxsize if most is None else most):
        try:
            proposed = claim.proposed
            if proposed is None:
                proposed = tuple(search.propose(claim.number, ledger.generations()))
                ledger.begin(claim.number, proposed)
            results = train(proposed) if proposed else []
            ledger.finish(claim.number, results)
        except BaseException:
            ledger.release()
            raise
        if not proposed:  # there is nothing in the space that is not known
            return
        yield Generation(claim.number, tuple(proposed), tuple(results))


def finished(ledger: Ledger) -> list[SearchResult]:
    """All results of a ledger's finished generations, in order."""
    return [r for g in ledger.generations() if g.results is not None for r in g.results]


def show_plan(
    search: Schedule,
    trainer: Trainer,
    outline: Split,
    *,
    clock: TimeLimit | None = None,
    compiled: bool = False,
) -> None:
    """Prints what would be trained; of a strategy that learns, its first generation.

    Args:
      search: what is asked.
      trainer: plans it.
      outline: data of the right shapes.
      clock: says when to begin no more generations; None for never.
      compiled: whether to compile what would be trained, to know the memory that it takes.
    """
    total = search.n_generations
    n_shown = 1 if search.learns or total is None else total
    trials: list[Trial] = []
    groups: list[PlannedPopulation] = []
    ends: list[int] = []
    for number in range(n_shown):
        proposed = search.propose(number, [])
        some = list(map(search.trial, proposed))
        rungs = rungs_of(search, some, proposed)
        some = list(dict.fromkeys(some))
        for group in trainer.plan(some):
            groups.append(replace(group, members=tuple(m + len(trials) for m in group.members)))
        trials += some
        ends += (
            [trial.configuration.hyperparameters.n_epochs for trial in some]
            if rungs is None
            else rungs.example()
        )
    expected = corrected(forecast(trials, groups, outline, ends), trainer.kernel)
    print(describe_plan(trials, groups, outline, expected, compiled=compiled))
    if clock is not None:
        pace = expected.training / max(1, len(trials))
        n = max(0.0, clock.seconds - expected.compiling) / max(pace, 1e-9)
        limit = math.inf if total is None else total * search.generation * len(search.questions)
        print(
            f"as many generations as end in {clock.seconds:g} s: about {min(n, limit):,.0f} trials"
        )
    elif n_shown != total:
        left = f"{total - n_shown:,} more generations" if total else "more generations"
        print(
            f"{left} of up to {search.generation:,} trials follow from what this one finds, each\n"
            f"about {seconds(expected.training)}"
        )


def rungs_of(
    search: Schedule, trials: Sequence[Trial], proposed: Sequence[Proposed]
) -> Rungs | None:
    """Trials of different budgets are ranked apart; equal trials are one."""
    if search.pruner == "none":
        return None
    distinct = list(dict.fromkeys(trials))
    budgets = dict(zip(trials, (p.budget for p in proposed), strict=True))
    n_epochs = [trial.configuration.hyperparameters.n_epochs for trial in distinct]
    found = []
    for budget in dict.fromkeys(budgets.values()):
        members = [i for i, trial in enumerate(distinct) if budgets[trial] == budget]
        longest = max(n_epochs[i] for i in members)
        found += brackets(search.pruner, members, longest)
    return Rungs(found, n_epochs)


class Training:
    """Trains the generations of one search.

    Args:
      search: says what trials mean.
      trainer: does the work.
      held_out: tells, once there are data, whether there are examples to validate with.
    """

    def __init__(self, search: Schedule, trainer: Trainer, held_out: Callable[[], bool]):
        self._search, self._trainer, self._held_out = search, trainer, held_out
        self._pending: Sequence[Proposed] = ()

    def __call__(self, proposed: Sequence[Proposed]) -> list[SearchResult]:
        """Trains a generation; returns its results in order."""
        self._pending = proposed
        trials = [self._search.trial(p) for p in proposed]
        for trial in trials:
            # What was stopped, or was not when it was ranked, is trained anew.
            known = self._trainer.known.get(trial)
            if known is not None and (known.stopped_epoch or self._search.pruner != "none"):
                del self._trainer.known[trial]
        self._trainer.train(trials, rungs_of(self._search, trials, proposed))
        results = self.unfinished()
        self._pending = ()
        return results

    def unfinished(self) -> list[SearchResult]:
        """The results there are of a generation whose training was broken off."""
        known = self._trainer.known
        trials = [(p, self._search.trial(p)) for p in self._pending]
        return [self._result(p, known[trial]) for p, trial in trials if trial in known]

    def _result(self, proposed: Proposed, outcome) -> SearchResult:
        count = proposed.total_params
        return result_from_outcome(dict(proposed.params), count, outcome, held_out=self._held_out())
