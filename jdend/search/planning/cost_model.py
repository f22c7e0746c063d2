"""What training costs: the model by which populations are planned and times are predicted.

The cost of a population is the sum of

- the compilation of its programs;
- for each seed and step, the batch;
- for each trial and step, a part that does not depend on its shape, the work on its true parameters
  and dendrites (for each patch, where dendrites read patches of an example), and the work on the
  parameters of its padded arrays: the optimizer passes over all of them, and kernels other than
  `native` multiply by all of them;
- for each resampling of a trial, one more pass over its padded arrays.

A dendrite has about `K` parameters, so a network has about `parameters / K` dendrites.

The coefficients were measured on two cores; `python experiments/planner.py` compares them with
measured times. Plans depend on these coefficients alone, so the same search is packed the same way
every time. Times that are shown are corrected for this machine, see `calibration`.
"""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from jdend.models import count_params
from jdend.training import Bucket, Narrow

__all__ = ["Cost", "ShapeLoads", "column_count", "cost_of", "narrowing"]

Amount = TypeVar("Amount", float, np.ndarray)

# The batch size that the coefficients were measured with.
REFERENCE_BATCH_SIZE = 256
# The time of a forward pass, relative to a whole training step.
FORWARD_SHARE = 0.5


@dataclass(frozen=True)
class Cost:
    """The coefficients of the cost model, in milliseconds.

    Attributes:
      program: to compile the programs of one population.
      batch: per step and seed, for a batch of 256 that all configurations share.
      trial: per step and trial, for any shape and batch size.
      network: per step and trial, for any shape and a batch of 256.
      parameter: per step and true parameter, for a batch of 256.
      dendrite: per step and true dendrite, for a batch of 256.
      padded: per step and parameter of the bucket's capacity, for any batch size.
      resampled: per resampling and parameter of the bucket's capacity.
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
        """Milliseconds of one step of a trial, without its padding; for numbers or arrays."""
        of_batch = self.network + self.parameter * params + self.dendrite * dendrites
        return self.trial + of_batch * batch_size / REFERENCE_BATCH_SIZE


_COSTS = {
    "native": Cost(3000.0, 0.12, 0.006, 0.022, 3.0e-6, 5.0e-5, 1.25e-6, 5.5e-5),
    "dense": Cost(3300.0, 0.12, 0.006, 0.07, 0.0, 0.0, 6.0e-5, 5.5e-5),
    "gather": Cost(3300.0, 0.12, 0.006, 0.07, 0.0, 0.0, 3.0e-4, 5.5e-5),
}


def cost_of(kernel: str) -> Cost:
    """The coefficients of a kernel, by its own name; those of `dense` for kernels not measured."""
    return _COSTS.get(kernel, _COSTS["dense"])


@dataclass(frozen=True, eq=False)
class ShapeLoads:
    """The `n` different shapes of one architecture, and the training load of each; `[n]` arrays.

    Attributes:
      sizes: the sizes by field name.
      params: the number of true parameters.
      trials: trials × seeds of that shape.
      steps: training steps of its longest trial.
      resamplings: resamplings per step, summed over its trials and seeds.
      batch_size: the batch size, one for all shapes.
      patches: how many parts of an example dendrites read, likewise.
    """

    sizes: dict[str, np.ndarray]
    params: np.ndarray
    trials: np.ndarray
    steps: np.ndarray
    resamplings: np.ndarray
    batch_size: int
    patches: int = 1

    def work(self, cost: Cost) -> np.ndarray:
        """Milliseconds per step of all trials of each shape, without padding."""
        dendrites = self.params / self.sizes.get("n_dendrite_inputs", np.inf)
        return self.trials * cost.step(self.batch_size * self.patches, self.params, dendrites)


def narrowing(bucket: Bucket, params: float, n_seeds: int) -> Narrow:
    """Decides when to go on with fewer columns: when that saves more than a new program costs.

    Args:
      bucket: the bucket of the population.
      params: the mean number of true parameters of its trials.
      n_seeds: the number of seeds of each trial.
    """
    cost, structure = cost_of(bucket.kernel), bucket.structure
    dendrites = params / structure.sizes.get("n_dendrite_inputs", np.inf)
    column = cost.step(structure.batch_size * structure.patches[0], params, dendrites)
    column += cost.padded * count_params(structure)

    def narrow(width: int, live: int, steps: int) -> int:
        new = column_count(live)
        return new if (width - new) * n_seeds * column * steps > cost.program else width

    return narrow


def column_count(n: int) -> int:
    """The smallest of 1, 2, 3, 4, 6, 8, 12, 16, 24, … that is at least `n`.

    Few different widths mean few programs to compile.
    """
    power = 1 << max(0, n - 1).bit_length()
    return power * 3 // 4 if power >= 4 and n <= power * 3 // 4 else power
