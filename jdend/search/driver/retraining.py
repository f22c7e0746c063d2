"""After a search: trains the best network again to have its weights, or with fresh seeds to see
whether its figures hold."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from flax import nnx

from jdend.data import Split
from jdend.models import Configuration, TrainedModel
from jdend.search.errors import SearchError
from jdend.search.space.validation import parse_seeds
from jdend.study import SearchResult
from jdend.training import train_model

__all__ = ["fresh_seeds", "lengthened", "network_of"]


def network_of(
    result: SearchResult,
    configuration: Configuration,
    data: Split,
    *,
    kernel: str = "auto",
    precision: str = "float32",
    on_epoch: Callable[[int, nnx.Module], None] | None = None,
) -> TrainedModel:
    """Trains a result's configuration again with the best of its seeds; returns the network.

    A search stores figures and no weights, but training can be repeated exactly. The seed is chosen
    by the result's score, so the validation figures of this network are too good; its test figures
    are not. The means over all seeds are in its `origin`. Of a search with folds it is trained with
    all training examples, of which none are then left to validate it.

    Raises:
      SearchError: if training diverges, the batch is larger than the training part, or the device
        lacks the precision.
    """
    try:
        model = train_model(
            configuration,
            result.best_seed,
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
