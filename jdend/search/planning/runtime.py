"""How long planned populations will take."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from jdend.data import Split
from jdend.models import count_params
from jdend.search.planning.cost_model import FORWARD_SHARE, REFERENCE_BATCH_SIZE, cost_of, narrowing
from jdend.search.planning.population import PlannedPopulation, Trial
from jdend.training import Bucket

__all__ = ["Forecast", "forecast"]

# Programs compile while other populations train, which slows training down: this share of the
# overlapping time is lost.
LOST_SHARE = 0.6
# The first programs, which compile before anything trains, take this much longer.
FIRST_PROGRAM_MS = 500.0


@dataclass(frozen=True)
class Forecast:
    """Predicted seconds, on the machine that the cost model was measured on.

    Attributes:
      compiling: until the first population trains, and by how much later programs slow training.
      training: the training of all populations.
      padding: the part of `training` that is spent on padding.
    """

    compiling: float = 0.0
    training: float = 0.0
    padding: float = 0.0

    @property
    def seconds(self) -> float:
        """Compiling and training."""
        return self.compiling + self.training


def forecast(
    trials: Sequence[Trial],
    populations: Sequence[PlannedPopulation],
    data: Split,
    ends: Sequence[int] | None = None,
) -> Forecast:
    """Predicts the time of planned populations.

    Args:
      trials: the trials that were planned.
      populations: the populations in which they would be trained.
      data: data of the right shapes; the contents are not read.
      ends: the epoch after which each trial ends; by default none is stopped early.
    """
    if ends is None:
        ends = [trial.configuration.hyperparameters.n_epochs for trial in trials]
    times = [
        _population_ms([trials[i] for i in p.members], [ends[i] for i in p.members], p, data)
        for p in populations
    ]
    compiling, trained = 0.0, 0.0
    compiled: set[tuple[Bucket, int, int]] = set()
    for population, (milliseconds, _) in zip(populations, times, strict=True):
        key = (population.bucket, len(population.seeds), population.width)
        if key not in compiled:
            program = cost_of(population.bucket.kernel).program
            overlap = min(program, trained)
            extra = 0.0 if compiled else FIRST_PROGRAM_MS
            compiling += program - overlap + LOST_SHARE * overlap + extra
            compiled.add(key)
        trained = milliseconds  # the next program compiles meanwhile
    training, padding = (sum(column) for column in zip(*times, strict=True)) if times else (0, 0)
    return Forecast(compiling / 1000, training / 1000, padding / 1000)


def _population_ms(
    trials: Sequence[Trial], ends: Sequence[int], population: PlannedPopulation, data: Split
) -> tuple[float, float]:
    """Milliseconds to train a population, and how many of them are spent on padding."""
    structure, n_seeds = population.bucket.structure, len(population.seeds)
    cost, batch_size = cost_of(population.bucket.kernel), structure.batch_size
    steps = max(1, len(data.train_y) // batch_size)
    shapes = [trial.configuration.structure for trial in trials]
    params = np.array([count_params(s) for s in shapes], float)
    inputs = np.array([s.sizes.get("n_dendrite_inputs", math.inf) for s in shapes])
    capacity = count_params(structure)
    column = float(np.mean(cost.step(batch_size, params, params / inputs)))
    whole_step = float(np.mean(cost.step(REFERENCE_BATCH_SIZE, params, params / inputs)))
    forward = FORWARD_SHARE * whole_step / REFERENCE_BATCH_SIZE
    narrow = narrowing(population.bucket, float(params.mean()), n_seeds)
    width, training, column_steps = population.width, 0.0, 0.0
    last = max(ends)
    for epoch in range(last):
        live = sum(end > epoch for end in ends)
        if live < width and epoch > 0:
            width = narrow(width, live, (last - epoch) * steps)
        rows = len(data.validation_y)
        training += n_seeds * steps * cost.batch * batch_size / REFERENCE_BATCH_SIZE
        training += n_seeds * width * (steps * column + rows * forward)
        column_steps += n_seeds * width * steps
    rows = len(data.train_y) + len(data.test_y)
    training += n_seeds * population.width * rows * forward
    periods = [trial.configuration.hyperparameters.steps_to_resample for trial in trials]
    events = sum(end * steps // period for end, period in zip(ends, periods, strict=True) if period)
    padded = cost.padded * column_steps * capacity
    training += padded + cost.resampled * n_seeds * events * capacity
    return training, padded * float(1 - params.mean() / capacity)
