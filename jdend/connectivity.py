# pyright: reportUnknownMemberType=false
"""Which inputs a dendrite reads: rules that draw `K` distinct inputs out of `F`.

Shape letters: `F` features, `K` synapses per dendrite, `N` neurons, `D` dendrites per neuron,
`H, W, C` an image's height, width and channels (`F = H * W * C`, channels last).

A rule maps two uniform draws to an unnormalised log-probability for every input; the draw itself is
one Gumbel top-k (Yellott 1977; Kool et al. 2019, "Stochastic beams and where to find them"), which
has the law of drawing without replacement at a fixed cost. Every dendrite has a key of its own,
folded by (neuron, dendrite), and its inputs come in order of their scores, so the first `k` inputs
of a draw are the draw of `k` inputs: padding neurons, dendrites or synapses changes no dendrite.
What the dendrites of a neuron have in common follows from the draws of its first one.
"""

import functools
import math
from collections.abc import Callable
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Bool, Float, Int, Key
from numpy.typing import ArrayLike

from jdend.kernels import less_to_compile, top_k

__all__ = [
    "CONNECTIVITIES",
    "check_indices",
    "default_field_std",
    "dendrite_keys",
    "draw_indices",
    "log_probabilities_around",
    "normal",
]

# Pixels. Below this, log-probabilities of unequally distant pixels lie further apart than Gumbel
# draws in float32 can, so the law no longer changes, and soon they overflow.
NARROWEST_FIELD = 0.05

# The smallest normal float32: a draw of zero has no logarithm.
TINY = float(np.finfo(np.float32).tiny)

Size = int | Any
"""A dimension: a whole number, or a symbol of `jax.export.symbolic_shape`, as in counting."""
ImageShape = tuple[Size, Size, Size]
FieldStd = float | Float[Array, ""]
Coordinate = float | Float[Array, ""]
Position = tuple[Coordinate, Coordinate]
LogProbabilities = Float[Array, " F"]
# Of the rows and of the columns of an image.
AxesLogProbabilities = tuple[Float[Array, " H"], Float[Array, " W"]]
Rule = Callable[[Float[Array, "2"], int, ImageShape | None, FieldStd], LogProbabilities]


def draw_indices(
    key: Key[Array, ""],
    shape: tuple[Size, Size, Size],
    in_features: Size,
    *,
    connectivity: str | Int[Array, ""] = "random",
    field_std: FieldStd | None = None,
    image_shape: ImageShape | None = None,
    true_features: int | Int[Array, ""] | None = None,
    by_neuron: bool = True,
) -> Int[Array, "N D K"]:
    """Draws the inputs of `N * D` dendrites.

    Args:
      key: the layer's key.
      shape: `(N, D, K)`.
      in_features: `F`, the number of inputs to choose from; at least `K`.
      connectivity: a name of `CONNECTIVITIES`, or a traced int32 that is its position there.
      field_std: width of a receptive field in pixels; by default `K ** 0.5`, as in the reference.
        Other rules ignore it.
      image_shape: `(H, W, C)`; needed by receptive fields.
      true_features: how many of the inputs there are, where `F` is a capacity; at least the true
        number of synapses. The others come last.
      by_neuron: whether dendrites of the first axis have a neuron in common. If not, as in a layer
        without somata, every dendrite is a neuron of its own.

    Returns:
      int32 `[N, D, K]`, distinct within a dendrite.

    Raises:
      ValueError: if the rule is unknown, or needs an image shape, or that has not `F` features.
    """
    if field_std is None:
        field_std = default_field_std(shape[2])
    traced = any(isinstance(x, Tracer) for x in (key, field_std, true_features))
    at_once = not traced and isinstance(connectivity, str)
    return (_draw_in_one_program if at_once else _draw)(
        less_to_compile(key),
        field_std,
        true_features,
        shape=shape,
        in_features=in_features,
        connectivity=connectivity,
        image_shape=image_shape,
        by_neuron=by_neuron,
    )


def _draw(
    key: Key[Array, ""],
    field_std: FieldStd,
    true_features: int | Int[Array, ""] | None,
    *,
    shape: tuple[Size, Size, Size],
    in_features: Size,
    connectivity: str | Int[Array, ""],
    image_shape: ImageShape | None,
    by_neuron: bool,
) -> Int[Array, "N D K"]:
    n_neurons, n_dendrites, n_inputs = shape
    log_probabilities = _rule(connectivity, in_features, image_shape, field_std)

    # One draw for all: every further one is a further threefry program to compile.
    def draws_of(key: Key[Array, ""]) -> Float[Array, " draws"]:
        return jax.random.uniform(key, (2 + in_features,), jnp.float32, minval=TINY)

    def draw_one(centre: Float[Array, "2"], draws: Float[Array, " F"]) -> Int[Array, " K"]:
        gumbel = -jnp.log(-jnp.log(draws))
        scores = log_probabilities(centre) + gumbel
        if true_features is not None:
            scores = jnp.where(jnp.arange(in_features) < true_features, scores, -jnp.inf)
        return top_k(scores, n_inputs)[1]

    # One axis of dendrites is traced in half the time of two.
    keys = dendrite_keys(key, n_neurons, n_dendrites).reshape(-1)
    uniform = jax.vmap(draws_of)(keys)
    centres = uniform[:, :2]
    near_neuron = _is_among(connectivity, NEAR_NEURON)
    if image_shape is not None and near_neuron is not False:
        of_neurons = centres.reshape(n_neurons, n_dendrites, 2)
        if by_neuron:
            of_neurons = jnp.broadcast_to(of_neurons[:, :1], of_neurons.shape)
        moved = _moved_near(of_neurons.reshape(-1, 2), centres, image_shape, field_std)
        centres = jnp.where(near_neuron, moved, centres)
    drawn = jax.vmap(draw_one)(centres, uniform[:, 2:]).reshape(shape)
    shared = by_neuron and _is_among(connectivity, SHARED)
    return drawn if shared is False else jnp.where(shared, drawn[:, :1], drawn)


