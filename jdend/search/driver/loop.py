"""A search: claim or propose a generation, plan it, train it rung by rung, finish it, go on or end.

The schedule says which trials a generation has, the trainer plans and trains them, and the ledger
stores them.
"""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence

from jdend.search.driver.meter import best_of
from jdend.search.driver.populations import Keeper
from jdend.search.driver.retraining import BestNetwork
from jdend.search.driver.schedule import Schedule
from jdend.search.driver.time_limit import TimeLimit
from jdend.search.driver.trainer import Trainer, device
from jdend.search.planning.population import PlannedPopulation, Trial
from jdend.search.progress.reporter import Reporter
from jdend.study import (
    FINAL_FIGURES,
    Effort,
    Ledger,
    ProposedTrial,
    SearchResult,
    Study,
    StudyError,
)
from jdend.training import KeptNetworks, Metric, Outcome, compilations, uninterrupted

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
    best: BestNetwork | None = None,
    following: Callable[[], Schedule] | None = None,
) -> list[SearchResult]:
    """Trains the generations of a schedule; returns their results in the order proposed.

    However the search ends, the study then has the results of all finished generations, and the
    figures so far of the trials that were cut off. A study with a folder stores their networks as
    well, so that resuming it trains nothing twice.

    Args:
      schedule: which trials the generations have.
      trainer: plans and trains them.
      study: stores them, and collects the results.
      reporter: is told the progress.
      record: the settings of the search, but for those of its data.
      memo: outcomes of earlier searches. Their trials are not trained again, and the outcomes of
        this search are added. It is not used if the study stores generations: then each of them is
        trained as if it were the first, so that its figures are always the same, to the last bit.
      time_limit: decides when to begin no more generations; None for no limit.
      owns_study: whether no other search adds to the study.
      best: keeps the best network as it was trained; None to keep none.
      following: makes the schedule of the search after this one, of the same trainer, whose
        programs compile while this one's last population trains.
    """
    programs = trainer.shared_programs(schedule, time_limit.seconds if time_limit else None)
    ledger = schedule.ledger(study, trainer.data, record, device=device, say=reporter.note)
    before, status = compilations(), "failed"
    if time_limit is not None:
        time_limit.reserve_for(trainer.seconds_alone(schedule.sample[0].configuration))
        time_limit.begin()
    results, left = _finished(ledger), time_limit.left if time_limit else None
    done, known = len(results), list(results)
    expected = trainer.expected(schedule, programs, done)
    reporter.open(
        schedule.most_trials, done=done, seconds=left, best=best_of(results), expected=expected
    )
    proposed: Sequence[ProposedTrial] = ()
    outcomes: Outcomes = {}  # of the generation that is trained now
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
            networks = None if best is None else best.networks
            is_last = claim.number + 1 == schedule.n_generations
            afterwards = (lambda: trainer.prepare(following())) if following and is_last else None
            training = _train(
                schedule,
                proposed,
                trainer,
                programs,
                reporter,
                reusable,
                keeper=keeper,
                networks=networks,
                afterwards=afterwards,
            )
            for trial, outcome in training:
                outcomes[trial] = outcome
            results, outcomes = results_of(schedule, proposed, outcomes, trainer), {}
            if best is not None:
                best.choose(results, [schedule.trial(p) for p in proposed])
            known += results
            ledger.finish(claim.number, results)
            known = _finished(ledger)
            keeper.clear()
            if not proposed:  # all of the space was proposed before
                break
            reporter.reach(len(known))
            if time_limit is not None and time_limit.is_over((compilations() - before).seconds):
                break
        status = "complete" if owns_study else "running"
    except KeyboardInterrupt:
        status = "interrupted"
        raise
    finally:
        with uninterrupted():
            reporter.close()
            if best is not None:
                best.choose((), ())
            try:
                keeper.write()
                results = _finished(ledger)
            except StudyError:  # its folder was deleted, say
                results = known
            results += results_of(schedule, proposed, outcomes, trainer, cut_off=keeper.cut_off())
            try:
                if results or (status == "interrupted" and study.has_begun):
                    compiled = compilations() - before
                    effort = Effort(compiled.step_programs, compiled.programs, compiled.seconds)
                    config = {**trainer.data.describe(), **record}
                    study.add(results, config=config, effort=effort, device=device())
                    study.write(status)
            finally:
                ledger.release()
    return results


