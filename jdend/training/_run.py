# pyright: reportUnknownMemberType=false
"""Trains one population from epoch to epoch.

Shape letters: `S` seeds, `C` configurations.
"""

import functools
import math
import time
from collections.abc import Callable, Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh
from jaxtyping import Array, Float, Int, UInt32

from jdend.data import Split
from jdend.models import Configuration
from jdend.training._block_shape import block_shape, filled, have_one_end, in_blocks
from jdend.training._blocks import (
    Narrow,
    States,
    advanced,
    cut,
    cut_again,
    drawn,
    figures_of,
    joined,
    on_devices,
    running_figures,
)
from jdend.training._bucket import Bucket
from jdend.training._device_data import DeviceData, on_device
from jdend.training._final_figures import final_figures
from jdend.training._interruption import uninterrupted
from jdend.training._kept_populations import population_for
from jdend.training._metrics import ACCURACY, Metric
from jdend.training._outcome import Outcome, Progress, empty_history, outcomes_of, so_far
from jdend.training._population import Population
from jdend.training._sharding import width_on
from jdend.training._snapshot import Snapshot
from jdend.training._state import State, rejoined, take
from jdend.training._stopwatch import Stopwatch
from jdend.training._streaming import Feed
from jdend.training._traced_hyperparameters import TracedHyperparameters, trace_hyperparameters

__all__ = ["Run"]

SECONDS_PER_CALL, STEPS_OF_FIRST_CALL = 1.0, 4


