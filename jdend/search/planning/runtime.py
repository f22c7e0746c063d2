"""How long planned populations will take."""

import hashlib
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from jdend.data import Split
from jdend.models import count_params
from jdend.search.planning.cost_model import FORWARD_SHARE, REFERENCE_BATCH_SIZE, cost_of, narrowing
from jdend.search.planning.population import PlannedPopulation, Trial
from jdend.training import BlockShape, block_shape

__all__ = ["Forecast", "forecast"]

# Programs compile while other populations train, which slows training down: this share of the
# overlapping time is lost.
LOST_SHARE = 0.6
# The first programs, which compile before anything trains, take this much longer.
FIRST_PROGRAM_MS = 500.0
# Of the time to compile a population's programs, where nothing is resampled.
PLAIN_SHARE = 0.5
# Likewise where they were compiled before: they are traced, and read from the cache.
CACHED_SHARE = 0.3


@dataclass(frozen=True)
class Forecast:
    """Predicted seconds, on the machine that the cost model was measured on.

    Attributes:
      compiling: until the first population trains, by how much later programs slow training, and
        for those of narrowed populations.
      training: the training of all populations.
      padding: the part of `training` that is spent on padding.
      populations: the part of `training` that each population takes.
      programs: the names of the programs, for `known_programs`.
    """

    compiling: float = 0.0
    training: float = 0.0
    padding: float = 0.0
    populations: tuple[float, ...] = ()
    programs: tuple[str, ...] = ()

    def __mul__(self, factor: float) -> "Forecast":
        """So many times as long."""
        return Forecast(
            self.compiling * factor,
            self.training * factor,
            self.padding * factor,
            tuple(seconds * factor for seconds in self.populations),
            self.programs,
        )

    @property
    def seconds(self) -> float:
        """Compiling and training."""
        return self.compiling + self.training


def forecast(
    trials: Sequence[Trial],
    populations: Sequence[PlannedPopulation],
    data: Split,
    ends: Sequence[int] | None = None,
    *,
    cached: Collection[str] = (),
) -> Forecast:
    """Predicts the time of planned populations.

    Args:
      trials: the trials that were planned.
      populations: the populations in which they would be trained.
      data: data of the right shapes; the contents are not read.
      ends: the epoch after which each trial ends; by default none is stopped early.
      cached: the names of programs that were compiled before.
    """
    if ends is None:
        ends = [trial.configuration.hyperparameters.n_epochs for trial in trials]
    times = [
        _population([trials[i] for i in p.members], [ends[i] for i in p.members], p, data)
        for p in populations
    ]
    compiling, trained = 0.0, 0.0
    compiled: list[str] = []
    for population, time in zip(populations, times, strict=True):
        extra = 0.0 if compiled else FIRST_PROGRAM_MS
        for width in time.widths:
            name = _name(population, width, time.resamples, data)
            if name not in compiled:
                first = width == time.widths[0]  # the others are needed in the middle of training
                program = time.program * (CACHED_SHARE if name in cached else 1.0)
                overlap = min(program, trained) if first else 0.0
                compiling += program - overlap + LOST_SHARE * overlap
                compiled.append(name)
        compiling += extra
        trained = time.training  # the next program compiles meanwhile
    return Forecast(
        compiling / 1000,
        sum(time.training for time in times) / 1000,
        sum(time.padding for time in times) / 1000,
        tuple(time.training / 1000 for time in times),
        tuple(compiled),
    )


def _name(population: PlannedPopulation, width: int, resamples: bool, data: Split) -> str:
    """A text that differs between programs."""
    examples = (data.n_train, data.largest_validation, len(data.test_y))
    seeds = _block(population, data).seeds
    described = (population.bucket, seeds, width, resamples, examples)
    return hashlib.sha256(repr(described).encode()).hexdigest()[:16]


def _block(population: PlannedPopulation, data: Split) -> BlockShape:
    return block_shape(population.bucket, population.width, len(population.seeds), data)


@dataclass(frozen=True)
class _PopulationTime:
    """Milliseconds of a population.

    Attributes:
      training: all of its training.
      padding: the part that is spent on padding.
      program: to compile the programs of one width.
      widths: those that it has, one after the other.
      resamples: whether synapses are resampled at any time.
    """

    training: float
    padding: float
    program: float
    widths: tuple[int, ...]
    resamples: bool


def _population(
    trials: Sequence[Trial], ends: Sequence[int], population: PlannedPopulation, data: Split
) -> _PopulationTime:
    structure, n_seeds = population.bucket.structure, len(population.seeds) * data.n_folds
    cost, batch_size = cost_of(population.bucket.kernel), structure.batch_size
    steps = max(1, data.n_train // batch_size)
    shapes = [trial.configuration.structure for trial in trials]
    params = np.array([count_params(s) for s in shapes], float)
    inputs = np.array([s.sizes.get("n_dendrite_inputs", math.inf) for s in shapes])
    capacity = count_params(structure)
    patches = structure.patches[0]
    column = float(np.mean(cost.step(batch_size * patches, params, params / inputs)))
    whole_step = float(np.mean(cost.step(REFERENCE_BATCH_SIZE * patches, params, params / inputs)))
    forward = FORWARD_SHARE * whole_step / REFERENCE_BATCH_SIZE
    narrow = narrowing(population.bucket, float(params.mean()), n_seeds)
    width = _block(population, data).columns
    training, column_steps = 0.0, 0.0
    widths = [width]
    last = max(ends)
    for epoch in range(last):
        live = population.width if epoch == 0 else sum(end > epoch for end in ends)
        if live < width:
            width = narrow(width, live, (last - epoch) * steps)
            widths.append(width)
        blocks, rows = math.ceil(live / width), data.largest_validation
        batches = blocks * cost.batch * batch_size / REFERENCE_BATCH_SIZE
        training += n_seeds * steps * batches
        training += n_seeds * blocks * width * (steps * column + rows * forward)
        column_steps += n_seeds * blocks * width * steps
    rows = data.n_train + len(data.test_y)
    training += n_seeds * population.width * rows * forward
    periods = [trial.configuration.hyperparameters.steps_to_resample for trial in trials]
    events = sum(end * steps // period for end, period in zip(ends, periods, strict=True) if period)
    padded = cost.padded * column_steps * capacity
    training += padded + cost.resampled * n_seeds * events * capacity
    program = cost.program * (1.0 if events else PLAIN_SHARE)
    padding = padded * float(1 - params.mean() / capacity)
    return _PopulationTime(training, padding, program, tuple(widths), events > 0)
