"""What is searched: a space, the data, the budget, and values for what the space leaves out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from jdend.models import Configuration, Problem, configure
from jdend.search.errors import SearchError, SpaceError
from jdend.search.space.budget import Budget
from jdend.search.space.dimensions import Choice, Space
from jdend.search.space.validation import check_seed

__all__ = ["SearchProblem"]


@dataclass(frozen=True)
class SearchProblem:
    """What is searched.

    Attributes:
      space: the parsed search space.
      problem: the data's features, classes and image shape.
      budget: which parameter counts fit.
      defaults: the values of training's fields that the space leaves out.
    """

    space: Space
    problem: Problem
    budget: Budget
    defaults: Mapping[str, object]

    @property
    def seedless(self) -> "SearchProblem":
        """The same problem without the dimension `seed`: another seed is not another trial."""
        dimensions = {n: d for n, d in self.space.dimensions.items() if n != "seed"}
        return replace(self, space=Space(dimensions))

    @property
    def seeds(self) -> tuple[int, ...]:
        """The distinct values of `seed`; each trial is trained with all of them.

        Raises:
          SpaceError: if `seed` is a range.
        """
        seed = self.space.dimensions.get("seed", Choice(()))
        if not isinstance(seed, Choice):
            raise SpaceError("seed: list its values, or use the random strategy")
        return tuple(dict.fromkeys(check_seed("seed", value) for value in seed.values))

    def check_sums(self, seeds: Sequence[int]) -> None:
        """Raises `SearchError` if a value of `seed`, added to one of `seeds`, is too large."""
        seed = self.space.dimensions.get("seed", Choice((0,)))
        ends = seed.values if isinstance(seed, Choice) else (seed.high,)
        largest = max(check_seed("seed", end) for end in ends) + max(seeds)
        if largest >= 2**32:
            raise SearchError(
                f"a trial's seeds are the space's seed and the search's added, and {largest} is "
                "more than 2**32 - 1: take lower ones"
            )

    def configure(self, params: Mapping[str, object]) -> Configuration:
        """The configuration of drawn parameters; `SpaceError` if they are impossible."""
        try:
            return configure(params, self.problem, self.defaults)
        except ValueError as error:
            raise SpaceError(str(error)) from None
