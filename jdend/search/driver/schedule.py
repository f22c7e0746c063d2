"""A search as a sequence of generations: what each consists of, for one budget or several."""

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from jdend._messages import did_you_mean
from jdend.models import Configuration, count_params
from jdend.search.errors import SearchError
from jdend.search.planning.population import Trial
from jdend.search.pruners import Bracket, Rungs, brackets
from jdend.search.samplers.candidates import Candidate, Candidates, Observation
from jdend.search.samplers.grid_and_random import check_trials
from jdend.search.samplers.registry import ADAPTIVE, check_strategy, learned, sequence
from jdend.search.space.dimensions import Choice, Dimension, IntRange, RealRange
from jdend.search.space.encoding import Encoding
from jdend.search.space.problem import SearchProblem
from jdend.study import Generation, ProposedTrial

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

__all__ = [
    "LARGEST_GENERATION",
    "PRUNERS",
    "SMALLEST_WITH_RUNGS",
    "Schedule",
    "default_generation",
    "default_pruner",
]

PRUNERS = ("none", "halving", "hyperband")

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


def default_pruner(strategy: str) -> str:
    """What stops weak trials where nobody says: halving where the strategy learns one objective,
    since together they find the best networks (docs/search.md)."""
    return "halving" if strategy in ADAPTIVE and strategy != "nsga2" else "none"


def default_generation(strategy: str, n_trials: int | None, pruner: str = "none") -> int:
    """Trials a generation where nobody says: few where the strategy learns from them."""
    most = LARGEST_GENERATION if n_trials is None else max(1, min(n_trials, LARGEST_GENERATION))
    if strategy not in ADAPTIVE:
        return most
    least = SMALLEST_GENERATION if pruner == "none" else SMALLEST_WITH_RUNGS
    return min(most, max(least, math.ceil((n_trials or 0) / N_GENERATIONS)))


