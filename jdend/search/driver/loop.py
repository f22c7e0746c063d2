"""A search: claim or propose a generation, plan it, train it rung by rung, finish it, go on or end.

The schedule says what a generation consists of, the trainer plans and trains it, and the ledger
keeps it and knows who else is at work.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence

from jdend.search.driver.meter import best_of
from jdend.search.driver.populations import Keeper
from jdend.search.driver.schedule import Schedule
from jdend.search.driver.time_limit import TimeLimit
from jdend.search.driver.trainer import Trainer, device, results_of
from jdend.search.planning.population import PlannedPopulation, Trial
from jdend.search.progress.reporter import Reporter
from jdend.study import Effort, Ledger, ProposedTrial, SearchResult, Study
from jdend.training import Outcome, compilations, uninterrupted

__all__ = ["run_search", "train_first"]

Outcomes = dict[Trial, Outcome]


def run_search(
    schedule: Schedule,
    trainer: Trainer,
    study: Study,
    reporter: Reporter,
    *,
    record: Mapping[str, object],
    memo: Outcomes,
    time_limit: TimeLimit | None = None,
    owns_study: bool = True,
) -> list[SearchResult]:
    """Trains the generations of a schedule, and returns their results in the order proposed.

    Whatever ends the search, the study has the results of what is finished, and of trials that were
    cut off what they had come to; a study with a folder keeps their networks as well, so that a
    search that goes on trains nothing twice.

    Args:
      schedule: what the generations consist of.
      trainer: plans and trains them.
      study: keeps them, and collects the results.
      reporter: told how it goes.
      record: all that is to be known of the search, beside its data.
      memo: outcomes of earlier searches, which need not train again; those of this one are added.
        A study that keeps generations goes without: each is trained as if it were the first, so
        that its figures are the same, to the last bit, after whatever else.
      time_limit: when to begin no more generations; None for never.
      owns_study: whether nobody else adds to the study.
    """
    programs = trainer.shared_programs(schedule, time_limit.seconds if time_limit else None)
    ledger = schedule.ledger(study, trainer.data, record, device=device, say=reporter.note)
    before, status = compilations(), "failed"
    if time_limit is not None:
        time_limit.keep(trainer.seconds_alone(schedule.sample[0].configuration))
        time_limit.begin()
    results, left = _finished(ledger), time_limit.left if time_limit else None
    reporter.open(schedule.most_trials, done=len(results), seconds=left, best=best_of(results))
    proposed: Sequence[ProposedTrial] = ()
    outcomes: Outcomes = {}  # of the generation that trains
    keeper = Keeper()
    snapshots = study.snapshots(reporter.note)
    try:
        while claim := ledger.claim(schedule.n_generations or sys.maxsize):
            proposed = claim.trials or ()
            if claim.trials is None:
                proposed = schedule.propose(claim.number, ledger.generations())
                ledger.begin(claim.number, proposed)
            study.begin()
            reusable = {} if study.keeps else memo
            keeper = Keeper(snapshots, claim.number, trainer.data.identify(), reporter.note)
            training = _train(schedule, proposed, trainer, programs, reporter, reusable, keeper)
            for trial, outcome in training:
                outcomes[trial] = outcome
            results, outcomes = results_of(schedule, proposed, outcomes, trainer.data), {}
            ledger.finish(claim.number, results)
            keeper.clear()
            if not proposed:  # the space holds nothing that was not proposed before
                break
            reporter.reach(len(_finished(ledger)))
            if time_limit is not None and time_limit.is_over((compilations() - before).seconds):
                break
        status = "complete" if owns_study else "running"
    except KeyboardInterrupt:
        status = "interrupted"
        raise
    finally:
        with uninterrupted():
            keeper.write()
            ledger.release()
            reporter.close()
            results = _finished(ledger)
            results += results_of(
                schedule, proposed, outcomes, trainer.data, cut_off=keeper.cut_off()
            )
            if results or (status == "interrupted" and study.has_begun):
                compiled = compilations() - before
                effort = Effort(compiled.step_programs, compiled.programs, compiled.seconds)
                config = {**trainer.data.describe(), **record}
                study.add(results, config=config, effort=effort, device=device())
                study.write(status)
    return results


def train_first(
    schedule: Schedule, trainer: Trainer, reporter: Reporter, memo: Outcomes
) -> list[SearchResult]:
    """Trains the first generation alone, and keeps it nowhere but in the memo."""
    proposed = schedule.propose(0, [])
    outcomes = dict(_train(schedule, proposed, trainer, (), reporter, memo))
    return results_of(schedule, proposed, outcomes, trainer.data)


def _train(
    schedule: Schedule,
    proposed: Sequence[ProposedTrial],
    trainer: Trainer,
    programs: Sequence[PlannedPopulation],
    reporter: Reporter,
    memo: Outcomes,
    keeper: Keeper | None = None,
) -> Iterator[tuple[Trial, Outcome]]:
    """Yields each different trial of a generation with its outcome, as soon as there is one.

    What the memo knows is not trained again, unless it was stopped early, or rungs are to rank it
    with the others. What is trained is added to it.
    """
    new = list(dict.fromkeys(map(schedule.trial, proposed)))
    rungs = schedule.rungs(proposed)
    if rungs is None:
        finished = {t: memo[t] for t in new if t in memo and memo[t].stopped_epoch is None}
        yield from finished.items()
        new = [trial for trial in new if trial not in finished]
    populations = trainer.plan(new, within=programs)
    for trial, outcome in trainer.train(new, populations, reporter, rungs, keeper):
        memo[trial] = outcome
        yield trial, outcome


def _finished(ledger: Ledger) -> list[SearchResult]:
    """The results of all finished generations, in order."""
    return [r for g in ledger.generations() if g.results is not None for r in g.results]
