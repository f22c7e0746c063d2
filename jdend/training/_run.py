"""Trains the members of a bucket: from their first step to their last, or from rung to rung.

Shape letters: `S` seeds, `C` configurations.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from numbers import Integral

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from jdend.data import Split
from jdend.models import Configuration
from jdend.training._bucket import Bucket
from jdend.training._device_data import DeviceData, on_device
from jdend.training._memory import configurations_that_fit
from jdend.training._population import Population, epoch_order, population
from jdend.training._state import State, concat, take
from jdend.training._traced_hyperparameters import trace_hyperparameters

__all__ = [
    "HISTORY_FIGURES",
    "Narrow",
    "Outcome",
    "Progress",
    "Run",
    "compiled_bytes",
    "prepare",
    "runs",
    "train",
]

HISTORY_FIGURES = ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy")
SECONDS_PER_CALL = 1.0

Narrow = Callable[[int, int, int], int]
"""`(width, live, steps) → width`: to how many columns a population of `width` is narrowed of which
`live` still train, for at most `steps` more; at least `live`. Each width costs a program."""


@dataclass(frozen=True)
class Progress:
    """Where the training of a bucket stands.

    Attributes:
      epoch: epochs done, with a fraction.
      n_epochs: epochs of the longest trial.
      n_trials: trials × seeds that train together now.
      validation_accuracy: `[S, C]` after the last whole epoch of each; NaN before the
        first.
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
      stopped_epoch: after how many epochs `Run.stop` ended it; None if it was trained to its end.
      history: `[S, epochs]` by name in `HISTORY_FIGURES`. Training figures are running means over
        an epoch, those of validation are taken at its end (NaN without a validation part).
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
    stopped_epoch: int | None = None


def train(
    bucket: Bucket,
    configurations: Sequence[Configuration],
    seeds: Sequence[int],
    data: Split,
    *,
    on_progress: Callable[[Progress], None] | None = None,
    narrow: Narrow | None = None,
) -> list[Outcome]:
    """Trains configurations × seeds together, and measures them.

    Args:
      bucket: the program that they share; every configuration's structure must fit it.
      configurations: at least one. Those of different length share the program; each is measured
        as it was at its own last epoch.
      seeds: at least one, integers in [0, 2^32).
      data: with at least one batch of training examples. Nothing is selected here: test figures
        are taken once, of the trained networks.
      on_progress: called about once a second, from this thread. An exception it raises, or
        Ctrl-C, ends training.
      narrow: when to go on with fewer columns as trials end; by default never.

    Returns:
      One outcome a configuration, in order.

    Raises:
      ValueError: if a batch is larger than the training part, a seed is out of range, or a
        structure does not fit the bucket.
    """
    outcomes: list[Outcome] = []
    for run in runs(bucket, configurations, seeds, data, on_progress=on_progress, narrow=narrow):
        run.train_to(run.last_epoch)
        outcomes += run.outcomes()
    return outcomes


