"""What the searches of one searcher have in common, and how one of them is run."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import jax

from jdend.models import Configuration
from jdend.search.driver.data import SearchData
from jdend.search.driver.loop import Training, finished, run, show_plan
from jdend.search.driver.schedule import LARGEST_GENERATION, SMALLEST_WITH_RUNGS, Schedule
from jdend.search.driver.time_limit import TimeLimit
from jdend.search.driver.trainer import Trainer, device
from jdend.search.planning.calibration import corrected
from jdend.search.planning.planner import plan
from jdend.search.planning.population import Trial
from jdend.search.planning.runtime import forecast
from jdend.search.progress.reporter import Reporter
from jdend.search.progress.status import Best
from jdend.study import Effort, Ledger, MemoryLedger, Proposed, SearchResult, Study
from jdend.training import compilations

__all__ = ["Session"]

# So many trials tell how long one takes.
N_TYPICAL = 64
# Trials of a generation that is to be short, at least: elsewhere than on a CPU, few together leave
# most of the device idle.
SMALLEST_ON_CPU, SMALLEST_ELSEWHERE = 1, 64
# Without rungs a generation takes no more seconds, so that longer searches have the same ones.
LONGEST = 5.0
# Of the epochs, about so many are trained if rungs stop trials; and the fewest trials for them.
SHARE_WITH_RUNGS, FEWEST_WITH_RUNGS = 0.4, 9
# Of a search's record, what may differ where it is gone on with: where the data were found.
PLACES = ("dataset", "source", "fingerprint")


@dataclass(frozen=True)
class Session:
    """Runs searches, and keeps what is finished even if they are broken off.

    Attributes:
      data: to train on.
      trainer: does the work.
      reporter: told how it goes.
      study: collects what is found.
      owns_study: whether nobody else adds to it.
      settings: what the record of each search says beside the search's own.
      dry_run: whether to print plans only; `"compile"` to compile them, too.
    """

    data: SearchData
    trainer: Trainer
    reporter: Reporter
    study: Study
    owns_study: bool
    settings: Callable[[], Mapping[str, object]]
    dry_run: bool | str = False

    def run(
        self,
        search: Schedule,
        record: Mapping[str, object],
        keep: Callable[[list[SearchResult]], None],
        clock: TimeLimit | None = None,
    ) -> list[SearchResult]:
        """Trains a search's generations.

        Args:
          search: what they consist of.
          record: what else its record says.
          keep: given all results in the end, whatever ends it.
          clock: says when to begin no more of them; None for never.

        Returns:
          The results, in order; none of a dry run.
        """
        search.check_held_out(self.data.describe()["validation_fraction"])
        for line in search.summary():
            self.reporter.note(line)
        self._share(search, clock)
        if self.dry_run:
            compiled = self.dry_run == "compile"
            show_plan(search, self.trainer, self.data.outline, clock=clock, compiled=compiled)
            return []
        ledger = self._ledger(search, record)
        training = self._training(search)

        def train(proposed: Sequence[Proposed]) -> list[SearchResult]:
            if self.study.keeps:
                # As if it were the first: the same figures, to the last bit, after whatever else.
                self.trainer.known.clear()
            return training(proposed)

        before, status = compilations(), "failed"
        found: list[SearchResult] = []
        if clock is not None:
            clock.begin()
        self._open(search, finished(ledger), clock)
        try:
            for _ in run(search, ledger, train):
                self.reporter.reach(len(finished(ledger)))
                waited = compilations().seconds - before.seconds
                if clock is not None and clock.is_over(waited):
                    break
            status = "complete" if self.owns_study else "running"
        except KeyboardInterrupt:
            status = "interrupted"
            raise
        finally:
            self.reporter.close()
            found += [*finished(ledger), *training.unfinished()]
            if found:
                compiled = compilations() - before
                effort = Effort(compiled.step_programs, compiled.programs, compiled.seconds)
                keep(found)
                config = self._described(search, record)
                self.study.add(found, config=config, effort=effort, device=device())
                self.study.write(status)
        return found

    def _open(
        self, search: Schedule, done: Sequence[SearchResult], clock: TimeLimit | None
    ) -> None:
        """Tells the reporter what is to come."""
        accuracies = [(r.validation_accuracy, r) for r in done if r.failed is None]
        ranked = [(a, r) for a, r in accuracies if a is not None and not math.isnan(a)]
        best = None
        if ranked:
            accuracy, result = max(ranked, key=lambda pair: pair[0])
            best = Best(accuracy, result.total_params, str(result.params.get("architecture", "")))
        seconds = None if clock is None else clock.left
        self.reporter.open(search.most_trials, done=len(done), seconds=seconds, best=best)

    def train(self, search: Schedule) -> list[SearchResult]:
        """Trains the first generation, and keeps it nowhere."""
        return self._training(search)(search.propose(0, []))

    def timed(self, search: Schedule, clock: TimeLimit) -> Schedule:
        """The search in generations that suit a time."""
        a_trial = self._seconds_a_trial(search) * len(search.questions)
        least = SMALLEST_ON_CPU if jax.default_backend() == "cpu" else SMALLEST_ELSEWHERE
        if search.pruner == "none":
            n = round(min(clock.generation_seconds, LONGEST) / a_trial)
        else:  # rungs choose better among many
            n = round(clock.generation_seconds / (SHARE_WITH_RUNGS * a_trial))
            n, least = min(n, SMALLEST_WITH_RUNGS), max(least, FEWEST_WITH_RUNGS)
        most = LARGEST_GENERATION if search.n_trials is None else search.n_trials
        return replace(search, generation=max(1, min(most, max(least, n))))

    def _seconds_a_trial(self, search: Schedule) -> float:
        """By the cost model, so that a search has the same generations every time."""
        some = search.sample()[:N_TYPICAL]
        self.trainer.share([])
        expected = forecast(some, self.trainer.plan(some), self.data.outline)
        return expected.training / len(some)

    def _seconds_alone(self, configuration: Configuration) -> float:
        """To train it once, on this machine."""
        trial = [Trial(configuration, (0,))]
        groups = plan(trial, kernel=self.trainer.kernel)
        expected = forecast(trial, groups, self.data.outline)
        return corrected(expected, self.trainer.kernel).training

    def _share(self, search: Schedule, clock: TimeLimit | None) -> None:
        """Plans the programs that the generations share."""
        if search.n_generations == 1:
            self.trainer.share([])
            return
        sample = search.sample()
        n_trials: float = len(sample)
        if clock is not None:
            n_trials = min(n_trials, clock.seconds / self._seconds_a_trial(search))
            clock.keep(self._seconds_alone(sample[0].configuration))
        elif search.n_trials is not None and not search.given:
            n_trials = search.n_trials * len(search.questions)
        # Each program is compiled for about two numbers of trials.
        generations = n_trials / (search.generation * len(search.questions))
        self.trainer.share(sample, n_trials / len(sample) / 2, max(1.0, generations / 2))

    def _described(self, search: Schedule, record: Mapping[str, object]) -> dict[str, object]:
        """A search's record."""
        return {**self.settings(), **search.describe(), **record}

    def _ledger(self, search: Schedule, record: Mapping[str, object]) -> Ledger:
        """What keeps the search's generations."""
        if not self.study.keeps:
            return MemoryLedger()
        from jdend.search.samplers.optuna_samplers import distributions

        objectives = ("validation_accuracy", "total_params")
        identity = {**self.data.identify(), **self._described(search, record)}
        return self.study.ledger(
            {name: value for name, value in identity.items() if name not in PLACES},
            distributions={} if search.given else distributions(search.dimensions),
            objectives=objectives[: 2 if search.strategy == "nsga2" else 1],
            device=device,
            say=self.reporter.note,
        )

    def _training(self, search: Schedule) -> Training:
        held_out = lambda: len(self.data.split.validation_y) > 0  # noqa: E731
        return Training(search, self.trainer, held_out)
