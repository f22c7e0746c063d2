"""The budget: which numbers of parameters are allowed, and closed formulas that count them.

Shape letters: `F` features, `N` neurons, `D` dendrites a neuron, `K` synapses a dendrite, `P`
points of a space.
"""

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from jdend.models import (
    DEFAULTS,
    MLP,
    DendriticSimple,
    DendriticWithHidden,
    Problem,
    SomaDisabled,
    Structure,
    architecture,
    check_names,
    configure,
    count_params,
    trace_params,
)
from jdend.search.errors import SearchError, SpaceError

__all__ = [
    "Budget",
    "canonical",
    "confirmed_params",
    "count_points",
    "dendritic_params",
    "estimate_params",
    "has_formula",
]

Count = int | np.ndarray


@dataclass(frozen=True)
class Budget:
    """How many trainable parameters a network may have.

    Attributes:
      max_params: at most.
      min_param_ratio: at least this share of `max_params`, in [0, 1]; 0 allows any smaller network.
    """

    max_params: int
    min_param_ratio: float = 0.8

    def __post_init__(self):
        whole = isinstance(self.max_params, int | np.integer) and self.max_params is not True
        if not whole or self.max_params < 1:
            raise SearchError(f"max_params must be a positive integer, got {self.max_params!r}")
        ratio = self.min_param_ratio
        number = isinstance(ratio, int | float | np.number) and not isinstance(ratio, bool)
        if not number or not 0 <= ratio <= 1:
            raise SearchError(f"min_param_ratio must be from 0 to 1, got {ratio!r}")

    @property
    def min_params(self) -> int:
        """The fewest parameters allowed."""
        return math.ceil(self.min_param_ratio * self.max_params - 1e-9)

    def over(self, count: Count):
        """Whether a network, or each of an array of them, is too large."""
        return count > self.max_params

    def under(self, count: Count):
        """Likewise, too small."""
        return count < self.min_params

    def fits(self, count: Count):
        """Likewise, neither."""
        return (count >= self.min_params) & (count <= self.max_params)


def estimate_params(
    in_dim: int,
    n_neurons: int | None = None,
    n_dendrites: int | None = None,
    n_dendrite_inputs: int | None = None,
    soma_enabled: bool = True,
    n_classes: int = 10,
    architecture: str = "dendritic_simple",
    hidden_dim: int | None = None,
    **fields: object,
) -> int:
    """The trainable parameters of a network, by a closed formula; no network is built.

    The order of the arguments is that of the older toolkit.

    Args:
      in_dim: `F`, the data's features.
      n_neurons, n_dendrites, n_dendrite_inputs, soma_enabled, hidden_dim: the network's sizes;
        those that the architecture does not read play no part, those left out have its defaults.
      n_classes: number of logits.
      architecture: a registered name. One without a formula of its own is counted from its shapes.
      **fields: further fields, such as `strategy`, or those of a registered architecture.

    Raises:
      SpaceError: for an unknown name or an impossible size.
    """
    if not isinstance(soma_enabled, bool):
        raise SpaceError(f"soma_enabled must be True or False, got {soma_enabled!r}")
    for name, size in (("in_dim", in_dim), ("n_classes", n_classes)):
        if isinstance(size, bool) or not isinstance(size, int | np.integer) or size < 1:
            raise SpaceError(f"{name} must be a positive integer, got {size!r}")
    params = {
        "architecture": architecture,
        "n_neurons": n_neurons,
        "n_dendrites": n_dendrites,
        "n_dendrite_inputs": n_dendrite_inputs,
        "soma_enabled": soma_enabled,
        "hidden_dim": hidden_dim,
        **fields,
    }
    try:
        params = {name: value for name, value in params.items() if value is not None}
        structure = configure(params, Problem(in_dim, n_classes, _any_image(in_dim))).structure
    except ValueError as error:
        raise SpaceError(str(error)) from None
    formula = _formula(structure.architecture)
    if formula is None:
        return count_params(structure)
    return int(formula(dict(structure.values), structure.problem))


def dendritic_params(
    n_neurons: int,
    n_dendrites: int,
    n_dendrite_inputs: int,
    soma_enabled: bool,
    linear_layers: Sequence[tuple[int, int]],
) -> int:
    """The trainable parameters of a dendritic layer and of linear layers that follow it.

    Args:
      n_neurons, n_dendrites, n_dendrite_inputs, soma_enabled: of the dendritic layer.
      linear_layers: inputs and outputs of each; inputs of -1 are the outputs of the one before.
    """
    sizes = {
        "n_neurons": n_neurons, "n_dendrites": n_dendrites, "n_dendrite_inputs": n_dendrite_inputs
    }  # fmt: skip
    total = int(_neurons(sizes) if soma_enabled else _dendrites(sizes))
    width = n_neurons if soma_enabled else n_dendrites
    for n_in, n_out in linear_layers:
        total += int(_linear(width if n_in == -1 else n_in, n_out))
        width = n_out
    return total


