# pyright: reportUnknownMemberType=false
"""Structural plasticity: weak synapses are replaced by new ones while the network learns.

Shape letters: `F` features, `K` synapses per dendrite, `N` neurons, `D` dendrites per neuron,
`H, W, C` an image's height, width and channels.

A resampling picks candidates among the synapses of each dendrite and lets each propose one input.
`K` stays constant and inputs stay distinct: a proposal that its dendrite already reads, or that
another candidate makes too, is dropped, or else proposals are drawn among the free inputs, without
replacement, so that every candidate moves.
"""

import functools
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar, cast

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key

from jdend.connectivity import (
    TINY,
    Coordinate,
    FieldStd,
    ImageShape,
    Position,
    dendrite_keys,
    log_probabilities_around,
)

__all__ = ["NEW_MOMENTS", "NEW_WEIGHTS", "PROPOSALS", "RULES", "SHARES", "resample", "share_at"]

RULES = ("flat", "shrinking", "sigmoid", "laplace")
PROPOSALS = ("uniform", "local", "uniform_free", "local_free")
NEW_WEIGHTS = ("drawn", "zero")
NEW_MOMENTS = ("zero", "kept")
SHARES = ("constant", "cosine")

# The reference shrinks its percentage as 1 / (1 + SHRINKAGE * m), m the resamplings so far.
SHRINKAGE = 0.1
# What a dendrite's key is folded by for draws over all inputs.
FREE = 5

Fraction = float | Float[Array, ""]
Count = int | Int[Array, ""]
# One proposed input a synapse, and whether it can be taken.
Proposed = tuple[Int[Array, " K"], Bool[Array, " K"]]
Branch = TypeVar("Branch")


