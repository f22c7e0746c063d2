"""Strategies by name: what each needs and does, and what makes it propose.

Nothing heavy is imported before a strategy proposes, so that the command line's help has the names.
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
    """A function that proposes trials by itself."""

    def __call__(
        self, problem: "SearchProblem", rng: "np.random.Generator", n_trials: int | None, /
    ) -> "Candidates":
        """The first `n_trials` candidates of a sequence that `rng` fixes, all of which fit; None
        for all there are."""
        ...


class MakesAsker(Protocol):
    """A function, or a class, that makes a sampler of points."""

    def __call__(
        self,
        dimensions: "Mapping[str, Dimension]",
        observations: "Sequence[Observation]",
        *,
        seed: int,
        size: int,
    ) -> "Asker":
        """An asker that was told of earlier generations.

        Args:
          dimensions: by name, in which points lie; see `jdend.search.space.encoding`.
          observations: the trials of earlier generations, in order; none if it does not learn.
          seed: of all its randomness.
          size: trials of a generation.
        """
        ...


@dataclass(frozen=True)
class Strategy:
    """A way to search.

    It proposes in one of two ways. An `asker` gives points of static dimensions; jdend moves them
    to configurations that fit the budget and were not proposed before. A function `propose` gives
    the trials themselves.

    Attributes:
      name: what the command line and records call it.
      asker: makes what is asked for points.
      propose: proposes trials; instead of `asker`.
      learns: whether it is told results. A strategy that learns is asked for one generation at a
        time; one that does not is a sequence that the study's seed fixes, and generations are its
        slices.
      objectives: the fields of `SearchResult` that it is after.
      may_stop_early: whether a pruner may stop its trials early.
      default_pruner: the name of the pruner that it goes with where nobody names one.
      n_initial: how many trials are drawn at random and finished before a strategy that learns is
        asked; None for as many as a generation has.
      lists_all: whether it comes to an end by itself, so that it needs no number of trials.
      in_space: whether its trials lie in the space that is searched, and so have points there.
      needs: modules that have to be installed.
      install: the command that installs them.

    Raises:
      SearchError: for what does not go together.
    """

    name: str
    _: KW_ONLY
    asker: MakesAsker | None = None
    propose: Proposes | None = None
    learns: bool = False
    objectives: tuple[str, ...] = ("validation_accuracy",)
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
        """Raises `SearchError` if what it needs is not installed."""
        missing = [name for name in self.needs if importlib.util.find_spec(name) is None]
        if missing:
            how = self.install or f"pip install {' '.join(missing)}"
            raise SearchError(
                f"strategy {self.name!r} needs {' and '.join(missing)}: {how}, or take 'tpe'"
            )


_STRATEGIES: dict[str, Strategy] = {}


def register_strategy(strategy: Strategy) -> Strategy:
    """Makes a strategy known by its name, to `optimize` and to `--strategy`; returns it.

    Registering a name again replaces it.
    """
    _STRATEGIES[strategy.name] = strategy
    return strategy


def strategies() -> tuple[str, ...]:
    """The names of all registered strategies."""
    return tuple(_STRATEGIES)


def find_strategy(strategy: object) -> Strategy:
    """The strategy of that name, or the strategy itself.

    Raises:
      SearchError: if there is none of that name, or what it needs is not installed.
    """
    if not isinstance(strategy, Strategy):
        if strategy not in _STRATEGIES:
            raise SearchError(f"unknown strategy {strategy!r}{did_you_mean(strategy, _STRATEGIES)}")
        strategy = _STRATEGIES[str(strategy)]
    strategy.check_installed()
    return strategy


def _lazily(module: str, name: str) -> Callable[..., Any]:
    """A function of a module of samplers, which is imported when it is called."""

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
        objectives=("validation_accuracy", "total_params"),
        may_stop_early=False,
        n_initial=None,
    )
)
