"""What training costs: the model by which populations are planned and times are foretold.

A population costs its programs' compilation; for every seed and step the batch; for every trial and
step a part that knows no shape, the work on its true parameters and dendrites, and the work on
every parameter of its padded arrays, over which the optimizer passes and by which kernels other
than `native` multiply. Each resampling of a trial passes over its padded arrays once more. A
dendrite has about `K` parameters, so a network has about its parameters over `K` of them.

The coefficients were measured on two cores; `python experiments/planner.py` holds them against
reality. Plans depend on them alone, so the same search is packed the same way every time. Times
that are shown are corrected by what searches took on the machine at hand, see `calibration`.
"""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from jdend.models import count_params
from jdend.training import Bucket, Narrow

__all__ = ["Cost", "ShapeLoads", "column_count", "cost_of", "narrowing"]

Amount = TypeVar("Amount", float, np.ndarray)

BATCH = 256
# A forward pass beside a whole step.
FORWARD = 0.5


@dataclass(frozen=True)
class Cost:
    """Milliseconds, by what causes them, for a batch of 256.

    Attributes:
      program: to compile the programs of one population.
      batch: a step of a seed: its batch, shared by all configurations.
      trial: a step of a trial, whatever its shape and batch.
      network: a step of a trial, whatever its shape.
      parameter: a step, a true parameter.
      dendrite: a step, a true dendrite.
      padded: a step, a parameter of the bucket's capacity, whatever the batch.
      resampled: a resampling, a parameter of the bucket's capacity.
    """

    program: float
    batch: float
    trial: float
    network: float
    parameter: float
    dendrite: float
    padded: float
    resampled: float

    def step(self, batch_size: int, params: Amount, dendrites: Amount) -> Amount:
        """A trial's step without what its padding costs; of numbers or arrays."""
        whole = self.network + self.parameter * params + self.dendrite * dendrites
        return self.trial + whole * batch_size / BATCH


_COSTS = {
    "native": Cost(3000.0, 0.12, 0.006, 0.022, 3.0e-6, 5.0e-5, 1.25e-6, 5.5e-5),
    "dense": Cost(3300.0, 0.12, 0.006, 0.07, 0.0, 0.0, 6.0e-5, 5.5e-5),
    "gather": Cost(3300.0, 0.12, 0.006, 0.07, 0.0, 0.0, 3.0e-4, 5.5e-5),
}


def cost_of(kernel: str) -> Cost:
    """The coefficients for a kernel, by its own name; those of `dense` for one without any."""
    return _COSTS.get(kernel, _COSTS["dense"])


@dataclass(frozen=True, eq=False)
class ShapeLoads:
    """Different shapes of one architecture, and how much there is of each; `[n]` arrays.

    Attributes:
      sizes: by field name.
      params: true parameters.
      trials: trials × seeds of that shape.
      steps: steps of its longest trial.
      resamplings: of all its trials, a step.
      batch_size: of all.
    """

    sizes: dict[str, np.ndarray]
    params: np.ndarray
    trials: np.ndarray
    steps: np.ndarray
    resamplings: np.ndarray
    batch_size: int

    def work(self, cost: Cost) -> np.ndarray:
        """Milliseconds a step of all trials of each shape, padding left out."""
        dendrites = self.params / self.sizes.get("n_dendrite_inputs", np.inf)
        return self.trials * cost.step(self.batch_size, self.params, dendrites)


def narrowing(bucket: Bucket, params: float, n_seeds: int) -> Narrow:
    """When a population does better with fewer columns: when they save more than a program costs.

    Args:
      bucket: of the population.
      params: true parameters of its trials, their mean.
      n_seeds: with which they train.
    """
    cost, structure = cost_of(bucket.kernel), bucket.structure
    dendrites = params / structure.sizes.get("n_dendrite_inputs", np.inf)
    column = cost.step(structure.batch_size, params, dendrites)
    column += cost.padded * count_params(structure)

    def narrow(width: int, live: int, steps: int) -> int:
        new = column_count(live)
        return new if (width - new) * n_seeds * column * steps > cost.program else width

    return narrow


def column_count(n: int) -> int:
    """The least of 1, 2, 3, 4, 6, 8, 12, 16, 24, … that is `n` at least: few widths to compile."""
    power = 1 << max(0, n - 1).bit_length()
    return power * 3 // 4 if power >= 4 and n <= power * 3 // 4 else power