def resample(
    key: Key[Array, ""],
    weight: Float[Array, "N D K"],
    indices: Int[Array, "N D K"],
    *,
    in_features: int,
    percentage: Fraction = 0.25,
    rule: str | Int[Array, ""] = "flat",
    proposals: str | Int[Array, ""] = "uniform",
    n_resampled: Count = 0,
    new_weights: str | Int[Array, ""] = "drawn",
    weight_std: float | Float[Array, ""] | None = None,
    field_std: FieldStd = 2.0,
    image_shape: ImageShape | None = None,
    sizes: Int[Array, "3"] | None = None,
    true_features: Count | None = None,
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
        dendrite's inputs, clipped to the image. `uniform_free`, `local_free`: with the same
        probabilities, but among the inputs that the dendrite does not read, without replacement.
      n_resampled: `m`, the number of resamplings so far.
      new_weights: `drawn` from a normal distribution, or `zero`, which leaves the network's output
        as it would be without the old synapse; a name or a traced int32 position in `NEW_WEIGHTS`.
      weight_std: standard deviation of drawn weights; by default the reference's `(2 / F) ** 0.5`.
      field_std: width in pixels of local proposals.
      image_shape: `(H, W, C)`; needed by local proposals.
      sizes: the true `(N, D, K)` where arrays are padded; what lies beyond is left alone.
      true_features: how many of the inputs there are, where `F` is a capacity.

    Returns:
      `(weight, indices, replaced)`; `replaced` is True where a synapse is new.
    """
    n_neurons, n_dendrites, capacity = weight.shape
    true_neurons, true_dendrites, n_inputs = weight.shape if sizes is None else sizes
    n_features = in_features if true_features is None else true_features
    inputs = _Inputs(in_features, n_features, image_shape, field_std)
    new_std = jnp.sqrt(2 / n_features) if weight_std is None else weight_std
    position = NEW_WEIGHTS.index(new_weights) if isinstance(new_weights, str) else new_weights
    new_std = jnp.where(position == NEW_WEIGHTS.index("zero"), 0.0, new_std)

    def one_dendrite(
        key: Key[Array, ""],
        weight: Float[Array, " K"],
        indices: Int[Array, " K"],
        exists: Bool[Array, ""],
    ) -> tuple[Float[Array, " K"], Int[Array, " K"], Bool[Array, " K"]]:
        def draw(i: Int[Array, ""]) -> Float[Array, " K"]:
            return jax.random.uniform(jax.random.fold_in(key, i), (capacity,))

        # One draw for all: every further one is a further threefry program to compile.
        for_pruning, for_weight, *for_proposals = jax.vmap(draw)(jnp.arange(5))
        real = jnp.arange(capacity) < n_inputs
        candidate = (
            exists
            & real
            & _candidates(
                rule, for_pruning, jnp.abs(weight), real, percentage, n_resampled, n_inputs
            )
        )
        proposal, acceptable = _propose(
            proposals, key, for_proposals, indices, real, candidate, inputs
        )
        replaced = candidate & acceptable
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


def share_at(
    progress: Float[Array, "*shape"],
    share: float | Float[Array, "*shape"],
    schedule: int | Int[Array, "*shape"],
    end: float | Float[Array, "*shape"],
) -> Float[Array, "*shape"]:
    """The fraction of synapses to propose anew at a moment of training.

    `cosine` is half a cosine from `share` to nothing at `end` (Evci et al. 2020, "Rigging the
    lottery"); nothing moves after it.

    Args:
      progress: the part of training that is done, in [0, 1].
      share: at the beginning, in [0, 1].
      schedule: a traced position in `SHARES`.
      end: the part of training after which nothing moves, in (0, 1].
    """
    cosine = 0.5 * (1.0 + jnp.cos(jnp.pi * jnp.minimum(progress / end, 1.0)))
    falling = jnp.where(schedule == SHARES.index("cosine"), cosine, 1.0)
    return jnp.where(progress <= end, share * falling, 0.0)


def _candidates(
    rule: str | Int[Array, ""],
    uniform: Float[Array, " K"],
    magnitude: Float[Array, " K"],
    real: Bool[Array, " K"],
    percentage: Fraction,
    n_resampled: Count,
    n_inputs: Count,
) -> Bool[Array, " K"]:
    """The synapses of one dendrite that may be replaced, by a named or a traced rule."""

    def weakest(fraction: Fraction) -> Bool[Array, " K"]:
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

    branches = (
        lambda: weakest(percentage),
        lambda: weakest(percentage / (1.0 + SHRINKAGE * n_resampled)),
        lambda: with_probability(lambda m: 2.0 * jax.nn.sigmoid(-m)),
        lambda: with_probability(lambda m: jnp.exp(-m)),
    )
    return _choose("rule", rule, RULES, branches)


class _Inputs(NamedTuple):
    """What there is to choose from: `n` of the `capacity` inputs, perhaps pixels."""

    capacity: int
    n: Count
    image_shape: ImageShape | None
    field_std: FieldStd


def _propose(
    proposals: str | Int[Array, ""],
    key: Key[Array, ""],
    draws: Sequence[Float[Array, " K"]],
    indices: Int[Array, " K"],
    real: Bool[Array, " K"],
    candidate: Bool[Array, " K"],
    inputs: _Inputs,
) -> Proposed:
    """One proposed input a synapse, by a named or a traced rule, and whether it can be taken.

    `uniform` and `local` use three uniform draws a synapse, the others one for each of the `F`
    inputs, from a key of their own.
    """
    present = jnp.where(real, indices, inputs.capacity)
    image_shape = inputs.image_shape

    def below(uniform: Float[Array, " K"], size: Count) -> Int[Array, " K"]:
        return jnp.minimum(jnp.floor(uniform * size), size - 1).astype(indices.dtype)

    def checked(proposal: Int[Array, " K"]) -> Proposed:
        return proposal, _acceptable(proposal, candidate, present, inputs.capacity)

    def uniform() -> Proposed:
        return checked(below(draws[0], inputs.n))

    def local(image_shape: ImageShape) -> Proposed:
        height, width, channels = image_shape
        centre = _centre(indices // channels, real, width)
        row = _near(draws[0], centre[0], inputs.field_std, height)
        column = _near(draws[1], centre[1], inputs.field_std, width)
        proposal = (row * width + column) * channels + below(draws[2], channels)
        return checked(proposal.astype(indices.dtype))

    def uniform_free() -> Proposed:
        there = jnp.arange(inputs.capacity) < inputs.n
        return _free(key, jnp.where(there, 0.0, -jnp.inf), present, candidate)

    def local_free(image_shape: ImageShape) -> Proposed:
        centre = _centre(indices // image_shape[2], real, image_shape[1])
        near = log_probabilities_around(centre, image_shape, inputs.field_std)
        return _free(key, near, present, candidate)

    if isinstance(proposals, str) and proposals.startswith("local") and image_shape is None:
        raise ValueError(
            f"{proposals} proposals need images: give image_shape=(height, width, channels)"
        )
    if image_shape is None:
        branches = (uniform, uniform, uniform_free, uniform_free)
    else:
        near = functools.partial(local, image_shape), functools.partial(local_free, image_shape)
        branches = (uniform, near[0], uniform_free, near[1])
    return _choose("proposals", proposals, PROPOSALS, branches)


def _free(
    key: Key[Array, ""],
    log_probabilities: Float[Array, " F"],
    present: Int[Array, " K"],
    candidate: Bool[Array, " K"],
) -> Proposed:
    """Inputs that the dendrite does not read, drawn without replacement by one Gumbel top-k, one
    for each candidate; False where there are no more."""
    n_features = log_probabilities.size
    uniform = jax.random.uniform(jax.random.fold_in(key, FREE), (n_features,), minval=TINY)
    taken = jnp.zeros(n_features, bool).at[present].set(True, mode="drop")
    scores = jnp.where(taken, -jnp.inf, log_probabilities - jnp.log(-jnp.log(uniform)))
    best, inputs = jax.lax.top_k(scores, min(candidate.size, n_features))
    rank = jnp.clip(jnp.cumsum(candidate) - 1, 0, inputs.size - 1)
    return inputs[rank].astype(present.dtype), (best[rank] > -jnp.inf)


def _centre(pixel: Int[Array, " K"], real: Bool[Array, " K"], width: int) -> Position:
    """The mean row and column of a dendrite's inputs."""
    n = jnp.sum(real)
    row, column = (
        jnp.sum(jnp.where(real, position, 0)) / n for position in (pixel // width, pixel % width)
    )
    return row, column


def _near(
    uniform: Float[Array, " K"], centre: Coordinate, std: FieldStd, size: int
) -> Float[Array, " K"]:
    """Gaussian draws around a centre, rounded and clipped to one axis of the image."""
    return jnp.clip(jnp.round(centre + std * _normal(uniform)), 0, size - 1)


def _normal(uniform: Float[Array, " K"]) -> Float[Array, " K"]:
    """Standard normal draws by the inverse of their distribution function."""
    return jnp.sqrt(2.0) * jax.lax.erf_inv(jnp.maximum(2.0 * uniform - 1.0, -1.0 + 2.0**-24))


def _acceptable(
    proposal: Int[Array, " K"],
    candidate: Bool[Array, " K"],
    present: Int[Array, " K"],
    in_features: int,
) -> Bool[Array, " K"]:
    """Proposals that neither the dendrite has nor another of its candidates makes."""
    if in_features > 4 * proposal.size**2:
        had = (proposal[:, None] == present[None, :]).any(1)
        same = (proposal[:, None] == proposal[None, :]) & candidate[None, :]
        return ~(had | (same & ~jnp.eye(proposal.size, dtype=bool)).any(1))
    # A table over the inputs costs less than K comparisons for each of K.
    inputs = jnp.concatenate([present, proposal])
    counts = jnp.concatenate([jnp.full_like(present, 2), candidate.astype(present.dtype)])
    table = jnp.zeros(in_features, present.dtype).at[inputs].add(counts, mode="drop")
    return table[proposal] == 1


def _choose(
    what: str,
    choice: str | Int[Array, ""],
    names: Sequence[str],
    branches: Sequence[Callable[[], Branch]],
) -> Branch:
    """The branch by its name, or by a traced position among the names."""
    if isinstance(choice, str):
        if choice not in names:
            raise ValueError(f"unknown {what} {choice!r}; allowed are {', '.join(names)}")
        return branches[names.index(choice)]()
    return cast(Branch, jax.lax.switch(choice, branches))
