# pyright: reportMissingTypeStubs=false
"""The state of a population: one pytree, which can be moved to the host and back.

Shape letters: `S` seeds, `C` configurations.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int, UInt32

from jdend.training._traced_hyperparameters import TracedHyperparameters

__all__ = [
    "State",
    "Tree",
    "changed",
    "concat",
    "concat_seeds",
    "evaluated",
    "leaf",
    "rejoined",
    "take",
    "take_seeds",
]

Tree = dict[Any, Any]
"""Nested dicts, by name or position, with arrays as leaves."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class State:
    """All that training changes, and the hyperparameters, in one pytree.

    Attributes:
      step: how many steps are done.
      seeds: uint32 `[S]`.
      hyperparameters: arrays `[C]`.
      params: the trainable parameters `[S, C, …]`, in a nested dict.
      other: the networks' other variables `[S, C, …]`: synapse indices, true sizes, statistics.
      adam: the state of optax's Adam: a count, and moments like `params`; of other optimizers what
        they need of that.
      average: averaged parameters, like `params`; an empty dict without averaging.
      loss_sum, n_correct: sums over the steps of this epoch `[S, C]`: of the batches' mean losses,
        and of the examples that were classified right.
      failed_step: the first step with a non-finite loss `[S, C]`, or -1.
    """

    step: Int[Array, ""]
    seeds: UInt32[Array, " S"]
    hyperparameters: TracedHyperparameters
    params: Tree
    other: Tree
    adam: optax.ScaleByAdamState
    average: Tree
    loss_sum: Float[Array, "S C"]
    n_correct: Int[Array, "S C"]
    failed_step: Int[Array, "S C"]


def take(state: State, columns: Sequence[int] | Int[Array | np.ndarray, " taken"]) -> State:
    """The state of the configurations at these positions; a state on the host stays there."""
    taken = columns if isinstance(columns, jax.Array) else np.asarray(columns, np.int32)

    def of_configurations(x: Any) -> Any:
        return x[taken]

    def of_trials(x: Any) -> Any:
        return x[:, taken]

    return _map_columns(of_configurations, of_trials, state)


def concat(states: Sequence[State]) -> State:
    """Joins the states of populations with the same bucket, seeds and step."""
    first = states[0]
    if len(states) == 1:
        return first
    for other in states[1:]:
        if int(other.step) != int(first.step) or (other.seeds != first.seeds).any():
            raise ValueError("populations are joined only at the same step, with the same seeds")

    def of_configurations(*x: Any) -> Any:
        return _joined(x)

    def of_trials(*x: Any) -> Any:
        return _joined(x, axis=1)

    return _map_columns(of_configurations, of_trials, *states)


def take_seeds(state: State, begin: int, n: int) -> State:
    """The state of `n` seeds, from the one at position `begin` on."""

    def unchanged(x: Any) -> Any:
        return x

    def of_trials(x: Any) -> Any:
        return x[begin : begin + n]

    return replace(_map_columns(unchanged, of_trials, state), seeds=state.seeds[begin : begin + n])


def concat_seeds(states: Sequence[State]) -> State:
    """Joins states on the host, of populations with the same bucket, configurations and step."""
    if len(states) == 1:
        return states[0]

    def first(*x: Any) -> Any:
        return x[0]

    def of_trials(*x: Any) -> Any:
        return _joined(x)

    seeds: Any = np.concatenate([state.seeds for state in states])
    return replace(_map_columns(first, of_trials, *states), seeds=seeds)


def _joined(arrays: Sequence[Any], axis: int = 0) -> Any:
    """Arrays as one; on the host if they are there. Random keys are JAX's there, too."""
    if any(isinstance(array, jax.Array) for array in arrays):
        return jnp.concatenate(arrays, axis)
    return np.concatenate(arrays, axis)


def rejoined(state: State, ended: Sequence[tuple[list[int], State]]) -> State:
    """The state of all configurations, each as it was when it ended.

    Args:
      state: after the last step; returned unchanged if nothing ended before.
      ended: the positions of configurations that ended at one time, with their state then.
    """
    if not ended:
        return state
    order = [c for configurations, _ in ended for c in configurations]
    joined = concat([replace(then, step=state.step) for _, then in ended])
    return take(joined, [order.index(c) for c in range(len(order))])


def evaluated(state: State) -> Tree:
    """The parameters that are evaluated and kept: averaged ones, if there are."""
    return state.average or state.params


def leaf(tree: Any, path: Sequence[Any]) -> Any:
    """The array, or the dict, at a path of nested dicts."""
    for name in path:
        tree = tree[name]
    return tree


def changed(tree: Any, path: Sequence[Any], value: Any) -> Tree:
    """A copy of nested dicts with one of their values replaced."""
    head, *rest = path
    return {**tree, head: changed(tree[head], rest, value) if rest else value}


def _map_columns(
    of_configurations: Callable[..., Any], of_trials: Callable[..., Any], *states: State
) -> State:
    """Applies one function to `[C, …]` leaves and another to `[S, C, …]` leaves."""
    first = states[0]

    def trial(name: str) -> Any:
        return jax.tree.map(of_trials, *(getattr(state, name) for state in states))

    adam = first.adam._replace(
        mu=jax.tree.map(of_trials, *(s.adam.mu for s in states)),
        nu=jax.tree.map(of_trials, *(s.adam.nu for s in states)),
    )
    return replace(
        first,
        hyperparameters=jax.tree.map(of_configurations, *(s.hyperparameters for s in states)),
        params=trial("params"),
        other=trial("other"),
        average=trial("average"),
        adam=adam,
        loss_sum=trial("loss_sum"),
        n_correct=trial("n_correct"),
        failed_step=trial("failed_step"),
    )
