"""The networks that a searcher may train: its data and settings, what fits, how one is made."""

from collections.abc import Mapping

from flax import nnx

from jdend.data import Dataset
from jdend.models import Configuration, Problem, build, configure, count_params
from jdend.search.driver.data import SearchData
from jdend.search.errors import SpaceError
from jdend.search.options import SearcherOptions
from jdend.search.results import CollectedResults
from jdend.search.space.budget import Budget, estimate_params
from jdend.search.space.validation import check_seed

__all__ = ["NetworksWithinBudget"]


class NetworksWithinBudget(CollectedResults):
    """What a searcher knows of networks before it trains any.

    Args:
      options: all that the searcher is told.

    Attributes:
      budget: which numbers of parameters are allowed.
    """

    def __init__(self, options: SearcherOptions):
        self._options = options
        self.budget = Budget(options.max_params, options.min_param_ratio)
        self.largest_budget = options.max_params
        self._data = SearchData(
            options.dataset,
            subset_size=options.subset_size,
            validation_fraction=options.validation_fraction,
            split_seed=options.split_seed,
            target=options.target,
        )
        self._data.check_classes(options.n_classes)
        self._configure({"architecture": "mlp"})  # which reads nothing but training's fields

    @property
    def problem(self) -> Problem:
        """The data's features, classes and image shape."""
        return self._data.problem

    @property
    def dataset(self) -> Dataset:
        """The whole data set, loaded when first asked for."""
        return self._data.dataset

    def is_valid_config(self, params: Mapping[str, object]) -> bool:
        """Whether a configuration can be built and fits the budget.

        Raises:
          SpaceError: for an unknown parameter, or a value that no data would allow.
        """
        return self._misfit(params) is None

    def create_model(self, params: Mapping[str, object], seed: int | None = None) -> nnx.Module:
        """Builds the untrained network of a configuration.

        Args:
          params: values by parameter.
          seed: of its weights and connectivity; by default that of `params`, or 0.

        Raises:
          SpaceError: for an unknown parameter or an impossible value.
        """
        configuration = self._configure(params)
        seed = check_seed("seed", params.get("seed", 0) if seed is None else seed)
        return build(
            configuration.structure,
            kernel=self._options.kernel,
            rngs=nnx.Rngs(seed),
            **configuration.hyperparameters.wiring(),
        )

    estimate_params = staticmethod(estimate_params)

    def describe(self) -> dict[str, object]:
        """What the record of a search says of data and training, enough to repeat it."""
        return {**self._data.describe(), **self._options.record()}

    def _configure(self, params: Mapping[str, object]) -> Configuration:
        try:
            return configure(params, self.problem, self._options.defaults())
        except ValueError as error:
            raise SpaceError(str(error)) from None

    def _misfit(self, params: Mapping[str, object]) -> str | None:
        """Why a configuration does not fit the data or the budget; None if it does."""
        try:
            configuration = self._configure(params)
        except SpaceError:
            n_inputs, n_features = params.get("n_dendrite_inputs"), self.problem.in_features
            if not isinstance(n_inputs, int) or n_inputs <= n_features:
                raise
            self._configure({**params, "n_dendrite_inputs": 1})
            return f"n_dendrite_inputs={n_inputs}, and the data have {n_features} features"
        count = count_params(configuration.structure)
        if self.budget.fits(count):
            return None
        allowed = f"{self.budget.min_params:,} to {self.budget.max_params:,}"
        return f"it has {count:,} parameters, and {allowed} are allowed"
