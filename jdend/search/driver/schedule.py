"""A search as a sequence of generations: what each consists of, for one budget or several."""

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

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

# How many trials tell what the others will be like.
SAMPLE = 512

# A generation of a strategy that learns nothing: large, since a population of many trials is fast;
# bounded, since an unfinished generation is lost.
LARGEST_GENERATION = 128
# One that learns has about so many generations to learn from.
N_GENERATIONS = 8
SMALLEST_GENERATION = 8
# Of fewer, rungs leave hardly any.
SMALLEST_WITH_RUNGS = 27


def default_generation(strategy: Strategy, n_trials: int | None, pruner: Pruner) -> int:
    """Trials a generation where nobody says: few where the strategy learns from them."""
    most = LARGEST_GENERATION if n_trials is None else max(1, min(n_trials, LARGEST_GENERATION))
    if not strategy.learns:
        return most
    least = SMALLEST_WITH_RUNGS if pruner.stops else SMALLEST_GENERATION
    return min(most, max(least, math.ceil((n_trials or 0) / N_GENERATIONS)))


@dataclass(frozen=True)
class Schedule:
    """What a study consists of, generation by generation.

    Each generation holds trials of every budget. What it holds follows from the arguments, its
    number and the results of those that are finished.

    Attributes:
      problems: one a budget.
      strategy: what proposes trials.
      entropy: the study's seed.
      seeds: with which trials are trained; of a trial with seeds of its own, counted from these.
      n_trials: of each budget; None for no end, or for all where the strategy lists all.
      generation: trials of each budget a generation.
      pruner: what stops weak trials early.

    Raises:
      SearchError: for an argument that is not allowed.
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
        if self.pruner.stops and not self.strategy.may_stop_early:
            n, name = len(self.strategy.objectives), self.strategy.name
            why = f"{name} learns nothing of a trial that was stopped early"
            if n > 1:
                number = "two" if n == 2 else str(n)
                why = f"{name} has {number} objectives, and trials are stopped by one"
            raise SearchError(f"{why}: take pruner 'none', or strategy 'tpe'")

    def check_held_out(self, fraction: object) -> None:
        """Raises `SearchError` if it chooses by examples held out, and that is no share of them."""
        chooser = self.strategy if self.learns else self.pruner
        if (self.learns or self.pruner.stops) and fraction == 0:
            raise SearchError(
                f"{chooser.name!r} chooses by validation accuracy, and no examples are held out: "
                "give a validation_fraction above 0"
            )

    @property
    def learns(self) -> bool:
        """Whether what a generation holds depends on the results of others."""
        return self.strategy.learns

    @functools.cached_property
    def n_generations(self) -> int | None:
        """How many there are at most; None for no end."""
        if self.learns:
            return None if self.n_trials is None else math.ceil(self.n_trials / self.generation)
        if self.n_trials is None and not self.strategy.lists_all:
            return None
        longest = max(len(self._sequence(i, 0).candidates) for i in range(len(self.problems)))
        return max(1, math.ceil(longest / self.generation))

    @property
    def most_trials(self) -> int | None:
        """How many trials there are at most, of all budgets; None for no end."""
        if self.n_generations is None:
            return None
        if self.learns:
            return None if self.n_trials is None else self.n_trials * len(self.problems)
        return sum(len(self._sequence(i, 0).candidates) for i in range(len(self.problems)))

    def describe(self) -> dict[str, object]:
        """What its record says of it, in plain values: all that its proposals follow from."""
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

    def summary(self) -> list[str]:
        """What fits each budget and what of it will be trained, in a line or two for each."""
        lines: list[str] = []
        for index, problem in enumerate(self.problems):
            if not self.learns and self.n_generations is not None:
                lines += self._sequence(index, 0).summary(problem.budget)
                continue
            counted = self._encodings[index] if self.learns else self._sequence(index, 0)
            lines.append(
                f"{counted.n_over:,} over {problem.budget.max_params:,} parameters, "
                f"{counted.n_under:,} under {problem.budget.min_params:,}, {counted.n_fit:,} fit; "
                f"{self.strategy.name}, {self.generation:,} trials a generation"
            )
        return lines

    def propose(self, number: int, generations: Sequence[Generation]) -> list[ProposedTrial]:
        """The trials of a generation; none if the space holds no more.

        Args:
          number: of the generation.
          generations: those that were begun; what is not finished is pending.
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
        """What a trial's parameters mean."""
        params = {name: value for name, value in proposed.params.items() if name != "seed"}
        return self.problems[0].configure(params)

    def trial(self, proposed: ProposedTrial) -> Trial:
        """What is trained."""
        return Trial(self.configure(proposed), proposed.seeds)

    def rungs(self, proposed: Sequence[ProposedTrial]) -> Rungs | None:
        """When weak trials of a generation are stopped; None if none ever is.

        Positions are among the generation's different trials. Trials of different budgets are
        ranked apart.
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
        """Trials such as the generations will consist of, up to `SAMPLE` of each budget; the same
        whatever was trained."""
        proposed: list[ProposedTrial] = []
        for index, problem in enumerate(self.problems):
            if self.learns or self.n_generations is None:
                rng = np.random.default_rng(list(self.entropy))
                candidates = random(problem, rng, SAMPLE).candidates
            else:
                candidates = self._sequence(index, 0).candidates
            # Evenly spaced, for the two ends of a grid differ.
            spaced = np.linspace(0, len(candidates) - 1, SAMPLE).astype(int)
            chosen: list[int] = np.unique(spaced).tolist()
            proposed += [self._proposed(candidates[i], index) for i in chosen]
        order: list[int] = np.random.default_rng(0).permutation(len(proposed)).tolist()
        return [self.trial(proposed[i]) for i in order]

    @property
    def objectives(self) -> tuple[str, ...]:
        """What is searched for, as fields of `SearchResult`."""
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
        """Where the study keeps the generations of this search.

        Args:
          study: keeps them.
          data: to train on; part of what the search is.
          record: the other part.
          device: asked what a generation was trained on.
          say: told in a line what a person should know.
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
        """Optuna's distributions of the dimensions in which proposed trials have points."""
        from jdend.search.samplers.optuna_samplers import distributions

        return distributions(self.dimensions) if self.strategy.in_space else {}

    @functools.cached_property
    def dimensions(self) -> dict[str, Dimension]:
        """The static dimensions of the points of all budgets."""
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
        """The trials of one budget, up to those of the generation at least."""
        n = self.n_trials
        if n is None and not self.strategy.lists_all:
            # Twice as many each time it is too short, so that a long search draws few times.
            n = self.generation << (number.bit_length())
        if (index, n) not in self._sequences:
            entropy = [*self.entropy, *([index] if index else [])]
            problem = self.problems[index]
            self._sequences[index, n] = propose_sequence(self.strategy, problem, entropy, n)
        return self._sequences[index, n]

    def _learned(
        self, index: int, number: int, generations: Sequence[Generation]
    ) -> list[Candidate]:
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
            seeds=tuple(
                sorted({b + offset for b in candidate.seeds or [0] for offset in self.seeds})
            ),
            point=point,
            total_params=total_params,
            budget=budget.max_params,
        )


def _both(first: Dimension, second: Dimension) -> Dimension:
    """A dimension that holds the values of two."""
    if isinstance(first, Choice) or isinstance(second, Choice):
        ends = [d.values if isinstance(d, Choice) else (d.low, d.high) for d in (first, second)]
        return Choice(tuple(dict.fromkeys([*ends[0], *ends[1]])))
    low, high = min(first.low, second.low), max(first.high, second.high)
    if isinstance(first, IntRange) and isinstance(second, IntRange):
        return IntRange(int(low), int(high))
    log = getattr(first, "log", False) and getattr(second, "log", False)
    return RealRange(float(low), float(high), log)
