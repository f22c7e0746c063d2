"""The generations of a study: which are proposed, and their results.

    claim → (propose → begin) → train → finish

A generation's trials are stored before it is trained, so that an interrupted generation is trained
again as it was. Results are stored once, by `finish`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from jdend.study._result import SearchResult

__all__ = ["Claim", "Generation", "Ledger", "MemoryLedger", "ProposedTrial"]


@dataclass(frozen=True)
class ProposedTrial:
    """A trial before it is trained.

    Attributes:
      params: the configuration as drawn, under the names of the search space, in plain JSON values;
        they become `SearchResult.params`.
      seeds: the seeds that it will be trained with.
      point: its coordinates in the study's static dimensions, which samplers learn from: `params`
        with `fill` in place of the derived size.
      total_params: the number of trainable parameters.
      budget: the budget that it was drawn for.
    """

    params: Mapping[str, object]
    seeds: tuple[int, ...]
    point: Mapping[str, object] = field(default_factory=dict[str, object])
    total_params: int = 0
    budget: int = 0


@dataclass(frozen=True)
class Generation:
    """Trials that are proposed, trained and stored together.

    Attributes:
      number: from 0.
      trials: its trials.
      results: one result for each trial, in order; None until the generation is finished.
    """

    number: int
    trials: tuple[ProposedTrial, ...]
    results: tuple[SearchResult, ...] | None = None


@dataclass(frozen=True)
class Claim:
    """A generation that is to be trained.

    Attributes:
      number: the number of the generation.
      trials: its trials, if an earlier process stored them; None if it is to be proposed.
    """

    number: int
    trials: tuple[ProposedTrial, ...] | None


class Ledger(Protocol):
    """The interface of what stores the generations of a search."""

    def claim(self, n_generations: int) -> Claim | None:
        """The lowest generation below `n_generations` that is not finished; None if all are."""
        ...

    def begin(self, number: int, proposed: Sequence[ProposedTrial]) -> None:
        """Stores the trials of a claimed generation, before they are trained."""
        ...

    def finish(self, number: int, results: Sequence[SearchResult]) -> None:
        """Stores the generation's results, all or none."""
        ...

    def generations(self) -> list[Generation]:
        """The generations that were begun, in order."""
        ...

    def release(self) -> None:
        """Lets another process search in the study."""
        ...


class MemoryLedger:
    """Holds the generations of a search by one process, without storing them."""

    def __init__(self):
        self._generations: dict[int, Generation] = {}

    def claim(self, n_generations: int) -> Claim | None:
        for number in range(n_generations):
            generation = self._generations.get(number)
            if generation is None:
                return Claim(number, None)
            if generation.results is None:
                return Claim(number, generation.trials)
        return None

    def begin(self, number: int, proposed: Sequence[ProposedTrial]) -> None:
        self._generations[number] = Generation(number, tuple(proposed))

    def finish(self, number: int, results: Sequence[SearchResult]) -> None:
        self._generations[number] = Generation(
            number, self._generations[number].trials, tuple(results)
        )

    def generations(self) -> list[Generation]:
        return [self._generations[number] for number in sorted(self._generations)]

    def release(self) -> None:
        pass