def runs(
    bucket: Bucket,
    configurations: Sequence[Configuration],
    seeds: Sequence[int],
    data: Split,
    *,
    on_progress: Callable[[Progress], None] | None = None,
    narrow: Narrow | None = None,
) -> "list[Run]":
    """The populations that train these: one, or as many as memory asks for; none has begun.

    Args, Raises: as `train`.
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
    return [
        Run(bucket, configurations[begin : begin + room], seeds, data, on_progress, narrow)
        for begin in range(0, len(configurations), room)
    ]


def prepare(
    bucket: Bucket,
    configurations: Sequence[Configuration],
    seeds: Sequence[int],
    data: Split,
    *,
    narrow: Narrow | None = None,
) -> None:
    """Compiles what `train` with the same arguments will need; it may do so in another thread."""
    room = configurations_that_fit(bucket, len(configurations), len(seeds), data)
    on = on_device(data)
    steps_per_epoch = len(data.train_y) // bucket.structure.batch_size
    some = configurations[:room]
    for width in _widths([c.hyperparameters.n_epochs for c in some], steps_per_epoch, narrow):
        hyperparameters = trace_hyperparameters(some[:width], steps_per_epoch, padded=bucket.padded)
        population(bucket).compile(hyperparameters, len(seeds), on)


def compiled_bytes(
    bucket: Bucket, configurations: Sequence[Configuration], seeds: Sequence[int], data: Split
) -> int:
    """What the compiler says that training these takes of the device's memory, in bytes."""
    room = configurations_that_fit(bucket, len(configurations), len(seeds), data)
    on = on_device(data)
    steps_per_epoch = max(1, len(data.train_y) // bucket.structure.batch_size)
    hyperparameters = trace_hyperparameters(
        configurations[:room], steps_per_epoch, padded=bucket.padded
    )
    return population(bucket).memory(hyperparameters, len(seeds), on)


def _widths(n_epochs: Sequence[int], steps_per_epoch: int, narrow: Narrow | None) -> list[int]:
    """The widths of a population whose trials end as they were meant to."""
    widths = [len(n_epochs)]
    if narrow is not None:
        for epoch in sorted(set(n_epochs))[:-1]:
            live = sum(n > epoch for n in n_epochs)
            widths.append(narrow(widths[-1], live, (max(n_epochs) - epoch) * steps_per_epoch))
    return list(dict.fromkeys(widths))


class Run:
    """One population on its way through its epochs; `runs` makes it.

        run.train_to(3);  run.stop(losers);  run.train_to(run.last_epoch);  run.outcomes()

    Configurations that have ended, at their own last epoch or by `stop`, are set aside as they are
    then. Their columns go on in the program, unheeded, until `narrow` takes them out. Nothing is
    on the device before the first `train_to`.

    Attributes:
      configurations: `C` of them.
      seeds: `S` of them.
      epoch: epochs done.
      ends: after how many epochs each configuration ends, sooner if it is stopped.
      last_epoch: of the longest configuration.
      validation_accuracy: `[S, C]`, after the last whole epoch of each; NaN before the first.
    """

    def __init__(self, bucket, configurations, seeds, data: Split, on_progress, narrow):
        self.bucket: Bucket = bucket
        self.configurations: Sequence[Configuration] = configurations
        self.seeds: tuple[int, ...] = tuple(int(seed) for seed in seeds)
        self._n_epochs = [c.hyperparameters.n_epochs for c in configurations]
        self.ends = list(self._n_epochs)
        self.last_epoch = max(self._n_epochs)
        self.epoch = 0
        self.validation_accuracy = np.full((len(self.seeds), len(configurations)), np.nan)
        self._split, self._on_progress, self._narrow = data, on_progress, narrow
        self._held_out = len(data.validation_y) > 0
        self._steps_per_epoch = len(data.train_y) // bucket.structure.batch_size
        shape = (*self.validation_accuracy.shape, self.last_epoch)
        self._history = {name: np.full(shape, np.nan) for name in HISTORY_FIGURES}
        self._columns = list(range(len(configurations)))  # whose the state's first columns are
        self._aside: list[tuple[list[int], State]] = []  # on the host
        self._state: State | None = None
        self._pace = 4  # steps a call, adapted to SECONDS_PER_CALL
        self._seconds = self._compile_seconds = 0.0

    @property
    def live(self) -> list[int]:
        """Positions of the configurations that train on."""
        return [c for c in self._columns if self.ends[c] > self.epoch]

    def train_to(self, epoch: int) -> None:
        """Trains until so many epochs are done, or all configurations have ended."""
        begun = time.perf_counter()
        before = self._seconds
        try:
            state = self._begin() if self._state is None else self._state
            while self.epoch < epoch and self.live:
                self._seconds = before + time.perf_counter() - begun
                state = self._state = self._one_epoch(state, begun - before)
                self._record(state)
                self.epoch += 1
                ended = [c for c in self._columns if self.ends[c] == self.epoch]
                self._set_aside(ended)
                state = self._narrowed(state)
                self._state = state
                self._report(float(self.epoch), begun - before)
        finally:
            self._seconds = before + time.perf_counter() - begun

    def stop(self, configurations: Sequence[int]) -> None:
        """Ends configurations, by position, at the epoch just done; those that ended stay so."""
        stopped = [c for c in configurations if c in self.live]
        if self.epoch == 0:
            raise ValueError("nothing can be stopped before the first epoch is done")
        for c in stopped:
            self.ends[c] = self.epoch
        self._set_aside(stopped)
        if self._state is not None:
            self._state = self._narrowed(self._state)

    def park(self) -> None:
        """Moves the state to the host, where it waits for the next `train_to`."""
        self._state = jax.device_get(self._state)

    def outcomes(self) -> list[Outcome]:
        """What came of all configurations, in order; each must have ended.

        Training and test figures are of one full pass over the networks as they were set aside.
        """
        begun = time.perf_counter()
        if self.live or self._state is None:
            raise ValueError(f"{len(self.live)} configurations have not ended yet")
        state = self._all_ended(self._state)
        n = len(self.configurations)
        final = {}
        for part in ("train", "test"):
            values = jax.device_get(self._evaluate(state, part))
            for figure, of_columns in zip(("loss", "accuracy"), values, strict=True):
                final[f"{part}_{figure}"] = np.asarray(of_columns, np.float64)[:, :n]
        for name in ("validation_loss", "validation_accuracy"):
            last = [self._history[name][:, c, end - 1] for c, end in enumerate(self.ends)]
            final[name] = np.stack(last, axis=1)
        failed_step = np.asarray(state.failed_step)[:, :n]
        self._state = None
        self._seconds += time.perf_counter() - begun
        return self._collect(final, failed_step)

    def _begin(self) -> State:
        begun = time.perf_counter()
        self._data: DeviceData = on_device(self._split)
        self._population: Population = population(self.bucket)
        hyperparameters = trace_hyperparameters(
            self.configurations, self._steps_per_epoch, padded=self.bucket.padded
        )
        self._population.compile(hyperparameters, len(self.seeds), self._data)
        self._compile_seconds += time.perf_counter() - begun
        return self._population.init(hyperparameters, jnp.array(self.seeds, jnp.uint32))

    def _one_epoch(self, state: State, origin: float) -> State:
        step = self.epoch * self._steps_per_epoch
        end = step + self._steps_per_epoch
        order = epoch_order(jnp.array(self.seeds, jnp.uint32), self.epoch, self._data.n_train)
        while step < end:
            stop = min(step + self._pace, end)
            begun = time.perf_counter()
            state = self._population.advance(state, self._data.examples, order, jnp.int32(stop))
            jax.block_until_ready(state.step)
            took = time.perf_counter() - begun
            self._pace = max(1, math.ceil((stop - step) * SECONDS_PER_CALL / max(took, 1e-4)))
            step = stop
            if step < end:
                self._report(step / self._steps_per_epoch, origin)
        return state

    def _record(self, state: State) -> None:
        seen = self._steps_per_epoch * self.bucket.structure.batch_size
        figures = {
            "train_loss": state.loss_sum / self._steps_per_epoch,
            "train_accuracy": state.n_correct / seen,
        }
        if self._held_out:
            loss, accuracy = self._evaluate(state, "validation")
            figures |= {"validation_loss": loss, "validation_accuracy": accuracy}
        live = self.live
        where = [self._columns.index(c) for c in live]
        for name, values in jax.device_get(figures).items():
            self._history[name][:, live, self.epoch] = values[:, where]
        accuracy = self.validation_accuracy.copy()
        accuracy[:, live] = self._history["validation_accuracy"][:, live, self.epoch]
        self.validation_accuracy = accuracy

    def _set_aside(self, configurations: list[int]) -> None:
        """Keeps the networks of configurations that end before others do, as they are now."""
        if configurations and (self.live or self._aside):
            where = [self._columns.index(c) for c in configurations]
            self._aside.append((configurations, take(jax.device_get(self._state), where)))

    def _narrowed(self, state: State) -> State:
        """The state without columns that have ended, if that pays."""
        live, width = self.live, state.failed_step.shape[1]
        if self._narrow is None or not live or len(live) == width:
            return state
        left = max(self.ends[c] for c in live) - self.epoch
        new = self._narrow(width, len(live), left * self._steps_per_epoch)
        if new >= width:
            return state
        where = [self._columns.index(c) for c in live]
        self._columns = live
        filled = where + where[:1] * (new - len(where))
        begun = time.perf_counter()
        state = jax.device_put(take(jax.device_get(state), filled))
        self._population.compile(state.hyperparameters, len(self.seeds), self._data)
        self._compile_seconds += time.perf_counter() - begun
        return state

    def _all_ended(self, state: State) -> State:
        """All networks as they were when they ended, as wide as the population was at first."""
        if not self._aside:
            return state
        order = [c for configurations, _ in self._aside for c in configurations]
        joined = concat([replace(aside, step=state.step) for _, aside in self._aside])
        return take(joined, [order.index(c) for c in range(len(order))])

    def _evaluate(self, state: State, part: str):
        begin, end = self._data.rows[part]
        return self._population.evaluate(
            state, self._data.examples, jnp.int32(begin), jnp.int32(end)
        )

    def _report(self, epoch: float, origin: float) -> None:
        if self._on_progress is None:
            return
        self._on_progress(
            Progress(
                epoch=epoch,
                n_epochs=self.last_epoch,
                n_trials=self.validation_accuracy.size,
                validation_accuracy=self.validation_accuracy,
                seconds=time.perf_counter() - origin,
                compile_seconds=self._compile_seconds,
            )
        )

    def _collect(self, final: dict[str, np.ndarray], failed_step: np.ndarray) -> list[Outcome]:
        trained = self._seconds - self._compile_seconds
        failed_epoch = np.where(failed_step < 0, -1, failed_step // self._steps_per_epoch)
        epochs = sum(self.ends)
        outcomes = []
        for c, configuration in enumerate(self.configurations):
            length = self.ends[c]
            figures = {name: values[:, c] for name, values in final.items()}
            lost = ~np.isfinite(figures["train_loss"]) & (failed_epoch[:, c] < 0)
            outcomes.append(
                Outcome(
                    configuration=configuration,
                    seeds=self.seeds,
                    history={name: h[:, c, :length] for name, h in self._history.items()},
                    failed_epoch=np.where(lost, length - 1, failed_epoch[:, c]),
                    seconds=trained * length / epochs,
                    stopped_epoch=length if length < self._n_epochs[c] else None,
                    **figures,
                )
            )
        return outcomes