def train_first(
    schedule: Schedule, trainer: Trainer, reporter: Reporter, memo: Outcomes
) -> list[SearchResult]:
    """Trains the first generation only, and stores it nowhere but in the memo."""
    proposed = schedule.propose(0, [])
    outcomes = dict(_train(schedule, proposed, trainer, (), reporter, memo))
    return results_of(schedule, proposed, outcomes, trainer)


def _train(
    schedule: Schedule,
    proposed: Sequence[ProposedTrial],
    trainer: Trainer,
    programs: Sequence[PlannedPopulation],
    reporter: Reporter,
    memo: Outcomes,
    keeper: Keeper | None = None,
    networks: KeptNetworks | None = None,
    afterwards: Callable[[], object] | None = None,
) -> Iterator[tuple[Trial, Outcome]]:
    """Trains the different trials of a generation; yields each with its outcome when it is there.

    A trial whose outcome is in the memo is not trained again, unless it was stopped early, or the
    generation has rungs, at which it has to be ranked. New outcomes are added to the memo.
    """
    new = list(dict.fromkeys(map(schedule.trial, proposed)))
    rungs = schedule.rungs(proposed)
    if rungs is None:
        finished = {t: memo[t] for t in new if t in memo and memo[t].stopped_epoch is None}
        yield from finished.items()
        new = [trial for trial in new if trial not in finished]
    populations = trainer.plan(new, within=programs)
    trained = trainer.train(new, populations, reporter, rungs, keeper, networks, afterwards)
    for trial, outcome in trained:
        memo[trial] = outcome
        yield trial, outcome


def _finished(ledger: Ledger) -> list[SearchResult]:
    """The results of all finished generations, in order."""
    return [r for g in ledger.generations() if g.results is not None for r in g.results]


def results_of(
    schedule: Schedule,
    proposed: Sequence[ProposedTrial],
    outcomes: Mapping[Trial, Outcome],
    trainer: Trainer,
    *,
    cut_off: Mapping[Trial, Outcome] | None = None,
) -> list[SearchResult]:
    """The results of the proposed trials that have an outcome, in the order proposed.

    Args:
      schedule, trainer: those of the search.
      proposed: the trials of a generation.
      outcomes: the outcomes of the finished trials.
      cut_off: the outcomes so far of trials whose training was broken off.
    """
    all_outcomes = {**(cut_off or {}), **outcomes}
    trained = [(p, schedule.trial(p)) for p in proposed] if all_outcomes else []
    return [
        _result(
            p,
            all_outcomes[trial],
            held_out=trainer.data.has_validation,
            cut_off=trial not in outcomes,
            metric=trainer.metric,
        )
        for p, trial in trained
        if trial in all_outcomes
    ]


def _result(
    proposed: ProposedTrial,
    outcome: Outcome,
    *,
    held_out: bool,
    cut_off: bool,
    metric: Metric,
) -> SearchResult:
    """The result of a trial, with means over its seeds.

    Args:
      proposed: the trial before it was trained.
      outcome: its figures for each seed.
      held_out: whether examples were held out for validation.
      cut_off: whether its training was broken off.
      metric: what it was measured by.
    """
    return SearchResult.from_seeds(
        proposed.params,
        total_params=proposed.total_params,
        seconds=outcome.seconds,
        seeds=outcome.seeds,
        figures={**{name: getattr(outcome, name) for name in FINAL_FIGURES}, **outcome.measured},
        history=outcome.history,
        failed_epoch=outcome.failed_epoch,
        held_out=held_out,
        stopped_epoch=outcome.stopped_epoch,
        cut_off=cut_off,
        metric=metric.name,
        minimised=metric.minimised,
    )