class Run:
    """Trains one population from epoch to epoch; `runs` makes it.

        run.train_to(3);  run.stop(losers);  run.train_to(run.last_epoch);  run.outcomes()

    The networks of a configuration that ends, at its own last epoch or by `stop`, are kept as they
    are then. Its column is computed further, but not read, until those that train on fill fewer
    blocks, or `narrow` removes it. Nothing is on the device before the first `train_to`.

    Blocks train side by side, in threads; `on_progress` is called in that of `train_to`. A block's
    exception is raised there when those beside it are done, and their state may be lost with it.

    Ctrl-C takes effect between two calls of the program, about once a second. After that, or after
    an exception of `on_progress`, `snapshot` returns all that was trained. Another run of the same
    arguments can `restore` it and go on from that step, with the figures of an undisturbed run.

    Args:
      bucket, configurations, seeds, data, metric, on_progress, narrow: as for `train`.
      mesh: the devices that it is divided among; None for the default device.
      streamed: whether training examples stay in the machine's memory.

    Attributes:
      configurations: its `C` configurations.
      seeds: its `S` seeds.
      epoch: how many epochs are done.
      ends: after how many epochs each configuration ends; fewer if it is stopped.
      last_epoch: the epochs of the longest configuration.
      metric: what its networks are measured by.
      score: as of a `Progress`.
    """

    def __init__(
        self,
        bucket: Bucket,
        configurations: Sequence[Configuration],
        seeds: Sequence[int],
        data: Split,
        *,
        metric: Metric = ACCURACY,
        on_progress: Callable[[Progress], None] | None = None,
        narrow: Narrow | None = None,
        mesh: Mesh | None = None,
        streamed: bool = False,
    ):
        self.bucket = bucket
        self.configurations = configurations
        self.seeds = tuple(int(seed) for seed in seeds)
        self.epoch: int = 0
        self.ends: list[int] = [c.hyperparameters.n_epochs for c in configurations]
        self.last_epoch = max(self.ends)
        # A seed's folds stand together.
        self._members = np.repeat(np.array(self.seeds, np.uint32), data.n_folds)
        self.metric, shape = metric, (len(self._members), len(configurations))
        self.score: Float[np.ndarray, "S C"] = np.full(shape, np.nan)
        self._split, self._on_progress, self._narrow = data, on_progress, narrow
        self._mesh, self._streamed = mesh, streamed
        self._steps_per_epoch = data.n_train // bucket.structure.batch_size
        self._history = empty_history((*shape, self.last_epoch), metric.name)
        self._states: States = ()  # of its blocks
        self._is_restored = False  # if so, its programs may not be compiled yet
        one_end, sizes = have_one_end(configurations, narrow), (len(configurations), len(seeds))
        self._shape = block_shape(bucket, *sizes, data, mesh, streamed=streamed, one_end=one_end)
        self._columns = list(range(len(configurations)))  # those of the states' first columns
        self._ended: list[tuple[list[int], State]] = []  # and what they were, on the host
        self._figures: Mapping[str, Float[np.ndarray, "S C"]] | None = None  # after the end
        self._failed_step: Int[np.ndarray, "S C"] | None = None
        self._steps_per_call = STEPS_OF_FIRST_CALL
        self._training = Stopwatch("training steps")
        self._compiling = Stopwatch("waiting for programs")

    @property
    def live(self) -> list[int]:
        """The positions of the configurations that have not ended."""
        return [c for c in self._columns if self.ends[c] > self.epoch]

    @property
    def steps_done(self) -> int:
        """How many training steps are done, those of the present epoch included."""
        if not self._states:
            return self.epoch * self._steps_per_epoch
        return int(self._states[0][0].step)

    @property
    def epochs_done(self) -> float:
        """The same in epochs."""
        return self.steps_done / self._steps_per_epoch

    @property
    def is_measured(self) -> bool:
        """Whether `outcomes` has measured the final figures."""
        return self._figures is not None

    def train_to(self, epoch: int) -> None:
        """Trains until `epoch` epochs are done, or all configurations have ended."""
        if self.epoch >= epoch or not self.live:
            return
        with self._training:
            self._make_ready()
            while self.epoch < epoch and self.live:
                self._train_epoch()
                with uninterrupted():
                    self._record()
                    self.epoch += 1
                    self._keep([c for c in self._columns if self.ends[c] == self.epoch])
                    self._narrow_states()
                self._report(float(self.epoch))

    def stop(self, configurations: Sequence[int]) -> None:
        """Ends the configurations at these positions after the epoch just done; those that have
        ended already are not changed."""
        stopped = [c for c in configurations if c in self.live]
        if not stopped:
            return
        if not self._states:
            raise ValueError("nothing can be stopped before the first epoch is done")
        with uninterrupted():
            for c in stopped:
                self.ends[c] = self.epoch
            self._keep(stopped)
            self._narrow_states()

    def score_after(self, epoch: int) -> Float[np.ndarray, "S C"]:
        """The score of every trial after `epoch` epochs, or at its end if that was earlier; `epoch`
        is at least 1."""
        history = self._history[f"validation_{self.metric.name}"]
        last = [min(end, epoch) - 1 for end in self.ends]
        values = np.stack([history[:, c, e] for c, e in enumerate(last)], axis=1)
        return self.metric.sign * values

    def snapshot(self) -> Snapshot:
        """All that it has trained, on the host.

        Raises:
          RuntimeError: if its state is lost, since an exception came in the middle of a step.
        """
        return Snapshot(
            ends=list(self.ends),
            epoch=self.epoch,
            columns=list(self._columns),
            history={name: values.copy() for name, values in self._history.items()},
            seconds=(self._training.seconds, self._compiling.seconds),
            state=joined(self._states) if self._states else None,
            ended=list(self._ended) if self._figures is None else (),
            figures=self._figures,
            failed_step=self._failed_step,
        )

    def restore(self, content: bytes) -> None:
        """Goes on from the snapshot of another run of the same arguments; called before the first
        `train_to`.

        Args:
          content: the bytes from its `Snapshot.to_bytes`.

        Raises:
          ValueError: if that run had other arguments.
        """
        fewest = self._traced(filled(self.configurations[:1], width_on(self._mesh, 1)))
        outline = self._population.init.shape_of_result(fewest, jnp.asarray(self._members))
        self._go_on(Snapshot.from_bytes(content, outline))

    def _go_on(self, taken: Snapshot) -> None:
        shapes = {name: values.shape for name, values in self._history.items()}
        if shapes != {name: values.shape for name, values in taken.history.items()}:
            raise ValueError("not the snapshot of such a population: other histories")
        self.ends, self.epoch, self._columns = list(taken.ends), taken.epoch, list(taken.columns)
        self._history = {name: values.copy() for name, values in taken.history.items()}
        self._states = cut_again(taken.state, self._shape, len(self._columns))
        self._ended, self._is_restored = list(taken.ended), True
        self._figures, self._failed_step = taken.figures, taken.failed_step
        self._training.add(taken.seconds[0])
        self._compiling.add(taken.seconds[1])
        if self.epoch:
            self.score = self.score_after(self.epoch)

    def park(self) -> None:
        """Moves the state to the host; the next `train_to` moves it back."""
        self._states = jax.device_get(self._states)

    def outcomes(self) -> list[Outcome]:
        """The outcomes of all configurations, in order; each must have ended.

        Test figures come from one full pass, with the networks as they were when they ended, and so
        do training figures, except of configurations that were stopped, see `Outcome`.
        """
        if self.live:
            raise ValueError(f"{len(self.live)} configurations have not ended yet")
        if self._figures is None or self._failed_step is None:
            with self._training:
                state = rejoined(joined(self._states), self._ended)

                def measured(some: State, part: str) -> dict[str, Float[np.ndarray, "S C"]]:
                    blocks = on_devices(cut(some, self._shape), self._mesh)
                    return self._measured(blocks, part)

                figures = final_figures(
                    state, self.configurations, self.ends, self._history, measured
                )
                failed_step = np.asarray(state.failed_step)[:, : len(self.configurations)]
            with uninterrupted():
                self._figures, self._failed_step = figures, failed_step
                self._states, self._ended = (), []
        return outcomes_of(
            self.configurations,
            self.seeds,
            self.ends,
            self._history,
            self._figures,
            self._failed_step,
            steps_per_epoch=self._steps_per_epoch,
            seconds_per_epoch=self._seconds_per_epoch(),
        )

    def outcomes_so_far(self) -> list[Outcome | None]:
        """The outcomes of all configurations after their last whole epoch; None before the first.

        Training figures are running means over that epoch; test figures are NaN.
        """
        return [
            so_far(configuration, self.seeds, of_c, self._seconds_per_epoch() * end)
            if end
            else None
            for c, configuration in enumerate(self.configurations)
            for end in [min(self.ends[c], self.epoch)]
            for of_c in [{name: h[:, c, :end] for name, h in self._history.items()}]
        ]

    @functools.cached_property
    def _population(self) -> Population:
        of_all = self._traced(self.configurations)
        return population_for(self.bucket, of_all, self.metric, self._mesh)

    @functools.cached_property
    def _data(self) -> DeviceData:
        return on_device(self._split, self._mesh, streamed=self._streamed)

    def _make_ready(self) -> None:
        """Brings the states to the device, with their programs compiled."""
        if not self._states:
            columns = in_blocks(self.configurations, self._shape.columns)
            traced = [self._traced(block) for block in columns]
            self._compile(traced[0])
            self._states = drawn(self._population.init, traced, self._seeds())
        elif self._is_restored:
            self._states = on_devices(self._states, self._mesh)
            self._compile(self._states[0][0].hyperparameters)
            self._is_restored = False

    def _compile(self, hyperparameters: TracedHyperparameters) -> None:
        with self._compiling:
            self._population.compile(hyperparameters, self._shape.seeds, self._data)

    def _traced(self, configurations: Sequence[Configuration]) -> TracedHyperparameters:
        return trace_hyperparameters(
            configurations, self._steps_per_epoch, padded=self.bucket.padded
        )

    def _seeds(self) -> list[UInt32[Array, " S"]]:
        """Those of each row of blocks."""
        return [jnp.asarray(row) for row in self._members.reshape(-1, self._shape.seeds)]

    def _train_epoch(self) -> None:
        """Trains the rest of an epoch in calls of about a second; Ctrl-C waits for their end."""
        step = self.steps_done
        end = (self.epoch + 1) * self._steps_per_epoch
        batch_size = self.bucket.structure.batch_size
        feeds = [Feed(self._data, seeds, self.epoch, batch_size) for seeds in self._seeds()]
        while step < end:
            wanted = min(step + self._steps_per_call, end)
            begun = time.perf_counter()
            with uninterrupted():
                self._states, stop = advanced(
                    self._states, feeds, self._population.advance, step, wanted
                )
            seconds_per_step = max(time.perf_counter() - begun, 1e-4) / (stop - step)
            self._steps_per_call = max(1, math.ceil(SECONDS_PER_CALL / seconds_per_step))
            step = stop
            if step < end:
                self._report(step / self._steps_per_epoch)

    def _record(self) -> None:
        """Adds the epoch's figures of the configurations that train to the history."""
        structure = self.bucket.structure
        figures = running_figures(
            self._states,
            self._steps_per_epoch,
            structure.batch_size,
            has_classes=structure.problem.has_classes,
        )
        if self._split.n_validation > 0:
            figures |= self._measured(self._states, "validation")
        live = self.live
        columns = [self._columns.index(c) for c in live]
        for name, values in figures.items():
            self._history[name][:, live, self.epoch] = values[:, columns]
        self.score = self.score_after(self.epoch + 1)

    def _keep(self, configurations: list[int]) -> None:
        """Keeps the present state of configurations that end before others do."""
        if configurations and (self.live or self._ended):
            columns = [self._columns.index(c) for c in configurations]
            self._ended.append((configurations, take(joined(self._states), columns)))

    def _narrow_states(self) -> None:
        """Leaves out columns that have ended, where the others fill fewer blocks, or one that
        `narrow` makes narrower."""
        live, width = self.live, self._states[0][0].failed_step.shape[1]
        if not live:
            return
        narrower = width
        if len(live) < width and self._narrow is not None:
            steps = (max(self.ends[c] for c in live) - self.epoch) * self._steps_per_epoch
            wanted = self._narrow(width, len(live), steps)
            narrower = min(width, width_on(self._mesh, wanted))
        columns = filled([self._columns.index(c) for c in live], narrower)
        if len(columns) < len(self._states[0]) * width:
            shape = self._shape._replace(columns=narrower)
            self._states, self._columns = cut(take(joined(self._states), columns), shape), live
            if self._is_restored:  # else they go back to the devices
                return
            with self._compiling:
                self._states = on_devices(self._states, self._mesh)
            if narrower < width:
                self._compile(self._states[0][0].hyperparameters)

    def _measured(self, states: States, part: str) -> dict[str, Float[np.ndarray, "S W"]]:
        return figures_of(states, self._population, self.metric, self._data, part)

    def _seconds_per_epoch(self) -> float:
        """The time of one epoch of one configuration."""
        n_epochs = sum(min(end, self.epoch) for end in self.ends)
        return (self._training.seconds - self._compiling.seconds) / max(n_epochs, 1)

    def _report(self, epoch: float) -> None:
        if self._on_progress is not None:
            progress = Progress(
                epoch=epoch,
                n_epochs=self.last_epoch,
                n_trials=self.score.size,
                score=self.score,
                seconds=self._training.seconds,
                compile_seconds=self._compiling.seconds,
            )
            self._on_progress(progress)
