"""What samplers propose, what they are told, and how they are asked."""

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
    """A proposed trial.

    Attributes:
      params: the parameters as drawn, under the names of the space, without `seed`.
      configuration: the configuration that they describe.
      seeds: values of `seed` that were drawn with them, empty if the space has none.
    """

    params: Mapping[str, object]
    configuration: Configuration
    seeds: list[int] = field(default_factory=list[int])


@dataclass(frozen=True)
class Candidates:
    """What a sampler proposes.

    Attributes:
      candidates: in the order in which their results will be listed. Several may mean the same
        configuration.
      n_over, n_under: how many of the space's points were left out as too large and too small. Of
        a random search, points are shapes; of a grid, all combinations.
      n_fit: how many fit.
      n_same: how many candidates meant the configuration of an earlier one; those of a grid are
        among `candidates`, others were drawn anew.
      asked: how many candidates were asked for; None for all.
    """

    candidates: tuple[Candidate, ...]
    n_over: int
    n_under: int
    n_fit: int
    n_same: int
    asked: int | None = None

    def summary(self, budget: Budget) -> list[str]:
        """How many were over, under or the same, in a line or two."""
        lines = [
            f"{self.n_over:,} over {budget.max_params:,} parameters, {self.n_under:,} under "
            f"{budget.min_params:,}, {self.n_fit:,} fit; {len(self.candidates):,} trials, "
            f"{self.n_same:,} the same as another"
        ]
        if self.asked is not None and len(self.candidates) < self.asked:
            lines.append(f"asked for {self.asked:,}, but there are no more")
        return lines


@dataclass(frozen=True)
class Observation:
    """A trial of an earlier generation, as a sampler is told of it.

    Attributes:
      params: its configuration as drawn.
      point: where it lies in the static dimensions.
      result: its result; None while it is pending.
    """

    params: Mapping[str, object]
    point: Mapping[str, object]
    result: SearchResult | None

    @property
    def accuracy(self) -> float | None:
        """Validation accuracy, mean over seeds, of the last epoch that was trained; None while the
        trial is pending, and if it failed."""
        if self.result is None or self.result.failed is not None:
            return None
        accuracy = self.result.validation_accuracy
        return accuracy if accuracy is not None and math.isfinite(accuracy) else None


class Asker(Protocol):
    """A sampler of points, made anew for each generation, that was told of the earlier ones."""

    def ask(self) -> Mapping[str, object]:
        """The next point: a value for each of the dimensions."""
        ...

    def settle(self, point: Mapping[str, object] | None) -> None:
        """What became of the point that was asked for last, said once for each.

        Args:
          point: where the trial lies that will be trained: there, or nearby, where the budget
            allows one, or elsewhere; None if that trial was proposed before, and another is asked
            for.
        """
        ...
