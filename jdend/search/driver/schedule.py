"""A search as a sequence of generations: which trials each has, for one budget or several."""

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from jdend._phases import phase
from jdend.models import Configuration, count_params
from jdend.search.driver.data import SearchData
from jdend.search.errors import SearchError
from jdend.search.planning.population import Trial
from jdend.search.pruners import Bracket, Pruner, find_pruner
from jdend.search.rungs import Rungs
from jdend.search.samplers.candidates import Candidate, Candidates, Observation
from jdend.search.samplers.grid_and_random import check_trials, random
from jdend.search.samplers.proposing import propose_generation, propose_sequence
from jdend.search.samplers.registry import Strategy
from jdend.search.space.dimensions import Choice, Dimension, IntRange, RealRange
from jdend.search.space.encoding import Encoding
from jdend.search.space.problem import SearchProblem
from jdend.study import Generation, Ledger, MemoryLedger, ProposedTrial, Study

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

__all__ = [
    "LARGEST_GENERATION",
    "SMALLEST_WITH_RUNGS",
    "Schedule",
    "default_generation",
]

# How many trials of each budget are drawn to estimate what the generations will be like.
N_SAMPLE_TRIALS = 512

# Trials in a generation. Many trials train faster together. But there must not be too many, since
# the results of a generation are stored when all of it is finished.
LARGEST_GENERATION = 128
# A strategy that learns gets about so many generations, to learn from the results of each.
N_GENERATIONS = 8
SMALLEST_GENERATION = 8
# With fewer trials, hardly any are left after the rungs.
SMALLEST_WITH_RUNGS = 27


def default_generation(strategy: Strategy, n_trials: int | None, pruner: Pruner) -> int:
    """The number of trials in a generation, if the user gives none: few if the strategy learns."""
    most = LARGEST_GENERATION if n_trials is None else max(1, min(n_trials, LARGEST_GENERATION))
    if not strategy.learns:
        return most
    least = SMALLEST_WITH_RUNGS if pruner.stops else SMALLEST_GENERATION
    return min(most, max(least, math.ceil((n_trials or 0) / N_GENERATIONS)))


