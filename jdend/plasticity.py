"""Structural plasticity: weak synapses are replaced by new ones while the network learns.

Shape letters: `F` features, `K` synapses per dendrite, `N` neurons, `D` dendrites per neuron,
`H, W, C` an image's height, width and channels.

A resampling picks candidates among the synapses of each dendrite, lets each propose one input, and
drops every proposal that its dendrite already reads or that another candidate makes too. `K` stays
constant and inputs stay distinct.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from jdend.connectivity import ImageShape, dendrite_keys

__all__ = ["PROPOSALS", "RULES", "resample"]

RULES = ("flat", "shrinking", "sigmoid", "laplace")
PROPOSALS = ("uniform", "local")

# The reference shrinks its percentage as 1 / (1 + SHRINKAGE * m), m the resamplings so far.
SHRINKAGE = 0.1


def resample(
    key: PRNGKeyArray,
    weight: Float[Array, "N D K"],
    indices: Int[Array, "N D K"],
    *,
    in_features: int,
    percentage: float | Float[Array, ""] = 0.25,
    rule: str | Int[Array, ""] = "flat",
    proposals: str | Int[Array, ""] = "uniform",
    n_resampled: int | Int[Array, ""] = 0,
    weight_std: float | Float[Array, ""] | None = None,
    field_std: float | Float[Array, ""] = 2.0,
    image_shape: ImageShape | None = None,
    sizes: Int[Array, "3"] | None = None,
) -> tuple[Float[Array, "N D K"], Int[Array, "N D K"], Bool[Array, "N D K"]]:
    """Replaces weak synapses by new ones.

    Args:
      key: this resampling's key.
      weight: the synapses' weights.
      indices: the inputs that they read, distinct within a dendrite.
      in_features: `F`, the number of inputs to choose from.
      percentage: the fraction `p` in [0, 1] of a dendrite's synapses to propose anew.
      rule: which synapses are candidates, a name or a traced int32 position in `RULES`.
        `flat`: the `floor(K p)` of smallest |weight|. `shrinking`: the same with
        `p / (1 + 0.1 m)`. `sigmoid` and `laplace`: each with a probability that falls with its
        |weight| relative to its dendrite's mean |weight| `a`, `2 p sigmoid(-|w|/a)` and
        `p exp(-|w|/a)`; both are `p` at zero.
      proposals: where new inputs come from, a name or a traced int32 position in `PROPOSALS`.
        `uniform`: all `F` alike. `local`: at rounded Gaussian offsets from the mean position of the
        dendrite's inputs, clipped to the image.
      n_resampled: `m`, the number of resamplings so far.
      weight_std: standard deviation of new weights; by default the reference's `(2 / F) ** 0.5`.
      field_std: width in pixels of `local` proposals.
      image_shape: `(H, W, C)`; needed by `local`.
      sizes: the true `(N, D, K)` where arrays are padded; what lies beyond is left alone.

    Returns:
      `(weight, indices, replaced)`; `replaced` is True where a synapse is new.
    """
    n_neurons, n_dendrites, capacity = weight.shape
    true_neurons, true_dendrites, n_inputs = weight.shape if sizes is None else sizes
    new_std = (2 / in_features) ** 0.5 if weight_std is None else weight_std

    def one_dendrite(key, weight, indices, exists):
        # One draw for all: every further one is a further threefry program to compile.
        draws = jax.vmap(lambda i: jax.random.uniform(jax.random.fold_in(key, i), (capacity,)))
        for_pruning, for_weight, *for_proposals = draws(jnp.arange(5))
        real = jnp.arange(capacity) < n_inputs
        candidate = (
            exists
            & real
            & _candidates(
                rule, for_pruning, jnp.abs(weight), real, percentage, n_resampled, n_inputs
            )
        )
        proposal = _propose(
            proposals, for_proposals, indices, real, in_features, field_std, image_shape
        )
        present = jnp.where(real, indices, in_features)
        replaced = candidate & _acceptable(proposal, candidate, present, in_features)
        new_weight = new_std * _normal(for_weight)
        return (
            jnp.where(replaced, new_weight, weight),
            jnp.where(replaced, proposal, indices),
            replaced,
        )

    keys = dendrite_keys(key, n_neurons, n_dendrites)
    exists = (jnp.arange(n_neurons) < true_neurons)[:, None] & (
        jnp.arange(n_dendrites) < true_dendrites
    )
    return jax.vmap(jax.vmap(one_dendrite))(keys, weight, indices, exists)


def _candidates(
    rule, uniform, magnitude, real, percentage, n_resampled, n_inputs
) -> Bool[Array, " K"]:
    """The synapses of one dendrite that may be replaced, by a named or a traced rule."""

    def weakest(fraction):
        # The term keeps 0.29 * 100 from flooring to 28.
        n = jnp.floor(n_inputs * fraction + 1e-4).astype(jnp.int32)
        # Sorting values alone is several times as fast as an argsort; of equals the first count.
        ordered = jnp.sort(jnp.where(real, magnitude, jnp.inf))
        largest = ordered[jnp.maximum(n - 1, 0)]
        below, equal = magnitude < largest, magnitude == largest
        room = n - jnp.sum(real & below)
        return real & (n > 0) & (below | (equal & (jnp.cumsum(real & equal) <= room)))

    def with_probability(of_relative_magnitude):
        mean = jnp.sum(jnp.where(real, magnitude, 0.0)) / n_inputs
        probability = percentage * of_relative_magnitude(magnitude / (mean + 1e-30))
        return uniform < probability

    branches = (
        lambda: weakest(percentage),
        lambda: weakest(percentage / (1.0 + SHRINKAGE * n_resampled)),
        lambda: with_probability(lambda m: 2.0 * jax.nn.sigmoid(-m)),
        lambda: with_probability(lambda m: jnp.exp(-m)),
    )
    return _choose("rule", rule, RULES, branches)


def _propose(
    proposals, draws, indices, real, in_features, field_std, image_shape
) -> Int[Array, " K"]:
    """One proposed input a synapse, by a named or a traced rule, from three uniform draws each."""

    def below(uniform, size: int) -> Int[Array, " K"]:
        return jnp.minimum(jnp.floor(uniform * size), size - 1).astype(indices.dtype)

    def uniform():
        return below(draws[0], in_features)

    def local():
        height, width, channels = image_shape
        pixel = indices // channels
        row = _near(draws[0], pixel // width, real, field_std, height)
        column = _near(draws[1], pixel % width, real, field_std, width)
        return (row * width + column) * channels + below(draws[2], channels)

    if proposals == "local" and image_shape is None:
        raise ValueError("local proposals need images: give image_shape=(height, width, channels)")
    branches = (uniform, local if image_shape is not None else uniform)
    return _choose("proposals", proposals, PROPOSALS, branches)


def _near(uniform, position, real, std, size) -> Int[Array, " K"]:
    """Gaussian draws around the mean of the real positions, rounded and clipped to one axis."""
    centre = jnp.sum(jnp.where(real, position, 0)) / jnp.sum(real)
    draw = centre + std * _normal(uniform)
    return jnp.clip(jnp.round(draw), 0, size - 1).astype(position.dtype)


def _normal(uniform):
    """Standard normal draws by the inverse of their distribution function."""
    return jnp.sqrt(2.0) * jax.lax.erf_inv(jnp.maximum(2.0 * uniform - 1.0, -1.0 + 2.0**-24))


def _acceptable(proposal, candidate, present, in_features: int) -> Bool[Array, " K"]:
    """Proposals that neither the dendrite has nor another of its candidates makes."""
    if in_features > 4 * proposal.size**2:
        known = (proposal[:, None] == present[None, :]).any(1)
        same = (proposal[:, None] == proposal[None, :]) & candidate[None, :]
        return ~(known | (same & ~jnp.eye(proposal.size, dtype=bool)).any(1))
    # A table over the inputs costs less than K comparisons for each of K.
    inputs = jnp.concatenate([present, proposal])
    counts = jnp.concatenate([jnp.full_like(present, 2), candidate.astype(present.dtype)])
    table = jnp.zeros(in_features, present.dtype).at[inputs].add(counts, mode="drop")
    return table[proposal] == 1


def _choose(what: str, choice, names, branches):
    if isinstance(choice, str):
        if choice not in names:
            raise ValueError(f"unknown {what} {choice!r}; allowed are {', '.join(names)}")
        return branches[names.index(choice)]()
    return jax.lax.switch(choice, branches)
