# pyright: reportUnknownMemberType=false
"""The networks of populations as they were while they trained, so that none is trained again.

Shape letters: `S` seeds.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, cast
from weakref import WeakKeyDictionary

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from jdend.data import Split
from jdend.models import Configuration, TrainedModel
from jdend.training._blocks import States
from jdend.training._bucket import Bucket, network, outline
from jdend.training._outcome import Outcome
from jdend.training._single import network_with, trained_model
from jdend.training._state import Tree, evaluated

__all__ = ["KeptNetworks"]

MAX_BYTES = 256 * 2**20

Weights = tuple[Tree, Tree]
"""Parameters, as they are evaluated, and other variables of a configuration, `[S, …]`."""


class _Trained(NamedTuple):
    """A configuration that was trained to its end: its weights before training and after each
    epoch, its figures, and the precision of its bucket."""

    weights: Sequence[Weights]
    outcome: Outcome
    precision: str


class KeptNetworks:
    """Networks as they were before training and after each epoch, in the machine's memory.

    `KeepingRun`s fill it. What ends early, diverges, goes on from a snapshot or is divided is not
    kept, and neither are networks with random states of their own.

    Args:
      max_bytes: the most that it holds; where that is passed, it lets go of all networks that
        still train.
    """

    def __init__(self, max_bytes: int = MAX_BYTES):
        self._max_bytes = max_bytes
        self._training: WeakKeyDictionary[object, dict[int, list[Weights]]] = WeakKeyDictionary()
        self._trained: dict[tuple[Configuration, Sequence[int]], _Trained] = {}

    @property
    def nbytes(self) -> int:
        """The bytes that it holds."""
        held = [w for of_run in self._training.values() for w in of_run.values()]
        held += [trained.weights for trained in self._trained.values()]
        # A configuration's weights are as large after each epoch.
        return sum(len(w) * sum(leaf.nbytes for leaf in _leaves(w[0])) for w in held)

    def note(self, run: object, epoch: int, states: States, columns: Mapping[int, int]) -> None:
        """Keeps copies of networks that train.

        Args:
          run: the run that they are of.
          epoch: how many epochs are done.
          states: those of the run's blocks.
          columns: the configurations' positions, each with its column in the states.
        """
        first: Weights = evaluated(states[0][0]), states[0][0].other
        if any(jnp.issubdtype(x.dtype, jax.dtypes.prng_key) for x in _leaves(first)):
            return
        of_run = self._training.setdefault(run, {})
        on_host: list[list[Weights]] = jax.device_get(
            [[(evaluated(state), state.other) for state in row] for row in states]
        )
        width = states[0][0].failed_step.shape[1]
        for position, column in columns.items():
            block, place = divmod(column, width)
            weights = of_run.setdefault(position, []) if epoch == 0 else of_run.get(position)
            if weights is not None:
                weights.append(_copied([row[block] for row in on_host], place))
        if self.nbytes > self._max_bytes:
            self._training.clear()

    def drop(self, run: object, positions: Sequence[int]) -> None:
        """Lets go of a run's networks at these positions."""
        for position in positions:
            self._training.get(run, {}).pop(position, None)

    def finish(self, run: object, precision: str, outcomes: Sequence[Outcome]) -> None:
        """Is told the outcomes of a run's configurations, in order, and its bucket's precision."""
        for position, weights in self._training.pop(run, {}).items():
            outcome = outcomes[position]
            n_epochs = outcome.configuration.hyperparameters.n_epochs
            if len(weights) == n_epochs + 1 and (outcome.failed_epoch < 0).all():
                trained = _Trained(weights, outcome, precision)
                self._trained[outcome.configuration, outcome.seeds] = trained

    def keep_only(self, *networks: tuple[Configuration, int]) -> None:
        """Lets go of all but these, given by configuration and seed, and of what still trains."""
        self._training.clear()
        self._trained = {
            key: trained
            for key, trained in self._trained.items()
            if any(_is_of(key, *network) for network in networks)
        }

    def has(self, configuration: Configuration, seed: int) -> bool:
        """Whether it has the network of a configuration with this seed, trained to its end."""
        return any(_is_of(key, configuration, seed) for key in self._trained)

    def model(
        self,
        configuration: Configuration,
        seed: int,
        data: Split,
        *,
        kernel: str = "auto",
        on_epoch: Callable[[int, nnx.Module], None] | None = None,
    ) -> TrainedModel:
        """A network as `train_model` returns it, up to the order of floating-point summation; its
        figures are those of its outcome.

        Args:
          configuration, seed: those of a network that it `has`.
          data: what that was trained on.
          kernel, on_epoch: as for `train_model`.
        """
        weights, outcome, precision = next(
            trained for key, trained in self._trained.items() if _is_of(key, configuration, seed)
        )
        place = outcome.seeds.index(seed)
        exact = Bucket(configuration.structure, kernel=kernel, precision=precision)
        params_of, other_of = _shapes(exact)
        trace = functools.cache(network)  # which takes longer than all the rest

        def after(epoch: int) -> nnx.Module:
            params, other = weights[epoch]
            params, other = _cut(params_of, params, place), _cut(other_of, other, place)
            return network_with(exact, params, other, trace)

        if on_epoch is not None:
            for epoch in range(len(weights)):
                on_epoch(epoch, after(epoch))
        figures = _figures(outcome, place, data)
        return trained_model(after(-1), configuration, seed, data, figures)


def _is_of(
    key: tuple[Configuration, Sequence[int]], configuration: Configuration, seed: int
) -> bool:
    return key[0] == configuration and seed in key[1]


def _leaves(weights: Weights) -> list[Any]:
    return jax.tree.leaves(weights)


def _copied(rows: Sequence[Weights], column: int) -> Weights:
    """Those of one column of blocks with all seeds; copies, since the others' memory is given
    back."""

    def copied(*x: np.ndarray) -> np.ndarray:
        return np.concatenate([of_seeds[:, column] for of_seeds in x])

    return jax.tree.map(copied, *rows)


def _shapes(bucket: Bucket) -> tuple[Tree, Tree]:
    """The shapes of a network's parameters and of its other variables."""
    model = outline(bucket, bucket.at_first)
    _, params, other = cast(tuple[Any, Any, Any], nnx.split(model, nnx.Param, ...))
    return nnx.to_pure_dict(params), nnx.to_pure_dict(other)


def _cut(shapes: Tree, padded: Tree, place: int) -> Tree:
    """The arrays of one seed without padding, which lies at their ends."""

    def cut(shape: Any, x: Any) -> Any:
        if isinstance(shape, dict):
            return _cut(cast(Tree, shape), x, place)
        return x[place][tuple(slice(size) for size in shape.shape)]

    return {name: cut(shape, padded[name]) for name, shape in shapes.items()}


def _figures(outcome: Outcome, place: int, data: Split) -> dict[str, float]:
    """The figures of one seed that `train_model` has."""
    parts = {"train": True, "validation": data.n_validation > 0, "test": len(data.test_y) > 0}
    names = ["loss", *(["accuracy"] if data.target is None else [])]
    return {
        f"{part}_{name}": float(getattr(outcome, f"{part}_{name}")[place])
        for part, is_there in parts.items()
        for name in names
        if is_there
    }
