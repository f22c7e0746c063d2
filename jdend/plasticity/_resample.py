# pyright: reportUnknownMemberType=false
"""Structural plasticity: weak synapses are replaced by new ones while the network learns.

Shape letters: `F` features, `K` synapses per dendrite, `N` neurons, `D` dendrites per neuron,
`H, W, C` an image's height, width and channels.

A resampling picks candidates among the synapses of each dendrite and lets each propose one input.
`K` stays constant and inputs stay distinct: a proposal that its dendrite already reads, or that
another candidate makes too, is dropped, or else proposals are drawn among the free inputs, without
replacement, so that every candidate moves.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key

from jdend.connectivity import TINY, FieldStd, ImageShape, dendrite_keys, normal
from jdend.plasticity._proposals import Count, Inputs, choose, propose

__all__ = ["NEW_MOMENTS", "NEW_WEIGHTS", "RULES", "resample"]

RULES = ("flat", "shrinking", "sigmoid", "laplace", "soft")
NEW_WEIGHTS = ("drawn", "zero")
NEW_MOMENTS = ("zero", "kept")

# The reference shrinks its percentage as 1 / (1 + SHRINKAGE * m), m the resamplings so far.
SHRINKAGE = 0.1
# The draws of a dendrite's synapses; what `FREE` names is drawn for inputs.
DRAWS = (0, 1, 2, 3, 4, 6)

Fraction = float | Float[Array, ""]


def resample(
    key: Key[Array, ""],
    weight: Float[Array, "N D K"],
    indices: Int[Array, "N D K"],
    *,
    in_features: int,
    percentage: Fraction = 0.25,
    rule: str | int | Int[Array, ""] = "flat",
    proposals: str | int | Int[Array, ""] = "uniform",
    n_resampled: Count = 0,
    new_weights: str | Int[Array, ""] = "drawn",
    weight_std: float | Float[Array, ""] | None = None,
    field_std: FieldStd = 2.0,
    image_shape: ImageShape | None = None,
    sizes: Int[Array, "3"] | None = None,
    true_features: Count | None = None,
    sharpness: float | Float[Array, ""] = 1.0,
    locality: Fraction = 1.0,
    gradient: Float[Array, "N D F"] | None = None,
) -> tuple[Float[Array, "N D K"], Int[Array, "N D K"], Bool[Array, "N D K"]]:
    """Replaces weak synapses by new ones.

    Args:
      key: this resampling's key.
      weight: the synapses' weights.
      indices: the inputs that they read, distinct within a dendrite.
      in_features: `F`, the number of inputs to choose from.
      percentage: the fraction `p` in [0, 1] of a dendrite's synapses to propose anew.
      rule: which synapses are candidates, a name or a position in `RULES`, perhaps traced.
        `flat`: the `floor(K p)` of smallest |weight|. `shrinking`: the same with
        `p / (1 + 0.1 m)`. `sigmoid` and `laplace`: each with a probability that falls with its
        |weight| relative to its dendrite's mean |weight| `a`, `2 p sigmoid(-|w|/a)` and
        `p exp(-|w|/a)`; both are `p` at zero. `soft`: `floor(K p)` as well, but those that stay are
        sampled without replacement, with probabilities that go with `|weight| ** sharpness`
        (Zhang et al. 2025).
      proposals: where new inputs come from, a name or a position in `PROPOSALS`, perhaps traced;
        without an image, the positions of local proposals are those of the others.
        `uniform`: all `F` alike. `local`: at rounded Gaussian offsets from the mean position of the
        dendrite's inputs, clipped to the image. `uniform_free`, `local_free`: with the same
        probabilities, but among the inputs that the dendrite does not read, without replacement.
        `gradient`: of those, the inputs of largest |gradient| (Evci et al. 2020); `local_gradient`:
        those whose |gradient| times the probability of `local` is largest.
      n_resampled: `m`, the number of resamplings so far.
      new_weights: `drawn` from a normal distribution, or `zero`, which leaves the network's output
        as it would be without the old synapse; a name or a traced int32 position in `NEW_WEIGHTS`.
      weight_std: standard deviation of drawn weights; by default the reference's `(2 / F) ** 0.5`.
      field_std: width in pixels of local proposals.
      image_shape: `(H, W, C)`; needed by local proposals.
      sizes: the true `(N, D, K)` where arrays are padded; what lies beyond is left alone.
      true_features: how many of the inputs there are, where `F` is a capacity.
      sharpness: of the rule `soft`: 0 removes any synapse alike, infinity the weakest.
      locality: the share in [0, 1] of `local` and `local_free` proposals that are local; the
        others are uniform.
      gradient: of the loss by the weight that each dendrite has, or would have, for each input;
        needed by the proposals that go by it.

    Returns:
      `(weight, indices, replaced)`; `replaced` is True where a synapse is new.

    Raises:
      ValueError: if a name is unknown, or its proposals need an image shape or a gradient.
    """
    n_neurons, n_dendrites, capacity = weight.shape
    true_neurons, true_dendrites, n_inputs = weight.shape if sizes is None else sizes
    n_features = in_features if true_features is None else true_features
    inputs = Inputs(in_features, n_features, image_shape, field_std, locality)
    new_std = jnp.sqrt(2 / n_features) if weight_std is None else weight_std
    position = NEW_WEIGHTS.index(new_weights) if isinstance(new_weights, str) else new_weights
    new_std = jnp.where(position == NEW_WEIGHTS.index("zero"), 0.0, new_std)

    def one_dendrite(
        key: Key[Array, ""],
        weight: Float[Array, " K"],
        indices: Int[Array, " K"],
        exists: Bool[Array, ""],
        gradient: Float[Array, " F"] | None,
    ) -> tuple[Float[Array, " K"], Int[Array, " K"], Bool[Array, " K"]]:
        def draw(i: Int[Array, ""]) -> Float[Array, " K"]:
            return jax.random.uniform(jax.random.fold_in(key, i), (capacity,), jnp.float32)

        # One draw for all: every further one is a further threefry program to compile.
        for_pruning, for_weight, *for_proposals = jax.vmap(draw)(jnp.array(DRAWS))
        real = jnp.arange(capacity) < n_inputs
        candidate = (
            exists
            & real
            & _candidates(
                rule,
                for_pruning,
                jnp.abs(weight),
                real,
                percentage,
                n_resampled,
                n_inputs,
                sharpness,
            )
        )
        proposal, acceptable = propose(
            proposals, key, for_proposals, indices, real, candidate, inputs, gradient
        )
        replaced = candidate & acceptable
        new_weight = (new_std * normal(for_weight)).astype(weight.dtype)
        return (
            jnp.where(replaced, new_weight, weight),
            jnp.where(replaced, proposal, indices),
            replaced,
        )

    keys = dendrite_keys(key, n_neurons, n_dendrites)
    exists = (jnp.arange(n_neurons) < true_neurons)[:, None] & (
        jnp.arange(n_dendrites) < true_dendrites
    )
    return jax.vmap(jax.vmap(one_dendrite))(keys, weight, indices, exists, gradient)


def _candidates(
    rule: str | int | Int[Array, ""],
    uniform: Float[Array, " K"],
    magnitude: Float[Array, " K"],
    real: Bool[Array, " K"],
    percentage: Fraction,
    n_resampled: Count,
    n_inputs: Count,
    sharpness: float | Float[Array, ""],
) -> Bool[Array, " K"]:
    """The synapses of one dendrite that may be replaced, by a named or a traced rule."""

    def weakest(fraction: Fraction, magnitude: Float[Array, " K"] = magnitude) -> Bool[Array, " K"]:
        # The term keeps 0.29 * 100 from flooring to 28.
        n = jnp.floor(n_inputs * fraction + 1e-4).astype(jnp.int32)
        # Sorting values alone is several times as fast as an argsort; of equals the first count.
        ordered = jnp.sort(jnp.where(real, magnitude, jnp.inf))
        largest = ordered[jnp.maximum(n - 1, 0)]
        below, equal = magnitude < largest, magnitude == largest
        room = n - jnp.sum(real & below)
        return real & (n > 0) & (below | (equal & (jnp.cumsum(real & equal) <= room)))

    def with_probability(
        of_relative_magnitude: Callable[[Array], Array],
    ) -> Bool[Array, " K"]:
        mean = jnp.sum(jnp.where(real, magnitude, 0.0)) / n_inputs
        probability = percentage * of_relative_magnitude(magnitude / (mean + 1e-30))
        return uniform < probability

    def softened() -> Float[Array, " K"]:
        """Scores of which the largest are a sample without replacement, by Gumbel's trick."""
        gumbel = -jnp.log(-jnp.log(jnp.maximum(uniform, TINY)))
        return sharpness * jnp.log(magnitude) + gumbel

    branches = (
        lambda: weakest(percentage),
        lambda: weakest(percentage / (1.0 + SHRINKAGE * n_resampled)),
        lambda: with_probability(lambda m: 2.0 * jax.nn.sigmoid(-m)),
        lambda: with_probability(lambda m: jnp.exp(-m)),
        lambda: weakest(percentage, softened()),
    )
    return choose("rule", rule, RULES, branches)
