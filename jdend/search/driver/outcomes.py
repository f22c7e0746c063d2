"""What is stored of trials that were trained: results, from their outcomes."""

from collections.abc import Mapping, Sequence

from jdend.search.driver.schedule import Schedule
from jdend.search.driver.trainer import Trainer
from jdend.search.planning.population import Trial
from jdend.study import FINAL_FIGURES, ProposedTrial, SearchResult
from jdend.training import ACCURACY, Metric, Outcome

__all__ = ["results_of"]


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
        result_from_outcome(
            p,
            all_outcomes[trial],
            held_out=trainer.data.has_validation,
            cut_off=trial not in outcomes,
            metric=trainer.metric,
        )
        for p, trial in trained
        if trial in all_outcomes
    ]


def result_from_outcome(
    proposed: ProposedTrial,
    outcome: Outcome,
    *,
    held_out: bool,
    cut_off: bool = False,
    metric: Metric = ACCURACY,
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