_draw_in_one_program = cast(
    Callable[..., Array],
    jax.jit(
        _draw,
        static_argnames=("shape", "in_features", "connectivity", "image_shape", "by_neuron"),
    ),
)
"""Outside of a program JAX would compile one for each of some forty operations."""


def dendrite_keys(key: Key[Array, ""], n_neurons: Size, n_dendrites: Size) -> Key[Array, "N D"]:
    """Keys `[N, D]`, each folded by (neuron, dendrite), so that padding leaves them as they are.

    Both must be below 2^16.
    """
    position = (jnp.arange(n_neurons, dtype=jnp.uint32)[:, None] << 16) | jnp.arange(
        n_dendrites, dtype=jnp.uint32
    )
    keys = jax.vmap(jax.random.fold_in, in_axes=(None, 0))(key, position.reshape(-1))
    return keys.reshape(position.shape)


def default_field_std(n_inputs: Size | Int[Array, ""]) -> Float[Array, ""]:
    """The reference's width of a local receptive field: `K ** 0.5` pixels."""
    return jnp.sqrt(jnp.asarray(n_inputs, jnp.float32))


def log_probabilities_around(
    centre: Position, image_shape: ImageShape, field_std: FieldStd
) -> LogProbabilities:
    """log P of each input under a Gaussian around a pixel, rounded and clipped to the image.

    Args:
      centre: row and column in pixels; they need not be whole.
      image_shape: `(H, W, C)`. The channels of a pixel are equally likely.
      field_std: in pixels.
    """
    return of_inputs(clipped_gaussians(centre, image_shape[:2], field_std), image_shape)


def of_inputs(axes: AxesLogProbabilities, image_shape: ImageShape) -> LogProbabilities:
    """log P of each input, from those of its row and column, see `clipped_gaussians`."""
    rows, columns = axes
    of_pixel = rows[:, None] + columns[None, :]
    return jnp.repeat(of_pixel.reshape(-1), image_shape[2])


