"""The strategies: what each needs, what it does, and how it proposes trials.

The command line's help shows their names, so nothing heavy is imported until one proposes.
"""

import importlib
import importlib.util
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any, Protocol

from jdend._messages import did_you_mean
from jdend.search.errors import SearchError

if TYPE_CHECKING:
    import numpy as np

    from jdend.search.samplers.candidates import Asker, Candidates, Observation
    from jdend.search.space.dimensions import Dimension
    from jdend.search.space.problem import SearchProblem

__all__ = [
    "MakesAsker",
    "Proposes",
    "Strategy",
    "find_strategy",
    "register_strategy",
    "strategies",
]


class Proposes(Protocol):
    """The interface of a function that proposes trials."""

    def __call__(
        self, problem: "SearchProblem", rng: "np.random.Generator", n_trials: int | None, /
    ) -> "Candidates":
        """The first `n_trials` candidates, or all if None, of a sequence that `rng` fixes. All of
        them fit the budget."""
        ...


class MakesAsker(Protocol):
    """The interface of a function or class that makes an asker."""

    def __call__(
        self,
        dimensions: "Mapping[str, Dimension]",
        observations: "Sequence[Observation]",
        *,
        seed: int,
        size: int,
    ) -> "Asker":
        """An asker that is told the trials of earlier generations.

        Args:
          dimensions: the dimensions of points, by name; see `jdend.search.space.encoding`.
          observations: the trials of earlier generations, in order; empty if it does not learn.
          seed: fixes all its randomness.
          size: the number of trials in a generation.
        """
        ...


@dataclass(frozen=True)
class Strategy:
    """A way to search: what proposes configurations, and what it learns from.

    A strategy has either an `asker` or a function `propose`. An asker gives points of the static
    dimensions, and jdend turns them into configurations that fit the budget and were not proposed
    before. A function `propose` gives the candidates themselves.

    Attributes:
      name: its name on the command line and in records.
      asker: makes an asker for each generation.
      propose: proposes candidates; instead of `asker`.
      learns: whether it learns from results. A strategy that learns is asked for one generation at
        a time. One that does not is a sequence that the study's seed fixes, and generations are
        slices of it.
      objectives: the attributes of `SearchResult` that it optimizes; `score` is the figure by the
        search's metric, validation accuracy unless another is given.
      may_stop_early: whether a pruner may stop its trials early.
      default_pruner: the name of its pruner, if the user gives none.
      n_initial: how many trials are drawn at random and finished before a strategy that learns is
        asked; None for the size of a generation.
      lists_all: whether its sequence is finite, so that it can do without a number of trials.
      in_space: whether its candidates lie in the search space, so that they have points there.
      needs: the modules that it needs, which may not be installed.
      install: the command that installs them.

    Raises:
      SearchError: if these attributes contradict each other.
    """

    name: str
    _: KW_ONLY
    asker: MakesAsker | None = None
    propose: Proposes | None = None
    learns: bool = False
    objectives: tuple[str, ...] = ("score",)
    may_stop_early: bool = True
    default_pruner: str = "none"
    n_initial: int | None = 10
    lists_all: bool = False
    in_space: bool = True
    needs: tuple[str, ...] = ()
    install: str = ""

    def __post_init__(self):
        if (self.asker is None) == (self.propose is None):
            raise SearchError(f"strategy {self.name!r} needs an asker or a function propose")
        if self.learns and self.asker is None:
            raise SearchError(
                f"strategy {self.name!r} learns: give an asker, which is told results"
            )
        if self.may_stop_early and len(self.objectives) > 1:
            raise SearchError(
                f"strategy {self.name!r} has {len(self.objectives)} objectives, and trials are "
                "stopped by one: give may_stop_early=False"
            )

    def check_installed(self) -> None:
        """Raises `SearchError` if a module that it needs is not installed."""
        missing = [name for name in self.needs if importlib.util.find_spec(name) is None]
        if missing:
            how = self.install or f"pip install {' '.join(missing)}"
            raise SearchError(
                f"strategy {self.name!r} needs {' and '.join(missing)}: {how}, or take 'tpe'"
            )


_STRATEGIES: dict[str, Strategy] = {}


def register_strategy(strategy: Strategy) -> Strategy:
    """Adds a strategy to those that `optimize` and `--strategy` find by name; returns it.

    If the name was registered before, the new strategy replaces the old one.
    """
    _STRATEGIES[strategy.name] = strategy
    return strategy


def strategies() -> tuple[str, ...]:
    """The names of all registered strategies."""
    return tuple(_STRATEGIES)


def find_strategy(strategy: object) -> Strategy:
    """The registered strategy of this name; a `Strategy` is returned unchanged.

    Raises:
      SearchError: if the name is not registered, or a module that the strategy needs is not
        installed.
    """
    if not isinstance(strategy, Strategy):
        if strategy not in _STRATEGIES:
            raise SearchError(f"unknown strategy {strategy!r}{did_you_mean(strategy, _STRATEGIES)}")
        strategy = _STRATEGIES[str(strategy)]
    strategy.check_installed()
    return strategy


def _lazily(module: str, name: str) -> Callable[..., Any]:
    """A function of a module of samplers; the module is imported when the function is called."""

    def call(*args: object, **options: object) -> object:
        samplers = importlib.import_module(f"jdend.search.samplers.{module}")
        return getattr(samplers, name)(*args, **options)

    return call


register_strategy(Strategy("grid", propose=_lazily("grid_and_random", "grid"), lists_all=True))
register_strategy(Strategy("random", propose=_lazily("grid_and_random", "random")))
register_strategy(Strategy("mixed", propose=_lazily("grid_and_random", "mixed")))
register_strategy(Strategy("qmc", asker=_lazily("optuna_samplers", "qmc")))
register_strategy(
    Strategy(
        "tpe",
        asker=_lazily("optuna_samplers", "tpe"),
        learns=True,
        default_pruner="halving",  # together they find the best networks (docs/search.md)
    )
)
register_strategy(
    Strategy(
        "gp",
        asker=_lazily("optuna_samplers", "gp"),
        learns=True,
        default_pruner="halving",
        needs=("torch", "scipy", "greenlet"),
        install="pip install 'jdend[gp]'",
    )
)
register_strategy(
    Strategy(
        "nsga2",
        asker=_lazily("optuna_samplers", "nsga2"),
        learns=True,
        objectives=("score", "total_params"),
        may_stop_early=False,
        n_initial=None,
    )
)
