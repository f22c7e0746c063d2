"""What training costs: the model by which populations are planned and times are foretold.

A population costs its programs' compilation; for every seed and step the batch; for every trial and
step a fixed part, the work on its true parameters and dendrites, and the work on every parameter of
its padded arrays, over which the optimizer passes and by which kernels other than `native`
multiply. A dendrite has about `K` parameters, so a network has about its parameters over `K` of
them.

The coefficients were measured on two cores; `python experiments/planner.py` holds them against
reality. Plans depend on them alone, so the same search is packed the same way every time.
"""

from dataclasses import dataclass

import numpy as np

from jdend import kernels
from jdend.models import count_params
from jdend.training import Bucket, Narrow

__all__ = ["Cost", "Shapes", "cost_of", "narrowing"]


@dataclass(frozen=True)
class Cost:
    """Milliseconds, by what causes them, for a batch of 256.

    Attributes:
      program: to compile the programs of one population.
      batch: a step of a seed: its batch, shared by all configurations.
      trial: a step of a trial, whatever its shape.
      parameter: a step, a true parameter.
      dendrite: a step, a true dendrite.
      padded: a step, a parameter of the bucket's capacity.
    """

    program: float
    batch: float
    trial: float
    parameter: float
    dendrite: float
    padded: float


_COSTS = {
    "native": Cost(2800.0, 0.15, 0.026, 4.6e-6, 1.0e-4, 1.2e-6),
    "dense": Cost(3300.0, 0.15, 0.080, 0.0, 0.0, 6.0e-5),
    "gather": Cost(3300.0, 0.15, 0.080, 0.0, 0.0, 3.0e-4),
}


def cost_of(kernel: str) -> Cost:
    """The coefficients for a kernel, by the name that a search gives it."""
    return _COSTS.get(kernels.resolve(kernel), _COSTS["dense"])


@dataclass(frozen=True, eq=False)
class Shapes:
    """Different shapes of one architecture, and how much there is of each; `[n]` arrays.

    Attributes:
      sizes: by field name.
      params: true parameters.
      trials: trials × seeds of that shape.
      steps: steps of its longest trial.
    """

    sizes: dict[str, np.ndarray]
    params: np.ndarray
    trials: np.ndarray
    steps: np.ndarray

    def work(self, cost: Cost) -> np.ndarray:
        """Milliseconds a step of all trials of each shape, padding left out."""
        dendrites = self.params / self.sizes.get("n_dendrite_inputs", np.inf)
        each = cost.trial + cost.parameter * self.params + cost.dendrite * dendrites
        return self.trials * each


def narrowing(bucket: Bucket, params: float, n_seeds: int) -> Narrow:
    """When a population does better with fewer columns: when they save more than a program costs.

    Args:
      bucket: of the population.
      params: true parameters of its trials, their mean.
      n_seeds: with which they train.
    """
    cost, structure = cost_of(bucket.kernel), bucket.structure
    sizes = {name: np.array([size]) for name, size in structure.sizes.items()}
    one = Shapes(sizes, np.array([params]), np.array([n_seeds]), np.array([1]))
    column = float(one.work(cost)[0]) + n_seeds * cost.padded * count_params(structure)

    def narrow(width: int, live: int, steps: int) -> int:
        new = column_count(live)
        return new if (width - new) * column * steps > cost.program else width

    return narrow


def column_count(n: int) -> int:
    """The least of 1, 2, 3, 4, 6, 8, 12, 16, 24, … that is `n` at least: few widths to compile."""
    power = 1 << max(0, n - 1).bit_length()
    return power * 3 // 4 if power >= 4 and n <= power * 3 // 4 else power
