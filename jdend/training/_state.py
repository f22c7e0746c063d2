"""A population's state: one pytree that advances, and that goes to the host and back.

Shape letters: `S` seeds, `C` configurations.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int

from jdend.training._traced_hyperparameters import TracedHyperparameters

__all__ = ["State", "concat", "take"]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class State:
    """Everything that training changes or needs, one pytree that can go to the host and back.

    Attributes:
      step: steps done.
      seeds: uint32 `[S]`.
      hyperparameters: `[C]` each.
      params: trainable parameters `[S, C, …]`, a nested dict.
      other: the networks' other variables `[S, C, …]`: synapse indices, true sizes, statistics.
      adam: optax's state: a count, and moments like `params`.
      loss_sum, n_correct: sums over this epoch's steps `[S, C]`, of batch means and of examples.
      failed_step: the first step with a non-finite loss `[S, C]`, or -1.
    """

    step: Int[Array, ""]
    seeds: Int[Array, " S"]
    hyperparameters: TracedHyperparameters
    params: dict
    other: dict
    adam: optax.ScaleByAdamState
    loss_sum: Float[Array, "S C"]
    n_correct: Int[Array, "S C"]
    failed_step: Int[Array, "S C"]


def take(state: State, columns: Sequence[int] | Int[Array, " taken"]) -> State:
    """The population of some configurations, by position; of one on the host, on the host."""
    taken = columns if isinstance(columns, jax.Array) else np.asarray(columns, np.int32)
    of_configuration = lambda x: x[taken]  # noqa: E731
    of_trial = lambda x: x[:, taken]  # noqa: E731
    return _map_columns(of_configuration, of_trial, state)


def concat(states: Sequence[State]) -> State:
    """One population of several with the same bucket, seeds and step."""
    first = states[0]
    for other in states[1:]:
        if int(other.step) != int(first.step) or (other.seeds != first.seeds).any():
            raise ValueError("populations are joined only at the same step, with the same seeds")
    join = np.concatenate if isinstance(first.failed_step, np.ndarray) else jnp.concatenate
    return _map_columns(lambda *x: join(x), lambda *x: join(x, axis=1), *states)


def _map_columns(of_configuration, of_trial, *states: State) -> State:
    """Applies one function to `[C, …]` leaves and another to `[S, C, …]` leaves."""
    first = states[0]

    def trial(name: str):
        return jax.tree.map(of_trial, *(getattr(state, name) for state in states))

    adam = first.adam._replace(
        mu=jax.tree.map(of_trial, *(s.adam.mu for s in states)),
        nu=jax.tree.map(of_trial, *(s.adam.nu for s in states)),
    )
    return replace(
        first,
        hyperparameters=jax.tree.map(of_configuration, *(s.hyperparameters for s in states)),
        params=trial("params"),
        other=trial("other"),
        adam=adam,
        loss_sum=trial("loss_sum"),
        n_correct=trial("n_correct"),
        failed_step=trial("failed_step"),
    )
