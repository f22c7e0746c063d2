"""The work that every implementation does: one data set, one order, one start, drawn by NumPy.

Shape letters: `S` seeds, `C` configurations, `N` neurons, `D` dendrites a neuron, `U = N D`,
`K` synapses a dendrite, `H` hidden units, `n` examples, `B` batch, `F` features.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

RATE, DECAY = 5e-4, 0.01
BETAS, EPSILON = (0.9, 0.999), 1e-8
SLOPE = 0.1
CHECKED_STEPS = 3


@dataclass(frozen=True)
class Workload:
    """Populations of `dendritic_simple` networks of one shape, and what they train on.

    With `hidden` they are `soma_disabled` ones: the dendrites of one neuron feed so many hidden
    units.
    """

    neurons: int
    dendrites: int
    synapses: int
    configurations: int = 32
    seeds: int = 1
    batch: int = 256
    features: int = 784
    classes: int = 10
    examples: int = 60_000
    hidden: int | None = None
    device: str = "cpu"
    threads: int = 2

    @property
    def shape(self) -> str:
        """As on the command line, `12x6x96` or `150x24h24`."""
        if self.hidden:
            return f"{self.dendrites}x{self.synapses}h{self.hidden}"
        return f"{self.neurons}x{self.dendrites}x{self.synapses}"

    @property
    def trials(self) -> int:
        """How many networks there are."""
        return self.configurations * self.seeds

    @property
    def checked(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """The trials whose results are compared, (seed, configuration)."""
        return (0, 0), (self.seeds - 1, self.configurations - 1)


class Examples(NamedTuple):
    """Bytes and what normalises them, `(x - offset) * scale`; each seed's `order` [S, n]."""

    x: np.ndarray
    y: np.ndarray
    order: np.ndarray
    offset: float = 0.1307 * 255
    scale: float = 1 / (0.3081 * 255)


class Checked(NamedTuple):
    """Of the checked trials: the losses of the first steps [steps, 2], and the weights then."""

    losses: np.ndarray
    weights: dict[str, np.ndarray]


def draw_examples(work: Workload) -> Examples:
    """Random bytes and labels. What a step costs does not depend on their values."""
    draws = np.random.default_rng(0)
    x = draws.integers(0, 256, (work.examples, work.features), np.uint8)
    y = draws.integers(0, work.classes, work.examples, np.int32)
    order = np.stack([draws.permutation(work.examples) for _ in range(work.seeds)])
    return Examples(x, y, order.astype(np.int32))


def rows_of_step(work: Workload, step: int) -> slice:
    """Which part of an order a step trains on, as jdend counts: anew with each epoch."""
    start = step % (work.examples // work.batch) * work.batch
    return slice(start, start + work.batch)


def draw_weights(work: Workload) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """All trials' parameters `[S, C, …]` by name, and indices `[S, C, U, K]`.

    Biases are not zero here, so that a mistake in one shows.
    """
    draws = np.random.default_rng(1)
    trials = (work.seeds, work.configurations)
    n, units, k = work.hidden or work.neurons, work.neurons * work.dendrites, work.synapses
    somata = {
        "soma_weight": ((n, work.dendrites), (2 / work.dendrites) ** 0.5),
        "soma_bias": ((n,), 0.1),
    }
    hidden = {"hidden": ((units, n), (2 / units) ** 0.5), "hidden_bias": ((n,), 0.1)}
    shapes = {
        "weight": ((units, k), (2 / k) ** 0.5),
        "bias": ((units,), 0.1),
        **(hidden if work.hidden else somata),
        "classifier": ((n, work.classes), (2 / n) ** 0.5),
        "classifier_bias": ((work.classes,), 0.1),
    }
    weights = {
        name: draws.standard_normal((*trials, *shape), np.float32) * np.float32(std)
        for name, (shape, std) in shapes.items()
    }
    indices = np.empty((work.trials, units, k), np.int32)
    for trial in indices:
        trial[:] = draws.random((units, work.features), np.float32).argpartition(k - 1)[:, :k]
    return weights, indices.reshape(*trials, units, k)


def disagreement(one: Checked, other: Checked) -> float:
    """The largest `max |a - b| / max |b|` over the losses and over each of the weights."""
    pairs = [(one.losses, other.losses)]
    pairs += [(one.weights[name], other.weights[name]) for name in other.weights]
    return max(float(np.abs(a - b).max() / np.abs(b).max()) for a, b in pairs)
