"""The best network: kept as the search trained it, or trained again to have its weights, or with
fresh seeds to see whether its figures hold."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from flax import nnx

from jdend._phases import phase
from jdend.data import Split
from jdend.models import Configuration, TrainedModel
from jdend.search.errors import SearchError
from jdend.search.planning.population import Trial
from jdend.search.space.validation import parse_seeds
from jdend.study import SearchResult, StudyError, rank
from jdend.training import KeptNetworks, train_model

__all__ = ["BestNetwork", "fresh_seeds", "lengthened", "network_of"]


class BestNetwork:
    """The best network of the searches so far, as it was before training and after each epoch.

    Attributes:
      networks: keeps those of the generation that trains, and then the best one alone.
    """

    def __init__(self):
        self.networks = KeptNetworks()
        self._best: list[tuple[SearchResult, Trial]] = []

    def choose(self, results: Sequence[SearchResult], trials: Sequence[Trial]) -> None:
        """Lets go of all networks but the best.

        Args:
          results: those of the generation just done; none to let go of what is not done.
          trials: the trials that they are of, in their order.
        """
        known = [*self._best, *zip(results, trials, strict=True)]
        try:
            best = rank(result for result, _ in known)[:1]
        except StudyError:  # nothing was held out
            best = []
        self._best = [next(one for one in known if one[0] is result) for result in best]
        self.networks.keep_only(*((t.configuration, r.best_seed) for r, t in self._best))


def network_of(
    result: SearchResult,
    configuration: Configuration,
    data: Split,
    *,
    kernel: str = "auto",
    precision: str = "float32",
    on_epoch: Callable[[int, nnx.Module], None] | None = None,
    kept: KeptNetworks | None = None,
) -> TrainedModel:
    """The network of a result's configuration with the best of its seeds; it is trained again,
    unless it was kept.

    A search stores figures and no weights, but training can be repeated exactly. The seed is chosen
    by the result's score, so the validation figures of this network are too good; its test figures
    are not. The means over all seeds are in its `origin`. Of a search with folds it is trained with
    all training examples, of which none are then left to validate it.

    Raises:
      SearchError: if training diverges, the batch is larger than the training part, or the device
        lacks the precision.
    """
    seed = result.best_seed
    if kept is not None and kept.has(configuration, seed):
        model = kept.model(configuration, seed, data, kernel=kernel, on_epoch=on_epoch)
    else:
        try:
            with phase("training the best again"):
                model = train_model(
                    configuration,
                    seed,
                    data,
                    kernel=kernel,
                    precision=precision,
                    on_epoch=on_epoch,
                )
        except ValueError as error:
            raise SearchError(f"the network cannot be trained again: {error}") from None
    means = {
        f"mean_{name}": getattr(result, name)
        for name in ("validation_accuracy", "validation_accuracy_std", "test_accuracy")
        if getattr(result, name) is not None and math.isfinite(getattr(result, name))
    }
    of_metric = result.figures_of_metric().items()
    means |= {f"mean_{name}": value for name, value in of_metric if value is not None}
    return replace(model, origin={**model.origin, "seeds": list(result.seeds), **means})


def fresh_seeds(result: SearchResult, seeds: int | Sequence[int]) -> tuple[int, ...]:
    """`seeds` new seeds that the result was not trained with; a list is returned as a tuple."""
    if isinstance(seeds, int | np.integer) and not isinstance(seeds, bool):
        first = max(result.seeds, default=-1) + 1
        return parse_seeds([first + seed for seed in parse_seeds(seeds)])
    return parse_seeds(seeds)


def lengthened(params: Mapping[str, object], n_epochs: int | None) -> dict[str, object]:
    """A result's parameters without `seed`, with `n_epochs` epochs unless that is None."""
    own = {name: value for name, value in params.items() if name != "seed"}
    return own if n_epochs is None else {**own, "n_epochs": n_epochs}
