"""The generations of a study: which are proposed, in whose hands, and what came of them.

    claim → (propose → begin) → train → finish

A generation's trials are kept before it is trained, so that one that was cut off runs again as it
was. Figures enter once, by `finish`.
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
        what `SearchResult.params` will be.
      seeds: with which it will be trained.
      point: its coordinates in the study's static dimensions, what a sampler learns from: `params`
        with `fill` in place of the derived size.
      total_params: trainable parameters.
      budget: the budget that it was drawn for.
    """

    params: Mapping[str, object]
    seeds: tuple[int, ...]
    point: Mapping[str, object] = field(default_factory=dict)
    total_params: int = 0
    budget: int = 0


@dataclass(frozen=True)
class Generation:
    """Trials that are proposed, trained and kept together.

    Attributes:
      number: from 0.
      trials: its trials.
      results: one a trial, in order; None while it is not finished.
    """

    number: int
    trials: tuple[ProposedTrial, ...]
    results: tuple[SearchResult, ...] | None = None


@dataclass(frozen=True)
class Claim:
    """A generation that this process, and no other, may train now.

    Attributes:
      number: of the generation.
      trials: its trials if they were kept by an earlier holder; None if it is to be proposed.
    """

    number: int
    trials: tuple[ProposedTrial, ...] | None


class Ledger(Protocol):
    """What a search needs of whatever keeps its generations."""

    def claim(self, n_generations: int) -> Claim | None:
        """The lowest generation below `n_generations` that is neither finished nor held.

        Waits while all that are left are held by others; None when all are finished.
        """
        ...

    def begin(self, number: int, proposed: Sequence[ProposedTrial]) -> None:
        """Keeps a claimed generation's trials, before they are trained."""
        ...

    def finish(self, number: int, results: Sequence[SearchResult]) -> None:
        """Keeps its results, all or none, and gives the claim back."""
        ...

    def generations(self) -> list[Generation]:
        """All that were begun, by number."""
        ...

    def release(self) -> None:
        """Gives back a claim that will not be finished, so that another worker can have it."""
        ...


class MemoryLedger:
    """Generations of a search that nobody else takes part in and that is not kept."""

    def __init__(self):
        self._generations: dict[int, Generation] = {}

    def claim(self, n_generations: int) -> Claim | None:
        for number in range(n_generations):
            known = self._generations.get(number)
            if known is None:
                return Claim(number, None)
            if known.results is None:
                return Claim(number, known.trials)
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
