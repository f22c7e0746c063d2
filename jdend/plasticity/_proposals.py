# pyright: reportUnknownMemberType=false
"""Which inputs the candidates of a resampling propose.

Shape letters: `F` features, `K` synapses per dendrite, `H, W, C` an image's height, width and
channels.
"""

import functools
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar, cast

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key

from jdend.connectivity import (
    TINY,
    AxesLogProbabilities,
    Coordinate,
    FieldStd,
    ImageShape,
    Position,
    clipped_gaussians,
    log_probabilities_around,
    normal,
    of_inputs,
)
from jdend.kernels import top_k

__all__ = ["GRADIENTS", "PROPOSALS", "Count", "Inputs", "choose", "propose"]

GRADIENTS = ("gradient", "local_gradient")
PROPOSALS = ("uniform", "local", "uniform_free", "local_free", *GRADIENTS)

# What a dendrite's key is folded by for draws over all inputs.
FREE = 5

Count = int | Int[Array, ""]
# One proposed input a synapse, and whether it can be taken.
Proposed = tuple[Int[Array, " K"], Bool[Array, " K"]]
Branch = TypeVar("Branch")


class Inputs(NamedTuple):
    """What there is to choose from: `n` of the `capacity` inputs, perhaps pixels, of which the
    share `locality` is chosen in fields of `field_std`."""

    capacity: int
    n: Count
    image_shape: ImageShape | None
    field_std: FieldStd
    locality: float | Float[Array, ""]


def propose(
    proposals: str | int | Int[Array, ""],
    key: Key[Array, ""],
    draws: Sequence[Float[Array, " K"]],
    indices: Int[Array, " K"],
    real: Bool[Array, " K"],
    candidate: Bool[Array, " K"],
    inputs: Inputs,
    gradient: Float[Array, " F"] | None,
) -> Proposed:
    """One proposed input a synapse, by a named or a traced rule, and whether it can be taken.

    `uniform` and `local` use uniform draws of the synapses, `uniform_free` and `local_free` one for
    each of the `F` inputs, from a key of their own, and the others none.
    """
    present = jnp.where(real, indices, inputs.capacity)
    image_shape = inputs.image_shape
    there = jnp.arange(inputs.capacity) < inputs.n

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
        near = (row * width + column) * channels + below(draws[2], channels)
        is_near = draws[3] < inputs.locality
        return checked(jnp.where(is_near, near.astype(indices.dtype), below(draws[0], inputs.n)))

    def near(image_shape: ImageShape) -> Float[Array, " F"]:
        """log P of each input around the centre of the dendrite's own."""
        centre = _centre(indices // image_shape[2], real, image_shape[1])
        return log_probabilities_around(centre, image_shape, inputs.field_std)

    def uniform_free() -> Proposed:
        return _drawn(key, jnp.where(there, 0.0, -jnp.inf), present, candidate)

    def local_free(image_shape: ImageShape) -> Proposed:
        centre = _centre(indices // image_shape[2], real, image_shape[1])
        axes = clipped_gaussians(centre, image_shape[:2], inputs.field_std)

        def in_field(axes: AxesLogProbabilities) -> Float[Array, " F"]:
            return of_inputs(axes, image_shape)

        def mixed(axes: AxesLogProbabilities) -> Float[Array, " F"]:
            apart = jnp.log1p(-inputs.locality) - jnp.log(inputs.n)
            # The channels of a pixel have its probability each.
            of_input = in_field(axes) - jnp.log(image_shape[2])
            return jnp.logaddexp(jnp.log(inputs.locality) + of_input, apart)

        # Not by `where`: as a rule all are local, and the mixture takes longer than all else. The
        # conditional also keeps XLA from computing an axis' probabilities anew for each input.
        all_local = jnp.asarray(inputs.locality) >= 1.0
        probability = cast(Array, jax.lax.cond(all_local, in_field, mixed, axes))
        return _drawn(key, probability, present, candidate)

    def steepest(log_weights: Float[Array, " F"] | float) -> Proposed:
        if gradient is None:  # a program without: nobody goes by it
            return uniform_free()
        scores = jnp.log(jnp.abs(gradient) + TINY) + log_weights
        return _best(jnp.where(there, scores, -jnp.inf), present, candidate)

    def by_gradient() -> Proposed:
        return steepest(0.0)

    def by_local_gradient(image_shape: ImageShape) -> Proposed:
        return steepest(near(image_shape))

    if isinstance(proposals, str) and proposals.startswith("local") and image_shape is None:
        raise ValueError(
            f"{proposals} proposals need images: give image_shape=(height, width, channels)"
        )
    if isinstance(proposals, str) and proposals in GRADIENTS and gradient is None:
        raise ValueError(f"{proposals} proposals need the gradient by every possible weight")
    if image_shape is None:
        branches = (uniform, uniform, uniform_free, uniform_free, by_gradient, by_gradient)
    else:
        of_images = [
            functools.partial(rule, image_shape) for rule in (local, local_free, by_local_gradient)
        ]
        branches = (
            uniform, of_images[0], uniform_free, of_images[1], by_gradient, of_images[2]
        )  # fmt: skip
    return choose("proposals", proposals, PROPOSALS, branches)


def _drawn(
    key: Key[Array, ""],
    log_probabilities: Float[Array, " F"],
    present: Int[Array, " K"],
    candidate: Bool[Array, " K"],
) -> Proposed:
    """Inputs that the dendrite does not read, drawn without replacement by one Gumbel top-k."""
    n_features = log_probabilities.size
    uniform = jax.random.uniform(
        jax.random.fold_in(key, FREE), (n_features,), jnp.float32, minval=TINY
    )
    return _best(log_probabilities - jnp.log(-jnp.log(uniform)), present, candidate)


def _best(
    scores: Float[Array, " F"], present: Int[Array, " K"], candidate: Bool[Array, " K"]
) -> Proposed:
    """The inputs of the highest scores that the dendrite does not read, one for each candidate;
    False where there are no more."""
    n_features = scores.size
    taken = jnp.zeros(n_features, bool).at[present].set(True, mode="drop")
    scores = jnp.where(taken, -jnp.inf, scores)
    best, inputs = top_k(scores, min(candidate.size, n_features))
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
    return jnp.clip(jnp.round(centre + std * normal(uniform)), 0, size - 1)


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


def choose(
    what: str,
    choice: str | int | Int[Array, ""],
    names: Sequence[str],
    branches: Sequence[Callable[[], Branch]],
) -> Branch:
    """The branch by its name, or by its position among the names, perhaps a traced one."""
    if isinstance(choice, str):
        if choice not in names:
            raise ValueError(f"unknown {what} {choice!r}; allowed are {', '.join(names)}")
        return branches[names.index(choice)]()
    if isinstance(choice, int):
        return branches[choice]()
    return cast(Branch, jax.lax.switch(choice, branches))
