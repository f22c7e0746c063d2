"""What samplers propose, what they are told, and how they are asked."""

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
      params: as drawn, under the names of the space, `seed` left out.
      configuration: what they mean.
      seeds: values of `seed` that were drawn with them, empty if the space has none.
    """

    params: Mapping[str, object]
    configuration: Configuration
    seeds: list[int] = field(default_factory=list)


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
    """A trial of an earlier generation.

    Attributes:
      params: its configuration as drawn.
      point: where it lies in the static dimensions.
      result: what came of it, None while it is pending.
    """

    params: Mapping[str, object]
    point: Mapping[str, object]
    result: SearchResult | None


class Asker(Protocol):
    """A sampler of points that has been told what is known."""

    def ask(self) -> dict[str, object]:
        """The next point; the sampler takes it for pending."""
        ...

    def replace(self, point: Mapping[str, object]) -> None:
        """Corrects the last point to the one that will be trained in its place."""
        ...

    def drop(self) -> None:
        """Takes the last point back."""
        ...
