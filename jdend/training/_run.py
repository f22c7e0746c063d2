"""Trains the members of a bucket from their first step to their last."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from numbers import Integral

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from jdend.data import Split
from jdend.models import Configuration
from jdend.training._data import DeviceData, on_device
from jdend.training._memory import configurations_that_fit
from jdend.training._network import Bucket
from jdend.training._population import Population, epoch_order, population
from jdend.training._state import State
from jdend.training._traits import pack

__all__ = ["FIGURES", "Outcome", "Progress", "prepare", "train"]

FIGURES = ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy")
SECONDS_PER_CALL = 1.0


@dataclass(frozen=True)
class Progress:
    """Where the training of a bucket stands.

    Attributes:
      epoch: epochs done, with a fraction.
      n_epochs: epochs of the longest trial.
      n_trials: trials × seeds that train together now.
      validation_accuracy: `[S, C]` after the last whole epoch; NaN before the first.
      seconds: since the bucket's training began.
      compile_seconds: of these, spent on waiting for its programs.
    """

    epoch: float
    n_epochs: int
    n_trials: int
    validation_accuracy: Float[np.ndarray, "S C"]
    seconds: float
    compile_seconds: float


@dataclass(frozen=True, eq=False)
class Outcome:
    """What came of one trial: a configuration and its seeds.

    Attributes:
      configuration: what was trained.
      seeds: with which seeds, `S` of them.
      history: `[S, epochs]` by name in `FIGURES`. Training figures are running means over an
        epoch, those of validation are taken at its end (NaN without a validation part).
      train_loss, train_accuracy, validation_loss, validation_accuracy, test_loss, test_accuracy:
        `[S]`, of the trained network, each from one full pass.
      failed_epoch: `[S]`, the epoch (from 0) in which a loss stopped being finite, or -1.
      seconds: its share of its population's wall time, compiling left out.
    """

    configuration: Configuration
    seeds: tuple[int, ...]
    history: dict[str, Float[np.ndarray, "S epochs"]]
    train_loss: Float[np.ndarray, " S"]
    train_accuracy: Float[np.ndarray, " S"]
    validation_loss: Float[np.ndarray, " S"]
    validation_accuracy: Float[np.ndarray, " S"]
    test_loss: Float[np.ndarray, " S"]
    test_accuracy: Float[np.ndarray, " S"]
    failed_epoch: Int[np.ndarray, " S"]
    seconds: float


def train(
    bucket: Bucket,
    configurations: Sequence[Configuration],
    seeds: Sequence[int],
    data: Split,
    *,
    on_progress: Callable[[Progress], None] | None = None,
) -> list[Outcome]:
    """Trains configurations × seeds together, and measures them.

    Args:
      bucket: the program that they share; every configuration's structure must fit it.
      configurations: at least one. Those of different length share the program; each is measured
        at its own last epoch.
      seeds: at least one, integers in [0, 2^32).
      data: with at least one batch of training examples. Nothing is selected here: test figures
        are taken once, after a trial's last step.
      on_progress: called about once a second, from this thread. An exception it raises, or
        Ctrl-C, ends training.

    Returns:
      One outcome a configuration, in order.

    Raises:
      ValueError: if a batch is larger than the training part, a seed is out of range, or a
        structure does not fit the bucket.
    """
    batch_size = bucket.structure.batch_size
    if len(data.train_y) < batch_size:
        raise ValueError(
            f"batch_size={batch_size} is more than the {len(data.train_y)} training examples"
        )
    for seed in seeds:
        if not isinstance(seed, Integral) or isinstance(seed, bool) or not 0 <= seed < 2**32:
            raise ValueError(f"seeds must be integers from 0 to 2**32 - 1, got {seed!r}")
    for configuration in configurations:
        bucket.check_fits(configuration.structure)
    room = configurations_that_fit(bucket, len(configurations), len(seeds), data)
    outcomes: list[Outcome] = []
    for begin in range(0, len(configurations), room):
        some = configurations[begin : begin + room]
        outcomes += _Run(bucket, some, seeds, data, on_progress).outcomes()
    return outcomes


def prepare(
    bucket: Bucket, configurations: Sequence[Configuration], seeds: Sequence[int], data: Split
) -> None:
    """Compiles what `train` with the same arguments will need; it may do so in another thread."""
    room = configurations_that_fit(bucket, len(configurations), len(seeds), data)
    on = on_device(data)
    steps_per_epoch = len(data.train_y) // bucket.structure.batch_size
    traits = pack(configurations[:room], steps_per_epoch, padded=bucket.padded)
    population(bucket).compile(traits, len(seeds), on)


class _Run:
    """One population on its way through its epochs."""

    def __init__(self, bucket, configurations, seeds, data: Split, on_progress):
        self.bucket = bucket
        self.configurations: Sequence[Configuration] = configurations
        self.seeds = tuple(int(seed) for seed in seeds)
        self.data: DeviceData = on_device(data)
        self.on_progress = on_progress
        self.held_out = len(data.validation_y) > 0
        self.population: Population = population(bucket)
        self.steps_per_epoch = len(data.train_y) // bucket.structure.batch_size
        self.n_epochs = [c.hyperparameters.n_epochs for c in configurations]
        self.shape = (len(self.seeds), len(configurations))
        self.history = {
            name: np.full((*self.shape, max(self.n_epochs)), np.nan) for name in FIGURES
        }
        self.final: dict[str, np.ndarray] = {
            name: np.full(self.shape, np.nan) for name in (*FIGURES, "test_loss", "test_accuracy")
        }
        self.begun = time.perf_counter()
        self.compile_seconds = 0.0
        self.pace = 4  # steps a call, adapted to SECONDS_PER_CALL

    def outcomes(self) -> list[Outcome]:
        traits = pack(self.configurations, self.steps_per_epoch, padded=self.bucket.padded)
        self.population.compile(traits, len(self.seeds), self.data)
        self.compile_seconds = time.perf_counter() - self.begun
        state = self.population.init(traits, jnp.array(self.seeds, jnp.uint32))
        for epoch in range(max(self.n_epochs)):
            state = self._one_epoch(state, epoch)
            self._record(state, epoch)
            ending = [c for c, n in enumerate(self.n_epochs) if n == epoch + 1]
            if ending:
                self._measure(state, ending)
            self._report(epoch + 1.0, epoch)
        return self._collect(state)

    def _one_epoch(self, state: State, epoch: int) -> State:
        step, end = epoch * self.steps_per_epoch, (epoch + 1) * self.steps_per_epoch
        order = epoch_order(state.seeds, epoch, self.data.n_train)
        while step < end:
            stop = min(step + self.pace, end)
            begun = time.perf_counter()
            state = self.population.advance(state, self.data.examples, order, jnp.int32(stop))
            jax.block_until_ready(state.step)
            took = time.perf_counter() - begun
            self.pace = max(1, math.ceil((stop - step) * SECONDS_PER_CALL / max(took, 1e-4)))
            step = stop
            if step < end:
                self._report(step / self.steps_per_epoch, epoch - 1)
        return state

    def _record(self, state: State, epoch: int) -> None:
        seen = self.steps_per_epoch * self.bucket.structure.batch_size
        figures = {
            "train_loss": state.loss_sum / self.steps_per_epoch,
            "train_accuracy": state.n_correct / seen,
        }
        if self.held_out:
            loss, accuracy = self._evaluate(state, "validation")
            figures |= {"validation_loss": loss, "validation_accuracy": accuracy}
        for name, values in jax.device_get(figures).items():
            self.history[name][..., epoch] = values

    def _measure(self, state: State, columns: list[int]) -> None:
        """Takes the final figures of the configurations that end here."""
        for part in ("train", "test"):
            loss, accuracy = jax.device_get(self._evaluate(state, part))
            self.final[f"{part}_loss"][:, columns] = loss[:, columns]
            self.final[f"{part}_accuracy"][:, columns] = accuracy[:, columns]
        for c in columns:
            for name in ("validation_loss", "validation_accuracy"):
                self.final[name][:, c] = self.history[name][:, c, self.n_epochs[c] - 1]

    def _evaluate(self, state: State, part: str):
        begin, end = self.data.rows[part]
        return self.population.evaluate(state, self.data.examples, jnp.int32(begin), jnp.int32(end))

    def _report(self, epoch: float, last_whole: int) -> None:
        if self.on_progress is None:
            return
        accuracy = self.history["validation_accuracy"][..., last_whole]
        self.on_progress(
            Progress(
                epoch=epoch,
                n_epochs=max(self.n_epochs),
                n_trials=self.shape[0] * self.shape[1],
                validation_accuracy=accuracy if last_whole >= 0 else np.full(self.shape, np.nan),
                seconds=time.perf_counter() - self.begun,
                compile_seconds=self.compile_seconds,
            )
        )

    def _collect(self, state: State) -> list[Outcome]:
        trained = time.perf_counter() - self.begun - self.compile_seconds
        failed_step = np.asarray(state.failed_step)
        failed_epoch = np.where(failed_step < 0, -1, failed_step // self.steps_per_epoch)
        outcomes = []
        for c, configuration in enumerate(self.configurations):
            length = self.n_epochs[c]
            final = {name: values[:, c] for name, values in self.final.items()}
            lost = ~np.isfinite(final["train_loss"]) & (failed_epoch[:, c] < 0)
            failed = np.where(lost, length - 1, failed_epoch[:, c])
            failed = np.where(failed >= length, -1, failed)  # after its own end
            outcomes.append(
                Outcome(
                    configuration=configuration,
                    seeds=self.seeds,
                    history={name: h[:, c, :length] for name, h in self.history.items()},
                    failed_epoch=failed,
                    seconds=trained / len(self.configurations),
                    **final,
                )
            )
        return outcomes
