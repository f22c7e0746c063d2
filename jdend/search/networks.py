"""The networks that a searcher may train: which of them fit its budget, and how one is built."""

import abc
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np
from flax import nnx
from jaxtyping import Float, Int

from jdend.data import Dataset
from jdend.models import (
    DEFAULTS,
    Configuration,
    Problem,
    TrainedModel,
    build,
    configure,
    count_params,
)
from jdend.search.driver.data import SearchData
from jdend.search.driver.retraining import BestNetwork, lengthened, network_of
from jdend.search.errors import SearchError, SpaceError
from jdend.search.options import SearcherOptions
from jdend.search.results import CollectedResults
from jdend.search.space.budget import Budget
from jdend.search.space.default_space import default_training, left_out
from jdend.search.space.dimensions import Choice, Dimension, Space
from jdend.search.space.parameter_count import dendritic_params, estimate_params
from jdend.search.space.validation import check_seed
from jdend.study import SearchResult, StudyError, validation_note

if TYPE_CHECKING:
    from jdend.report import Observed

__all__ = ["NetworksWithinBudget"]


class NetworksWithinBudget(CollectedResults):
    """The part of a searcher that concerns single networks.

    Args:
      options: all settings of the searcher.

    Attributes:
      budget: which parameter counts are allowed.
    """

    def __init__(self, options: SearcherOptions):
        self._options = options
        self._best = BestNetwork()
        self.budget = Budget(options.max_params, options.min_param_ratio)
        self.largest_budget = options.max_params
        options.budget_of_teachers(options.max_params)  # is checked
        self._data = SearchData(
            options.dataset,
            subset_size=options.subset_size,
            validation_fraction=options.validation_fraction,
            split_seed=options.split_seed,
            folds=options.folds,
            fold_repeats=options.fold_repeats,
            target=options.target,
            drop=options.drop,
            categorical=options.categorical,
            numeric=options.numeric,
            teacher=options.teacher,
            class_weights=options.class_weights,
            task=options.task,
            loss=options.loss,
        )
        self._data.check_classes(options.n_classes)
        self._counted({"architecture": "mlp"})  # checks the settings of training

    @property
    def problem(self) -> Problem:
        """The data's features, classes and image shape."""
        return self._data.problem

    @property
    def n_train(self) -> int:
        """Examples that networks are trained on; validation's are not among them."""
        return self._data.outline.n_train

    @property
    def n_folds(self) -> int:
        """How many networks are trained with each seed: one for each fold, one without folds."""
        return self._data.outline.n_folds

    @property
    def dataset(self) -> Dataset:
        """The whole data set; it is loaded when this is first read."""
        return self._data.dataset

    @property
    def max_params(self) -> int:
        """The largest number of trainable parameters allowed."""
        return self.budget.max_params

    @property
    def min_params(self) -> int:
        """The smallest number of trainable parameters allowed."""
        return self.budget.min_params

    @property
    def min_param_ratio(self) -> float:
        """`min_params` as a share of `max_params`."""
        return self.budget.min_param_ratio

    @property
    def in_dim(self) -> int:
        """The number of the data's features."""
        return self.problem.in_features

    @property
    def n_classes(self) -> int:
        """The number of the data's classes."""
        return self.problem.n_classes

    @property
    def X_train(self) -> Float[np.ndarray, "n F"]:
        """The examples that networks are trained on, normalised; without those held out."""
        return self._normalised(self._data.split.train_x)

    @property
    def y_train(self) -> Int[np.ndarray, "..."] | Float[np.ndarray, " n"]:
        """The classes of `X_train`, `[n]`; of multilabel its labels `[n, K]`, of regression the
        targets."""
        return self._data.split.train_y

    @property
    def X_test(self) -> Float[np.ndarray, "n F"]:
        """The test examples, normalised."""
        return self._normalised(self._data.split.test_x)

    @property
    def y_test(self) -> Int[np.ndarray, "..."] | Float[np.ndarray, " n"]:
        """The same of `X_test`."""
        return self._data.split.test_y

    @property
    def n_epochs(self) -> int:
        """The number of epochs, unless the space has them."""
        return self._setting("n_epochs")

    @property
    def lr(self) -> float:
        """The learning rate, unless the space has one."""
        return self._setting("lr")

    @property
    def weight_decay(self) -> float:
        """The weight decay, unless the space has one."""
        return self._setting("weight_decay")

    @property
    def batch_size(self) -> int:
        """The number of examples in a batch, unless the space has one."""
        return self._setting("batch_size")

    @property
    def subset_size(self) -> int | None:
        """The number of training examples that are used; None for all."""
        return self._options.subset_size

    @property
    def verbose(self) -> bool:
        """Whether the progress of searches is shown on stderr."""
        return self._options.verbose

    def is_valid_config(self, params: Mapping[str, object]) -> bool:
        """Whether a configuration can be built and fits the budget.

        Raises:
          SpaceError: if a parameter is unknown, or a value impossible with any data.
        """
        return self._misfit(params) is None

    @overload
    def create_model(
        self, params: Mapping[str, object], seed: int | None = None, *, counted: Literal[True]
    ) -> tuple[nnx.Module, int]: ...
    @overload
    def create_model(
        self,
        params: Mapping[str, object],
        seed: int | None = None,
        *,
        counted: Literal[False] = False,
    ) -> nnx.Module: ...
    def create_model(
        self, params: Mapping[str, object], seed: int | None = None, *, counted: bool = False
    ) -> nnx.Module | tuple[nnx.Module, int]:
        """Builds the untrained network of a configuration.

        Args:
          params: a value for each parameter.
          seed: the seed of its weights and connectivity; by default that in `params`, or 0.
          counted: whether to return the number of its trainable parameters as well.

        Raises:
          SpaceError: if a parameter is unknown or a value impossible.
        """
        configuration = self._configure(params)
        seed = check_seed("seed", params.get("seed", 0) if seed is None else seed)
        model = build(
            configuration.structure,
            kernel=self._options.kernel,
            rngs=nnx.Rngs(seed),
            **configuration.hyperparameters.wiring(),
        )
        return (model, count_params(configuration.structure)) if counted else model

    estimate_params = staticmethod(estimate_params)

    def calculate_dendritic_params(
        self,
        in_dim: int,
        n_neurons: int,
        n_dendrites: int,
        n_dendrite_inputs: int,
        soma_enabled: bool = True,
        additional_layers: Sequence[tuple[int, int]] | None = None,
    ) -> int:
        """The number of trainable parameters of a dendritic layer and the linear layers after it.

        Args:
          in_dim: the number of the data's features; it does not matter.
          n_neurons, n_dendrites, n_dendrite_inputs, soma_enabled: of the dendritic layer.
          additional_layers: `(inputs, outputs)` of each linear layer; inputs of -1 mean the outputs
            of the layer before. By default there is one layer, to the data's classes.
        """
        return dendritic_params(
            n_neurons,
            n_dendrites,
            n_dendrite_inputs,
            soma_enabled,
            additional_layers or [(-1, self.n_classes)],
        )

    def best_model(
        self,
        result: SearchResult | None = None,
        *,
        on_epoch: Callable[[int, nnx.Module], None] | None = None,
        again: bool = False,
    ) -> TrainedModel:
        """The network of a result, by default the best, with its weights.

        It is the network that was trained with the best of the result's seeds; see
        `jdend.search.driver.retraining.network_of`. `jdend.save` saves it.

        Args:
          result: the result; None for the best.
          on_epoch: called with the number of epochs done, from 0, and the network as it was then.
          again: whether to train it again in any case. Otherwise only what was not kept is: the
            network of the best result is, where this process trained it on one device and without
            folds. The two are equal up to the order of floating-point summation.

        Raises:
          SearchError: if there are no results, or training fails.
          StudyError: if there is no validation accuracy to rank by.
        """
        self._teach()
        if result is None:
            result = next(iter(self.get_best_results(1)), None)
        if result is None:
            raise SearchError("there are no results yet: search first")
        return network_of(
            result,
            self._configuration_of(result),
            self._data.split,
            kernel=self._options.kernel,
            precision=self._options.precision,
            on_epoch=on_epoch,
            kept=None if again else self._best.networks,
        )

    @property
    def keeps_best(self) -> bool:
        """Whether the best network was kept as it was trained, so that `best_model` need not train
        it again."""
        try:
            best = next(iter(self.get_best_results(1)), None)
        except StudyError:  # nothing was held out
            return False
        kept = self._best.networks
        return best is not None and kept.has(self._configuration_of(best), best.best_seed)

    def observed_best(self) -> "Observed":
        """The best network as it was before training and after each epoch, for a report.

        Raises: as `best_model`.
        """
        from jdend.report import Observed

        observed = Observed(self.problem.in_features, trained_again=not self.keeps_best)
        observed.model = self.best_model(on_epoch=observed.note)
        return observed

    def _observed(self) -> "Observed | None":
        return self.observed_best() if self.keeps_best else None

    def _configuration_of(self, result: SearchResult) -> Configuration:
        return self._configure(lengthened(result.params, None))

    @abc.abstractmethod
    def _teach(self) -> None:
        """Finds the teachers if the searcher has none yet and finds its own."""

    def describe(self) -> dict[str, object]:
        """The settings of data and training for the record of a search, enough to repeat it."""
        return {**self._data.describe(), **self._options.record()}

    def _validation_note(self) -> str:
        return validation_note(self.results, self._data.describe())

    def _left_out(
        self, space: Space, budget: int, *, sizes: str, seconds: float | None = None
    ) -> dict[str, Dimension]:
        """What a space does not say, as `left_out`; the toolkit's defaults need not be said."""
        if self._options.defaults == "toolkit":
            return {}
        training = default_training(budget, self.n_train, seconds) | self._options.training()
        return left_out(space, budget, self.problem, training, sizes=sizes)

    def _completed(self, params: Mapping[str, object]) -> dict[str, object]:
        """Parameters with the hyperparameters that they leave out; sizes stay left out."""
        given: dict[str, Dimension] = {
            name: Choice((value,))  # pyright: ignore[reportArgumentType]
            for name, value in params.items()
            if value is not None and name != "seed"
        }
        added = self._left_out(Space(given), self.budget.max_params, sizes="none")
        return {**{n: d.values[0] for n, d in added.items() if isinstance(d, Choice)}, **params}

    def _setting(self, name: str) -> Any:
        """What networks are trained with where neither space nor settings say it."""
        return (DEFAULTS | self._options.training() | self._completed({}))[name]

    def _configure(self, params: Mapping[str, object]) -> Configuration:
        return self._counted(self._completed(params))

    def _counted(self, params: Mapping[str, object]) -> Configuration:
        """A configuration of which only the structure matters."""
        try:
            return configure(params, self.problem, self._options.training())
        except ValueError as error:
            raise SpaceError(str(error)) from None

    def _normalised(self, pixels: np.ndarray) -> Float[np.ndarray, "n F"]:
        split = self._data.split
        return (pixels.astype(np.float32) - split.offset) * split.scale

    def _misfit(self, params: Mapping[str, object]) -> str | None:
        """Why a configuration does not fit the data or the budget; None if it does."""
        try:
            configuration = self._counted(params)
        except SpaceError:
            n_inputs, n_features = params.get("n_dendrite_inputs"), self.problem.in_features
            if not isinstance(n_inputs, int) or n_inputs <= n_features:
                raise
            self._counted({**params, "n_dendrite_inputs": 1})
            return f"n_dendrite_inputs={n_inputs}, and the data have {n_features} features"
        count = count_params(configuration.structure)
        if self.budget.fits(count):
            return None
        allowed = f"{self.budget.min_params:,} to {self.budget.max_params:,}"
        return f"it has {count:,} parameters, and {allowed} are allowed"
