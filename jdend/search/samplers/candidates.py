"""The types that samplers handle: candidates, observations, and the interface of an asker."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from jdend.models import Configuration
from jdend.search.space.budget import Budget
from jdend.study import SearchResult

__all__ = ["Asker", "Candidate", "Candidates", "Observation"]


@dataclass
class Candidate:
    """A configuration that a sampler proposes to train.

    Attributes:
      params: the parameters as drawn, under the names of the space, without `seed`.
      configuration: the configuration that these parameters mean.
      seeds: the values of `seed` that were drawn with them; empty if the space has no `seed`.
    """

    params: Mapping[str, object]
    configuration: Configuration
    seeds: list[int] = field(default_factory=list[int])


@dataclass(frozen=True)
class Candidates:
    """The candidates that a sampler proposes, and how many points of the space it considered.

    Attributes:
      candidates: in the order in which their results will be listed. Several may have the same
        configuration.
      n_over, n_under: how many points of the space were left out as too large and too small. The
        points of a grid are all combinations of its values, those of a random search are shapes.
      n_fit: how many points fit.
      n_same: how many candidates had the configuration of an earlier one. A grid keeps these in
        `candidates`; other samplers drew another in their place.
      asked: how many candidates were asked for; None for all.
    """

    candidates: tuple[Candidate, ...]
    n_over: int
    n_under: int
    n_fit: int
    n_same: int
    asked: int | None = None

    def summary(self, budget: Budget) -> list[str]:
        """How many points were too large, too small or the same, in two or three lines of text."""
        lines = [
            budget.summary(self.n_fit, self.n_over, self.n_under),
            f"{len(self.candidates):,} trials, {self.n_same:,} the same as another",
        ]
        if self.asked is not None and len(self.candidates) < self.asked:
            lines.append(f"asked for {self.asked:,}, but there are no more")
        return lines


@dataclass(frozen=True)
class Observation:
    """A trial of an earlier generation, in the form in which samplers learn from it.

    Attributes:
      params: its parameters as drawn.
      point: its coordinates in the static dimensions.
      result: its result; None if it is not finished yet.
    """

    params: Mapping[str, object]
    point: Mapping[str, object]
    result: SearchResult | None

    @property
    def accuracy(self) -> float | None:
        """Its validation accuracy after its last epoch, mean over seeds; None if it is not finished
        yet, or failed."""
        if self.result is None or self.result.failed is not None:
            return None
        return _finite(self.result.validation_accuracy)

    @property
    def score(self) -> float | None:
        """The same by the search's metric, negative if less of that is better: more is better."""
        if self.result is None or self.result.failed is not None:
            return None
        return _finite(self.result.score)


class Asker(Protocol):
    """The interface of a sampler of points. One is made for each generation, and is told the
    results of the earlier ones when it is made."""

    def ask(self) -> Mapping[str, object]:
        """The next point: a value for each dimension."""
        ...

    def settle(self, point: Mapping[str, object] | None) -> None:
        """Tells what became of the point that `ask` returned last; called once for each point.

        Args:
          point: the coordinates of the trial that will be trained in its place. They may be those
            of that point, of the nearest point that fits the budget, or of another one that was
            drawn at random. None if nothing is trained, since a trial of that configuration was
            proposed before; then `ask` is called again.
        """
        ...


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
