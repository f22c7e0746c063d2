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

__all__ = ["Cost", "Shapes", "cost_of"]


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
