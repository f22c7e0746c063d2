# pyright: reportUnknownMemberType=false
"""Gradual pruning: dendrites begin with more synapses than they keep, and lose the weakest.

Shape letters: `K` synapses per dendrite, `N` neurons, `D` dendrites per neuron.

Zhu & Gupta 2017, "To prune, or not to prune". All dendrites of a layer keep equally many.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

__all__ = ["initial_inputs", "inputs_left", "strongest_first"]


def initial_inputs(
    n_inputs: Int[Array, "..."], density: Float[Array, "..."], in_features: Int[Array, "..."]
) -> Int[Array, "..."]:
    """How many synapses a dendrite begins with: `n_inputs * density`, rounded down, at most all.

    Args:
      n_inputs: how many it keeps.
      density: at least 1.
      in_features: how many inputs there are.
    """
    # The term keeps 1.1 * 10 from flooring to 10.
    begun = jnp.floor(n_inputs * density + 1e-4).astype(jnp.int32)
    return jnp.minimum(begun, in_features)


def inputs_left(
    progress: Float[Array, "..."],
    initial: Int[Array, "..."],
    final: Int[Array, "..."],
    end: Float[Array, "..."],
) -> Int[Array, "..."]:
    """How many synapses a dendrite has at a moment of training, rounded up.

    `final + (initial - final) * (1 - progress / end) ** 3`: many fall early, when others can still
    take over, and few late.

    Args:
      progress: the part of training that is done, in [0, 1].
      initial, final: how many it begins with, and how many it keeps.
      end: the part of training after which it has `final`, in (0, 1].
    """
    left = (1.0 - jnp.minimum(progress / end, 1.0)) ** 3
    return final + jnp.ceil((initial - final) * left - 1e-4).astype(jnp.int32)


def strongest_first(
    weight: Float[Array, "N D K"],
    others: Sequence[Array],
    before: Int[Array, ""],
    after: Int[Array, ""],
) -> tuple[Float[Array, "N D K"], list[Array]]:
    """Removes the synapses of smallest |weight|, and moves those that stay to the front.

    Args:
      weight: of which the first `before` of each dendrite are real.
      others: what else there is for each synapse, such as indices and moments, `[N, D, K]`.
      before, after: how many synapses a dendrite has, and how many it keeps.

    Returns:
      `(weight, others)` in the new order: strongest first, of equals the first first. Weights and
      floating-point values of what is not there are zero.
    """
    position = jnp.arange(weight.shape[-1])
    strength = jnp.where(position < before, jnp.abs(weight), -1.0)
    operands = (-strength, weight, *others)
    _, *ordered = jax.lax.sort(operands, dimension=-1, is_stable=True, num_keys=1)

    def kept(values: Array) -> Array:
        is_index = jnp.issubdtype(values.dtype, jnp.integer)
        return values if is_index else jnp.where(position < after, values, 0)

    weight, *others = map(kept, ordered)
    return weight, others