def normal(uniform: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Standard normal draws by the inverse of their distribution function."""
    return jnp.sqrt(2.0) * jax.lax.erf_inv(jnp.maximum(2.0 * uniform - 1.0, -1.0 + 2.0**-24))


def check_indices(indices: ArrayLike, in_features: int) -> None:
    """Raises `ValueError` unless concrete `indices [..., K]` are in `[0, F)` and distinct."""
    indices = np.asarray(indices)
    if not np.issubdtype(indices.dtype, np.integer):
        raise ValueError(f"indices must be integers, got {indices.dtype}")
    if indices.size and (indices.min() < 0 or indices.max() >= in_features):
        worst = indices.min() if indices.min() < 0 else indices.max()
        raise ValueError(
            f"index {worst} is outside the layer's inputs: allowed are 0 to {in_features - 1}"
        )
    ordered = np.sort(indices, axis=-1)
    repeated = np.argwhere(ordered[..., 1:] == ordered[..., :-1])
    if len(repeated):
        where = tuple(int(i) for i in repeated[0][:-1])
        raise ValueError(f"dendrite {where} reads input {ordered[tuple(repeated[0])]} twice")


def _random(
    uniform: Float[Array, "2"],
    in_features: Size,
    image_shape: ImageShape | None,
    field_std: FieldStd,
) -> LogProbabilities:
    """Every input equally likely."""
    return jnp.zeros((in_features,), jnp.float32)


def _local_receptive_fields(
    uniform: Float[Array, "2"],
    in_features: Size,
    image_shape: ImageShape | None,
    field_std: FieldStd,
) -> LogProbabilities:
    """A centre pixel, uniform over the image; inputs at rounded Gaussian offsets around it,
    clipped to the image, so that the tails' mass lies on the border. Channels equally likely."""
    assert image_shape is not None  # see `_rule`
    height, width, _ = image_shape
    row, column = jnp.floor(uniform * jnp.array([height, width]))
    return log_probabilities_around((row, column), image_shape, field_std)


def _fully_connected(
    uniform: Float[Array, "2"],
    in_features: Size,
    image_shape: ImageShape | None,
    field_std: FieldStd,
) -> LogProbabilities:
    """Every input, in order: steps far larger than any Gumbel draw."""
    return -1e3 * jnp.arange(in_features, dtype=jnp.float32)


CONNECTIVITIES: dict[str, Rule] = {
    "random": _random,
    "local_receptive_fields": _local_receptive_fields,
    "fully_connected": _fully_connected,
    "global_receptive_fields": _local_receptive_fields,  # around centres that `_moved_near` moved
    "shared_inputs": _random,
    "shared_receptive_fields": _local_receptive_fields,
}
# Rules whose dendrites read what the first one of their neuron reads.
SHARED = ("shared_inputs", "shared_receptive_fields")
# Rules whose dendrites have their centres near a centre of their neuron.
NEAR_NEURON = ("global_receptive_fields",)


def _rule(
    connectivity: str | Int[Array, ""],
    in_features: Size,
    image_shape: ImageShape | None,
    field_std: FieldStd,
) -> Callable[[Float[Array, "2"]], LogProbabilities]:
    """The rule by name, or a selection among all that the image shape allows."""
    if image_shape is not None and math.prod(image_shape) != in_features:
        raise ValueError(
            f"image_shape={tuple(image_shape)} has {math.prod(image_shape)} features, "
            f"and the inputs have {in_features}"
        )
    if isinstance(connectivity, str):
        if connectivity not in CONNECTIVITIES:
            raise ValueError(
                f"unknown connectivity {connectivity!r}; allowed are {', '.join(CONNECTIVITIES)}"
            )
        rule = CONNECTIVITIES[connectivity]
        if rule is _local_receptive_fields and image_shape is None:
            raise ValueError(
                f"{connectivity} needs images: give image_shape=(height, width, channels)"
            )
        return lambda uniform: rule(uniform, in_features, image_shape, field_std)
    allowed = [
        _random if image_shape is None and rule is _local_receptive_fields else rule
        for rule in CONNECTIVITIES.values()
    ]
    distinct = list(dict.fromkeys(allowed))
    position = jnp.array([distinct.index(rule) for rule in allowed])[connectivity]

    def of_all(uniform: Float[Array, "2"]) -> LogProbabilities:
        branches = [
            functools.partial(rule, uniform, in_features, image_shape, field_std)
            for rule in distinct
        ]
        return cast(Array, jax.lax.switch(position, branches))

    return of_all


def _is_among(connectivity: str | Int[Array, ""], names: tuple[str, ...]) -> bool | Bool[Array, ""]:
    """Whether a rule, given by name or by traced position, is one of these."""
    if isinstance(connectivity, str):
        return connectivity in names
    positions = [list(CONNECTIVITIES).index(name) for name in names]
    return jnp.isin(connectivity, jnp.array(positions))


def _moved_near(
    of_neurons: Float[Array, "U 2"],
    uniform: Float[Array, "U 2"],
    image_shape: ImageShape,
    field_std: FieldStd,
) -> Float[Array, "U 2"]:
    """Draws of dendrites' centres, moved to a rounded Gaussian offset of `field_std` around their
    neurons' and clipped to the image.

    A draw times the image's size is a pixel and a remainder, which are independent: the pixel of a
    neuron's draw is its centre, the remainder of a dendrite's its offset.
    """
    size = jnp.array(image_shape[:2])
    offset = field_std * normal(uniform * size - jnp.floor(uniform * size))
    pixel = jnp.clip(jnp.round(jnp.floor(of_neurons * size) + offset), 0, size - 1)
    return (pixel + 0.5) / size


def clipped_gaussians(
    centre: Position, shape: tuple[int, int], std: FieldStd
) -> AxesLogProbabilities:
    """log P of each pixel of either axis under `clip(round(Normal(centre, std)))`."""
    std = jnp.maximum(std, NARROWEST_FIELD)
    lows, highs = zip(*map(_bounds, centre, shape, (std, std)), strict=True)
    # Of all bounds together, since `log_ndtr` is much to compile.
    below = cast(Array, jax.scipy.special.log_ndtr(jnp.concatenate([*highs, *lows])))
    upper, lower = below[: sum(shape)], below[sum(shape) :]
    both = upper + jnp.log1p(-jnp.exp(jnp.minimum(lower - upper, -1e-6)))
    return both[: shape[0]], both[shape[0] :]


def _bounds(
    centre: Coordinate, size: int, std: FieldStd
) -> tuple[Float[Array, " size"], Float[Array, " size"]]:
    """Where each pixel of one axis begins and ends, in standard deviations."""
    pixels = jnp.arange(size)
    offset = pixels - centre
    low = jnp.where(pixels == 0, -jnp.inf, (offset - 0.5) / std)
    high = jnp.where(pixels == size - 1, jnp.inf, (offset + 0.5) / std)
    # By symmetry every interval is moved to the left tail, where log_ndtr keeps its precision.
    right = low > 0
    return jnp.where(right, -high, low), jnp.where(right, -low, high)
