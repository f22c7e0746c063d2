"""Random populations of dendritic layers, and what a kernel makes of them."""

from dataclasses import astuple, dataclass
from functools import cache

import jax
import numpy as np

from jdend.kernels import dendritic_layer

SOMA_SLOPE = 0.1


@dataclass(frozen=True)
class Shape:
    """A population [S, C] of layers; each trial has true sizes of its own inside N, D, K.

    ``slope`` is that of dendrites, and not that of somas, unless a test is about equal ones.
    """

    seeds: int = 1
    configurations: int = 1
    batch: int = 8
    features: int = 20
    neurons: int = 3
    dendrites: int = 2
    synapses: int = 5
    soma: bool = True
    slope: float = -0.7

    def __str__(self) -> str:
        sizes = f"{self.neurons}x{self.dendrites}x{self.synapses}of{self.features}"
        bare = "" if self.soma else "-bare"
        slope = "" if self.slope == Shape.slope else f"-slope{self.slope}"
        return f"{self.seeds}s{self.configurations}c-b{self.batch}-{sizes}{bare}{slope}"


CORNERS = (
    Shape(),
    Shape(slope=SOMA_SLOPE),
    Shape(synapses=1),
    Shape(synapses=20, slope=1.0),
    Shape(neurons=1, dendrites=1),
    Shape(neurons=1, dendrites=7, soma=False),
    Shape(batch=1, configurations=3),
    Shape(batch=32, synapses=16, slope=0.0),
    Shape(batch=33, synapses=17, features=17, slope=-1.0),
    Shape(batch=65, seeds=2, configurations=10, synapses=15),
    Shape(features=1, synapses=1, configurations=10),
    Shape(features=784, synapses=96, batch=64, neurons=12, dendrites=6, configurations=4),
)


def _random_shape(rng: np.random.Generator, slope: float) -> Shape:
    features = int(rng.integers(2, 120))
    return Shape(
        seeds=int(rng.integers(1, 4)),
        configurations=int(rng.integers(16, 24)),
        batch=int(rng.integers(1, 80)),
        features=features,
        neurons=int(rng.integers(1, 7)),
        dendrites=int(rng.integers(1, 9)),
        synapses=int(rng.integers(1, features + 1)),
        soma=bool(rng.random() < 0.7),
        slope=slope,
    )


_rng = np.random.default_rng(0)
SLOPES = (-1.0, -0.6, -0.25, 0.4, 0.8, 1.0)
SHAPES = CORNERS + tuple(_random_shape(_rng, slope) for slope in SLOPES)


@cache
def population(shape: Shape) -> dict[str, np.ndarray]:
    """The operands, [S, C, ...] but for x [S, B, F]; trial 0 has no padding, the others may."""
    rng = np.random.default_rng(astuple(shape)[:-1])
    lead = (shape.seeds, shape.configurations)
    full = (shape.neurons, shape.dendrites, shape.synapses)
    sizes = rng.integers(1, full, (*lead, 3), endpoint=True)
    sizes[0, 0] = full

    def normal(mean, *own):
        return rng.normal(mean, 1, own).astype(np.float32)

    arrays = {
        "x": normal(1, shape.seeds, shape.batch, shape.features),
        "weight": normal(0, *lead, *full),
        "bias": normal(0, *lead, *full[:2]),
        "indices": rng.random((*lead, *full[:2], shape.features)).argsort(-1).astype(np.int32),
        "sizes": sizes.astype(np.int32),
    }
    arrays["indices"] = arrays["indices"][..., : shape.synapses]
    if shape.soma:
        arrays["soma_weight"] = normal(0.5, *lead, *full[:2])
        arrays["soma_bias"] = normal(0, *lead, shape.neurons)
    return arrays


def trial_sums(shape: Shape, s: int, c: int) -> tuple[np.ndarray, np.ndarray | None]:
    """The dendrites' sums [B, n, d] and the somas' [B, n] of one trial, at its true sizes.

    Plain NumPy in float64, by the formula in ``dendritic_layer``'s docstring.
    """
    arrays = population(shape)
    n, d, k = arrays["sizes"][s, c]
    x = arrays["x"][s].astype(np.float64)
    inputs = x[:, arrays["indices"][s, c, :n, :d, :k]]
    pre = (inputs * arrays["weight"][s, c, :n, :d, :k]).sum(-1) + arrays["bias"][s, c, :n, :d]
    if not shape.soma:
        return pre, None
    h = np.where(pre >= 0, pre, shape.slope * pre)
    soma = (h * arrays["soma_weight"][s, c, :n, :d]).sum(-1) + arrays["soma_bias"][s, c, :n]
    return pre, soma


@cache
def cotangent(shape: Shape, margin: float) -> np.ndarray:
    """A random cotangent of the output, 0 for outputs with a sum near LeakyReLU's kink.

    Near it two right implementations may disagree about the side. ``margin`` is in units of the
    sums' root mean square.
    """
    own = (shape.neurons,) if shape.soma else (shape.neurons, shape.dendrites)
    rng = np.random.default_rng(1)
    g = rng.uniform(0.5, 1.5, (shape.seeds, shape.configurations, shape.batch, *own))
    for s in range(shape.seeds):
        for c in range(shape.configurations):
            pre, soma = trial_sums(shape, s, c)
            n, d = pre.shape[1:]
            near = np.abs(pre) < margin * np.sqrt(np.mean(pre**2))
            if soma is None:
                g[s, c, :, :n, :d][near] = 0
            else:
                near_soma = np.abs(soma) < margin * np.sqrt(np.mean(soma**2))
                g[s, c, :, :n][near.any(-1) | near_soma] = 0
    return g.astype(np.float32)


def layer_of(shape: Shape, arrays: dict, kernel: str) -> jax.Array:
    """One trial's layer, with the slopes of the shape."""
    return dendritic_layer(
        **arrays, negative_slope=shape.slope, soma_slope=SOMA_SLOPE, kernel=kernel
    )


def program(kernel: str, shape: Shape):
    """``(arrays, g) -> {name: array}``: the output, and the gradients of all that is trained."""
    in_axes = {name: None if name == "x" else 0 for name in population(shape)}

    def trial(arrays):
        return layer_of(shape, arrays, kernel)

    def run(arrays, g):
        fixed = {name: arrays.pop(name) for name in ("indices", "sizes")}

        def forward(trained):
            return jax.vmap(jax.vmap(trial, in_axes=(in_axes,)))(trained | fixed)

        out, pullback = jax.vjp(forward, arrays)
        return {"out": out, **pullback(g)[0]}

    return run


@cache
def compiled(kernel: str, shape: Shape):
    """The program, compiled without optimisations: there are many, and each runs once or twice."""
    return jax.jit(program(kernel, shape))


def evaluate(kernel: str, shape: Shape, margin: float) -> dict[str, np.ndarray]:
    """What ``kernel`` makes of the population and the cotangent."""
    results = compiled(kernel, shape)(dict(population(shape)), cotangent(shape, margin))
    return {name: np.asarray(array) for name, array in results.items()}


def largest_error(results: dict, expected: dict) -> tuple[float, str]:
    """The largest ``max|a - b| / max|b|`` of any array, and the array's name."""
    errors = {}
    for name, array in expected.items():
        scale, error = np.abs(array).max(), np.abs(results[name] - array).max()
        errors[name] = float(error / scale) if scale else float(error > 0)
    worst = max(errors, key=errors.__getitem__)
    return errors[worst], worst