def count_points(
    frame: Mapping[str, object], sizes: Mapping[str, np.ndarray], problem: Problem
) -> np.ndarray:
    """The parameters of many networks at once.

    Args:
      frame: the fields that they share, under canonical names; `architecture` may be among them.
      sizes: whole numbers by field, int64 arrays that broadcast together.
      problem: what the data fix.

    Returns:
      int64 counts in the arrays' broadcast shape.
    """
    shape = np.broadcast_shapes(*(column.shape for column in sizes.values()))
    name = str(frame.get("architecture", DEFAULTS["architecture"]))
    formula = _formula(name)
    if formula is None:
        return _count_one_by_one(name, frame, sizes, problem, shape)
    arch = architecture(name)
    values: dict = {**arch.defaults, **{k: v for k, v in frame.items() if v is not None}, **sizes}
    if values.get("hidden_dim") is None:
        values["hidden_dim"] = values.get("n_neurons")
    if "connectivity" in arch.fields and values.get("connectivity") == "fully_connected":
        values["n_dendrite_inputs"] = problem.in_features
    return np.broadcast_to(np.asarray(formula(values, problem), np.int64), shape)


def confirmed_params(structure: Structure) -> int:
    """The parameters of a program's shape, counted twice: from symbolic sizes, as those of all the
    trials that it pads are, and by tracing this very shape, once a process.

    Raises:
      RuntimeError: if the counts differ.
    """
    return _confirm(structure, architecture(structure.architecture).module)


@functools.lru_cache(maxsize=10_000)
def _confirm(structure: Structure, module: type) -> int:
    """`module` tells a name registered anew from the old."""
    counted, traced = count_params(structure), trace_params(structure)
    if counted != traced:
        raise RuntimeError(f"{structure} has {traced} parameters, but {counted} were counted")
    return traced


def canonical(name: str) -> str:
    """The field that a parameter stands for: `connectivity` for the older toolkit's `strategy`.

    Raises:
      SpaceError: if nothing reads it; names the nearest that is known.
    """
    try:
        return next(iter(check_names({name: None})))
    except ValueError as error:
        raise SpaceError(str(error)) from None


def has_formula(name: str) -> bool:
    """Whether networks of that architecture are counted many at once."""
    return _formula(name) is not None


def _dendrites(values: Mapping) -> Count:
    """A dendritic layer without somata: `D K + D`."""
    return values["n_dendrites"] * (values["n_dendrite_inputs"] + 1)


def _neurons(values: Mapping) -> Count:
    """A dendritic layer with somata: `N (D K + D)` and for the somata `N D + N`."""
    return values["n_neurons"] * (_dendrites(values) + values["n_dendrites"] + 1)


def _linear(n_in: Count, n_out: Count) -> Count:
    return (n_in + 1) * n_out


def _dendritic_simple(values: Mapping, problem: Problem) -> Count:
    if not values["soma_enabled"]:
        return _dendrites(values) + _linear(values["n_dendrites"], problem.n_classes)
    return _neurons(values) + _linear(values["n_neurons"], problem.n_classes)


def _soma_disabled(values: Mapping, problem: Problem) -> Count:
    return (
        _dendrites(values)
        + _linear(values["n_dendrites"], values["n_neurons"])
        + _linear(values["n_neurons"], problem.n_classes)
    )


def _dendritic_with_hidden(values: Mapping, problem: Problem) -> Count:
    return (
        _neurons(values)
        + _linear(values["n_neurons"], values["hidden_dim"])
        + _linear(values["hidden_dim"], problem.n_classes)
    )


def _mlp(values: Mapping, problem: Problem) -> Count:
    return _linear(problem.in_features, values["hidden_dim"]) + _linear(
        values["hidden_dim"], problem.n_classes
    )


# By module, so that a name that a user registers anew loses the formula of the old.
_FORMULAS: dict[type, Callable[[Mapping, Problem], Count]] = {
    DendriticSimple: _dendritic_simple,
    SomaDisabled: _soma_disabled,
    DendriticWithHidden: _dendritic_with_hidden,
    MLP: _mlp,
}


def _formula(name: str):
    return _FORMULAS.get(architecture(name).module)


def _count_one_by_one(name, frame, sizes, problem: Problem, shape) -> np.ndarray:
    """Counts each distinct combination of the fields that the architecture reads."""
    read = [field for field in sizes if field in architecture(name).fields]
    columns = [np.broadcast_to(sizes[field], shape).reshape(-1) for field in read]
    if not columns:
        count = count_params(configure(frame, problem).structure)
        return np.full(shape, count, np.int64)
    distinct, inverse = np.unique(np.stack(columns, axis=1), axis=0, return_inverse=True)
    counts = np.empty(len(distinct), np.int64)
    for i, row in enumerate(distinct):
        own = dict(zip(read, map(int, row), strict=True))
        counts[i] = count_params(configure({**frame, **own}, problem).structure)
    return counts[inverse.reshape(-1)].reshape(shape)


def _any_image(in_dim: int) -> tuple[int, int, int]:
    """Counting knows features only; as an image of one row they allow every connectivity."""
    return (1, in_dim, 1)