@dataclass(frozen=True)
class Schedule:
    """Says which trials the generations of a search have.

    Each generation has trials of every budget. They follow from these attributes, the generation's
    number and, if the strategy learns, the results of finished generations.

    Attributes:
      problems: one for each budget.
      strategy: proposes the trials.
      entropy: the study's seed.
      seeds: the seeds that each trial is trained with. If the space has seeds of its own, each of
        these is added to each of those.
      n_trials: the number of trials for each budget. None for no limit, or for all
        trials of a strategy that `lists_all`.
      generation: the number of trials of each budget in a generation.
      pruner: decides which weak trials are stopped early.

    Raises:
      SearchError: if an argument is not allowed.
    """

    problems: tuple[SearchProblem, ...]
    strategy: Strategy
    entropy: tuple[int, ...]
    seeds: tuple[int, ...] = (0,)
    n_trials: int | None = None
    generation: int = LARGEST_GENERATION
    pruner: Pruner = field(default_factory=lambda: find_pruner("none"))
    _sequences: dict[tuple[int, int | None], Candidates] = field(
        default_factory=dict[tuple[int, int | None], Candidates],
        init=False,
        repr=False,
        compare=False,
    )

    def __post_init__(self):
        check_trials("n_trials", self.n_trials, none_allowed=True)
        check_trials("generation", self.generation)
        for problem in self.problems:
            problem.check_sums(self.seeds)
        if self.pruner.stops and not self.strategy.may_stop_early:
            n, name = len(self.strategy.objectives), self.strategy.name
            why = f"{name} learns nothing of a trial that was stopped early"
            if n > 1:
                number = "two" if n == 2 else str(n)
                why = f"{name} has {number} objectives, and trials are stopped by one"
            raise SearchError(f"{why}: take pruner 'none', or strategy 'tpe'")

    def check_held_out(self, fraction: object) -> None:
        """Raises `SearchError` if the search needs validation accuracy, but nothing is held out.

        Args:
          fraction: the share of the training examples that is held out.
        """
        chooser = self.strategy if self.learns else self.pruner
        if (self.learns or self.pruner.stops) and fraction == 0:
            raise SearchError(
                f"{chooser.name!r} chooses by validation accuracy, and no examples are held out: "
                "give a validation_fraction above 0"
            )

    @property
    def learns(self) -> bool:
        """Whether the trials of a generation depend on the results of earlier ones."""
        return self.strategy.learns

    @functools.cached_property
    def n_generations(self) -> int | None:
        """The largest number of generations; None for no limit."""
        if self.learns:
            return None if self.n_trials is None else math.ceil(self.n_trials / self.generation)
        if self.n_trials is None and not self.strategy.lists_all:
            return None
        longest = max(len(self._sequence(i, 0).candidates) for i in range(len(self.problems)))
        return max(1, math.ceil(longest / self.generation))

    @property
    def most_trials(self) -> int | None:
        """The largest number of trials of all budgets together; None for no limit."""
        if self.n_generations is None:
            return None
        if self.learns:
            return None if self.n_trials is None else self.n_trials * len(self.problems)
        return sum(len(self._sequence(i, 0).candidates) for i in range(len(self.problems)))

    def describe(self) -> dict[str, object]:
        """All settings that the proposals depend on, as plain values for the search's record."""
        spaces = {str(q.budget.max_params): q.space.to_dict() for q in self.problems}
        several = len(spaces) > 1
        return {
            "strategy": self.strategy.name,
            "space": spaces if several else self.problems[0].space.to_dict(),
            **({"budgets": [q.budget.max_params for q in self.problems]} if several else {}),
            "search_entropy": list(self.entropy),
            "generation": self.generation,
            "pruner": self.pruner.name,
        }

    @phase("proposing")
    def summary(self) -> list[str]:
        """What fits each budget and what of it will be trained, in two lines or three for each."""
        lines: list[str] = []
        for index, problem in enumerate(self.problems):
            if not self.learns and self.n_generations is not None:
                lines += self._sequence(index, 0).summary(problem.budget)
                continue
            counted = self._encodings[index] if self.learns else self._sequence(index, 0)
            lines += [
                problem.budget.summary(counted.n_fit, counted.n_over, counted.n_under),
                f"{self.strategy.name}, {self.generation:,} trials a generation",
            ]
        return lines

    @phase("proposing")
    def propose(self, number: int, generations: Sequence[Generation]) -> list[ProposedTrial]:
        """The trials of a generation; empty if all of the space was proposed before.

        Args:
          number: the number of the generation.
          generations: the generations that were begun, with their results if they are finished.
        """
        proposed: list[ProposedTrial] = []
        for index in range(len(self.problems)):
            if self.learns:
                candidates = self._learned(index, number, generations)
            else:
                begin = number * self.generation
                candidates = self._sequence(index, number).candidates[
                    begin : begin + self.generation
                ]
            proposed += [self._proposed(candidate, index) for candidate in candidates]
        return proposed

    def configure(self, proposed: ProposedTrial) -> Configuration:
        """The configuration of a proposed trial."""
        params = {name: value for name, value in proposed.params.items() if name != "seed"}
        return self.problems[0].configure(params)

    def trial(self, proposed: ProposedTrial) -> Trial:
        """A proposed trial as it is trained."""
        return Trial(self.configure(proposed), proposed.seeds)

    def rungs(self, proposed: Sequence[ProposedTrial]) -> Rungs | None:
        """The rungs of a generation; None if the pruner stops no trials.

        Trials of different budgets are ranked separately. The positions in the rungs are those in
        the list of the generation's trials without repetitions.
        """
        if not self.pruner.stops:
            return None
        budgets = {self.trial(p): p.budget for p in proposed}
        trials = list(budgets)
        n_epochs = [trial.configuration.hyperparameters.n_epochs for trial in trials]
        brackets: list[Bracket] = []
        for budget in dict.fromkeys(budgets.values()):
            members = [i for i, trial in enumerate(trials) if budgets[trial] == budget]
            longest = max(n_epochs[i] for i in members)
            brackets += self.pruner.divide(members, longest)
        return Rungs(brackets, n_epochs)

    @functools.cached_property
    def sample(self) -> list[Trial]:
        """Typical trials of the generations, up to `N_SAMPLE_TRIALS` for each budget, in random
        order. They do not depend on results."""
        trials: list[Trial] = []
        for index, problem in enumerate(self.problems):
            if self.learns or self.n_generations is None:
                rng = np.random.default_rng(list(self.entropy))
                candidates = random(problem, rng, N_SAMPLE_TRIALS).candidates
            else:
                candidates = self._sequence(index, 0).candidates
            # Evenly spaced, since the two ends of a grid differ.
            spaced = np.linspace(0, len(candidates) - 1, N_SAMPLE_TRIALS).astype(int)
            chosen: list[int] = np.unique(spaced).tolist()
            trials += [
                Trial(candidates[i].configuration, self._seeds(candidates[i])) for i in chosen
            ]
        order: list[int] = np.random.default_rng(0).permutation(len(trials)).tolist()
        return [trials[i] for i in order]

    @property
    def objectives(self) -> tuple[str, ...]:
        """The objectives of the search, as attributes of `SearchResult`."""
        return self.strategy.objectives

    def ledger(
        self,
        study: Study,
        data: SearchData,
        record: Mapping[str, object],
        *,
        device: Callable[[], Mapping[str, object]],
        say: Callable[[str], None],
    ) -> Ledger:
        """The ledger that stores the generations of this search.

        Args:
          study: the study that makes the ledger.
          data: the data of the search, which are among the settings that determine its figures.
          record: the other settings.
          device: returns a description of the device that trains a generation.
          say: called with lines of text for the user.
        """
        if not study.keeps:
            return MemoryLedger()
        return study.ledger(
            {**data.identify(), **record},
            distributions=self.distributions(),
            objectives=self.objectives,
            device=device,
            say=say,
        )

    def distributions(self) -> "dict[str, BaseDistribution]":
        """Optuna's distributions of the dimensions; empty if the trials have no points there."""
        from jdend.search.samplers.optuna_samplers import distributions

        return distributions(self.dimensions) if self.strategy.in_space else {}

    @functools.cached_property
    def dimensions(self) -> dict[str, Dimension]:
        """The static dimensions, each with the values of all budgets."""
        merged: dict[str, Dimension] = {}
        for encoding in self._encodings:
            for name, dimension in encoding.dimensions.items():
                earlier = merged.get(name)
                merged[name] = dimension if earlier is None else _both(earlier, dimension)
        return merged

    @functools.cached_property
    def _encodings(self) -> list[Encoding]:
        return [Encoding(problem) for problem in self.problems]

    def _sequence(self, index: int, number: int) -> Candidates:
        """The candidates of one budget, at least as far as the generation with this number."""
        n = self.n_trials
        if n is None and not self.strategy.lists_all:
            # Whenever it is too short, twice as many are drawn, so that this happens seldom.
            n = self.generation << (number.bit_length())
        if (index, n) not in self._sequences:
            entropy = [*self.entropy, *([index] if index else [])]
            problem = self.problems[index]
            self._sequences[index, n] = propose_sequence(self.strategy, problem, entropy, n)
        return self._sequences[index, n]

    def _learned(
        self, index: int, number: int, generations: Sequence[Generation]
    ) -> list[Candidate]:
        """The candidates of one budget in a generation of a strategy that learns."""
        problem, encoding = self.problems[index], self._encodings[index]
        observations = [
            Observation(
                proposed.params,
                encoding.own_names(proposed.point),
                g.results[i] if g.results else None,
            )
            for g in generations
            for i, proposed in enumerate(g.trials)
            if proposed.budget == problem.budget.max_params and g.number != number
        ]
        n = self.generation
        if self.n_trials is not None:
            n = min(n, self.n_trials - number * self.generation)
        entropy = [*self.entropy, number, index]
        return propose_generation(self.strategy, problem, encoding, entropy, n, observations)

    def _proposed(self, candidate: Candidate, index: int) -> ProposedTrial:
        """The candidate as a trial of the budget with this index."""
        params: dict[str, object] = dict(candidate.params)
        budget, total_params = (
            self.problems[index].budget,
            count_params(candidate.configuration.structure),
        )
        point: dict[str, object] = {}
        if self.strategy.in_space:
            if not budget.fits(total_params):
                raise SearchError(
                    f"strategy {self.strategy.name!r} proposed a network of {total_params:,} "
                    f"parameters; the budget allows {budget.min_params:,} to {budget.max_params:,}"
                )
            point = self._encodings[index].point(params)
        if len(candidate.seeds) == 1:
            params["seed"] = candidate.seeds[0]
        return ProposedTrial(
            params=params,
            seeds=self._seeds(candidate),
            point=point,
            total_params=total_params,
            budget=budget.max_params,
        )

    def _seeds(self, candidate: Candidate) -> tuple[int, ...]:
        """The seeds that a candidate is trained with."""
        own = candidate.seeds or [0]
        return tuple(sorted({seed + offset for seed in own for offset in self.seeds}))


def _both(first: Dimension, second: Dimension) -> Dimension:
    """A dimension with the values of both."""
    if isinstance(first, Choice) or isinstance(second, Choice):
        ends = [d.values if isinstance(d, Choice) else (d.low, d.high) for d in (first, second)]
        return Choice(tuple(dict.fromkeys([*ends[0], *ends[1]])))
    low, high = min(first.low, second.low), max(first.high, second.high)
    if isinstance(first, IntRange) and isinstance(second, IntRange):
        return IntRange(int(low), int(high))
    log = getattr(first, "log", False) and getattr(second, "log", False)
    return RealRange(float(low), float(high), log)
