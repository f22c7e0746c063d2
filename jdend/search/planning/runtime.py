"""How long planned populations will take."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from jdend.data import Split
from jdend.models import count_params
from jdend.search.planning.cost_model import BATCH, FORWARD, cost_of, narrowing
from jdend.search.planning.population import PlannedPopulation, Trial
from jdend.training import Bucket

__all__ = ["Forecast", "forecast"]

# Programs compile while others train. The share of that time that is lost to training; and the
# milliseconds that the first ones, beside which nothing trains, take longer.
LOST, FIRST = 0.6, 500.0


@dataclass(frozen=True)
class Forecast:
    """Seconds by the cost model, on the machine that it was measured on.

    Attributes:
      compiling: until the first population trains, and what further programs take from training.
      training: all populations.
      padding: how much of `training` goes to what pads them.
    """

    compiling: float = 0.0
    training: float = 0.0
    padding: float = 0.0

    @property
    def seconds(self) -> float:
        """All of it."""
        return self.compiling + self.training


def forecast(
    trials: Sequence[Trial],
    populations: Sequence[PlannedPopulation],
    data: Split,
    ends: Sequence[int] | None = None,
) -> Forecast:
    """Foretells the time of planned populations.

    Args:
      trials: what was planned.
      populations: in which they would be trained.
      data: of the right shapes; its contents are not read.
      ends: after how many epochs each trial ends; by default none is stopped early.
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
            beside = min(program, trained)
            compiling += program - beside + LOST * beside + (0.0 if compiled else FIRST)
            compiled.add(key)
        trained = milliseconds  # while which the next one compiles
    training, padding = (sum(column) for column in zip(*times, strict=True)) if times else (0, 0)
    return Forecast(compiling / 1000, training / 1000, padding / 1000)


def _population_ms(
    trials: Sequence[Trial], ends: Sequence[int], population: PlannedPopulation, data: Split
) -> tuple[float, float]:
    """Milliseconds to train a population, and how many of them go to padding."""
    structure, n_seeds = population.bucket.structure, len(population.seeds)
    cost, batch_size = cost_of(population.bucket.kernel), structure.batch_size
    steps = max(1, len(data.train_y) // batch_size)
    shapes = [trial.configuration.structure for trial in trials]
    params = np.array([count_params(s) for s in shapes], float)
    inputs = np.array([s.sizes.get("n_dendrite_inputs", math.inf) for s in shapes])
    capacity = count_params(structure)
    column = float(np.mean(cost.step(batch_size, params, params / inputs)))
    forward = FORWARD * float(np.mean(cost.step(BATCH, params, params / inputs))) / BATCH
    narrow = narrowing(population.bucket, float(params.mean()), n_seeds)
    width, training, column_steps = population.width, 0.0, 0.0
    last = max(ends)
    for epoch in range(last):
        live = sum(end > epoch for end in ends)
        if live < width and epoch > 0:
            width = narrow(width, live, (last - epoch) * steps)
        rows = len(data.validation_y)
        training += n_seeds * steps * cost.batch * batch_size / BATCH
        training += n_seeds * width * (steps * column + rows * forward)
        column_steps += n_seeds * width * steps
    rows = len(data.train_y) + len(data.test_y)
    training += n_seeds * population.width * rows * forward
    periods = [trial.configuration.hyperparameters.steps_to_resample for trial in trials]
    events = sum(end * steps // period for end, period in zip(ends, periods, strict=True) if period)
    padded = cost.padded * column_steps * capacity
    training += padded + cost.resampled * n_seeds * events * capacity
    return training, padded * float(1 - params.mean() / capacity)