@dataclass(frozen=True)
class Schedule:
    """What a study consists of, generation by generation.

    Each generation holds trials of every budget. What it holds follows from the arguments, its
    number and the results of those that are finished.

    Attributes:
      questions: one a budget.
      strategy: one of `jdend.search.samplers.registry.STRATEGIES`.
      entropy: the study's seed.
      seeds: with which trials are trained; of a trial with seeds of its own, counted from these.
      n_trials: of each budget; None for no end, or of a grid for all.
      generation: trials of each budget a generation.
      pruner: one of `PRUNERS`.
      given: trials in place of those of a strategy; `strategy` is but their name then.

    Raises:
      SearchError: for an argument that is not allowed.
    """

    questions: tuple[SearchProblem, ...]
    strategy: str
    entropy: tuple[int, ...]
    seeds: tuple[int, ...] = (0,)
    n_trials: int | None = None
    generation: int = LARGEST_GENERATION
    pruner: str = "none"
    given: Candidates | None = None
    _sequences: dict[tuple[int, int | None], Candidates] = field(
        default_factory=dict[tuple[int, int | None], Candidates],
        init=False,
        repr=False,
        compare=False,
    )

    def __post_init__(self):
        if self.given is None:
            check_strategy(self.strategy)
        check_trials("n_trials", self.n_trials, none_allowed=True)
        check_trials("generation", self.generation)
        if self.pruner not in PRUNERS:
            raise SearchError(f"unknown pruner {self.pruner!r}{did_you_mean(self.pruner, PRUNERS)}")
        if self.pruner != "none" and self.strategy == "nsga2":
            raise SearchError(
                "nsga2 has two objectives, and trials are stopped by one: take pruner 'none', or "
                "strategy 'tpe'"
            )

    def check_held_out(self, fraction: object) -> None:
        """Raises `SearchError` if it chooses by examples held out, and that is no share of them."""
        chooser = self.strategy if self.learns else self.pruner
        if chooser != "none" and fraction == 0:
            raise SearchError(
                f"{chooser!r} chooses by validation accuracy, and no examples are held out: give "
                "a validation_fraction above 0"
            )

    @property
    def learns(self) -> bool:
        """Whether what a generation holds depends on the results of others."""
        return self.given is None and self.strategy in ADAPTIVE

    @functools.cached_property
    def n_generations(self) -> int | None:
        """How many there are at most; None for no end."""
        if self.learns:
            return None if self.n_trials is None else math.ceil(self.n_trials / self.generation)
        if self.n_trials is None and self.given is None and self.strategy != "grid":
            return None
        longest = max(len(self._sequence(i, 0).candidates) for i in range(len(self.questions)))
        return max(1, math.ceil(longest / self.generation))

    @property
    def most_trials(self) -> int | None:
        """How many trials there are at most, of all budgets; None for no end."""
        if self.n_generations is None:
            return None
        if self.learns:
            return None if self.n_trials is None else self.n_trials * len(self.questions)
        return sum(len(self._sequence(i, 0).candidates) for i in range(len(self.questions)))

    def describe(self) -> dict[str, object]:
        """What its record says of it, in plain values: all that its proposals follow from."""
        spaces = {str(q.budget.max_params): q.space.to_dict() for q in self.questions}
        several = len(spaces) > 1
        return {
            "strategy": self.strategy,
            "space": spaces if several else self.questions[0].space.to_dict(),
            **({"budgets": [q.budget.max_params for q in self.questions]} if several else {}),
            "search_entropy": list(self.entropy),
            "generation": self.generation,
            "pruner": self.pruner,
        }

    def summary(self) -> list[str]:
        """What fits each budget and what of it will be trained, in a line or two for each."""
        lines: list[str] = []
        for index, question in enumerate(self.questions):
            if not self.learns and self.n_generations is not None:
                lines += self._sequence(index, 0).summary(question.budget)
                continue
            found = self._coordinates[index] if self.learns else self._sequence(index, 0)
            lines.append(
                f"{found.n_over:,} over {question.budget.max_params:,} parameters, "
                f"{found.n_under:,} under {question.budget.min_params:,}, {found.n_fit:,} fit; "
                f"{self.strategy}, {self.generation:,} trials a generation"
            )
        return lines

    def propose(self, number: int, generations: Sequence[Generation]) -> list[ProposedTrial]:
        """The trials of a generation; none if the space holds no more.

        Args:
          number: of the generation.
          generations: those that were begun; what is not finished is pending.
        """
        proposed: list[ProposedTrial] = []
        for index in range(len(self.questions)):
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
        return self.questions[0].configure(params)

    def trial(self, proposed: ProposedTrial) -> Trial:
        """What is trained."""
        return Trial(self.configure(proposed), proposed.seeds)

    def rungs(self, proposed: Sequence[ProposedTrial]) -> Rungs | None:
        """When weak trials of a generation are stopped; None if none ever is.

        Positions are among the generation's different trials. Trials of different budgets are
        ranked apart.
        """
        if self.pruner == "none":
            return None
        budgets = {self.trial(p): p.budget for p in proposed}
        trials = list(budgets)
        n_epochs = [trial.configuration.hyperparameters.n_epochs for trial in trials]
        of_generation: list[Bracket] = []
        for budget in dict.fromkeys(budgets.values()):
            members = [i for i, trial in enumerate(trials) if budgets[trial] == budget]
            longest = max(n_epochs[i] for i in members)
            of_generation += brackets(self.pruner, members, longest)
        return Rungs(of_generation, n_epochs)

    @functools.cached_property
    def sample(self) -> list[Trial]:
        """Trials such as the generations will consist of, up to `SAMPLE` of each budget; the same
        whatever was trained."""
        proposed: list[ProposedTrial] = []
        for index, question in enumerate(self.questions):
            if self.learns or self.n_generations is None:
                candidates = sequence("random", question, self.entropy, SAMPLE).candidates
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
        objectives = ("validation_accuracy", "total_params")
        return objectives[: 2 if self.strategy == "nsga2" else 1]

    def distributions(self) -> "dict[str, BaseDistribution]":
        """Optuna's distributions of the dimensions in which proposed trials have points."""
        from jdend.search.samplers.optuna_samplers import distributions

        return {} if self.given else distributions(self.dimensions)

    @functools.cached_property
    def dimensions(self) -> dict[str, Dimension]:
        """The static dimensions of the points of all budgets."""
        merged: dict[str, Dimension] = {}
        for coordinates in self._coordinates:
            for name, dimension in coordinates.dimensions.items():
                known = merged.get(name)
                merged[name] = dimension if known is None else _both(known, dimension)
        return merged

    @functools.cached_property
    def _coordinates(self) -> list[Encoding]:
        return [Encoding(question) for question in self.questions]

    def _sequence(self, index: int, number: int) -> Candidates:
        """The trials of one budget, up to those of the generation at least."""
        if self.given is not None:
            return self.given
        n = self.n_trials
        if n is None and self.strategy != "grid":
            # Twice as many each time it is too short, so that a long search draws few times.
            n = self.generation << (number.bit_length())
        if (index, n) not in self._sequences:
            entropy = [*self.entropy, *([index] if index else [])]
            question = self.questions[index]
            self._sequences[index, n] = sequence(self.strategy, question, entropy, n)
        return self._sequences[index, n]

    def _learned(
        self, index: int, number: int, generations: Sequence[Generation]
    ) -> list[Candidate]:
        question, encoding = self.questions[index], self._coordinates[index]
        known = [
            Observation(
                proposed.params,
                encoding.own_names(proposed.point),
                g.results[i] if g.results else None,
            )
            for g in generations
            for i, proposed in enumerate(g.trials)
            if proposed.budget == question.budget.max_params and g.number != number
        ]
        n = self.generation
        if self.n_trials is not None:
            n = min(n, self.n_trials - number * self.generation)
        entropy = [*self.entropy, number, index]
        return learned(self.strategy, question, encoding, entropy, n, known)

    def _proposed(self, candidate: Candidate, index: int) -> ProposedTrial:
        params: dict[str, object] = dict(candidate.params)
        point = self._coordinates[index].point(params) if self.given is None else {}
        if len(candidate.seeds) == 1:
            params["seed"] = candidate.seeds[0]
        return ProposedTrial(
            params=params,
            seeds=tuple(
                sorted({b + offset for b in candidate.seeds or [0] for offset in self.seeds})
            ),
            point=point,
            total_params=count_params(candidate.configuration.structure),
            budget=self.questions[index].budget.max_params,
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
