"""A worker of a cluster: a process with a GPU or some cores, which trains one population at a time.

Ray starts it, for `jdend.search.executors.ray`. It keeps nothing that its figures depend on: what
it is asked for names a state, or none, and it goes on from there. Nothing that imports JAX is
imported before its cores are chosen.
"""

import functools
import importlib
import os
import pickle
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from jdend.data import Split
    from jdend.training import Metric, Outcome, Progress, Run

__all__ = ["Report", "Task", "Worker", "pin"]

# A state is made so often at most, and so often at least.
MIN_SECONDS_BETWEEN, MAX_SECONDS_BETWEEN = 15.0, 45.0
# The share of the time that this may take in between.
MAX_SHARE_OF_TIME = 0.01
# How long a state that is asked for may take: some calls of a program, of a second each.
SECONDS_TO_ANSWER = 3.0


@dataclass(frozen=True)
class Task:
    """What a worker is asked for.

    Attributes:
      key: the numbers of generation, population and attempt, and the epoch.
      definitions: what users registered, see `jdend.search.executors.definitions`.
      population: pickled: bucket, configurations, seeds, and the mean number of parameters.
      stops: at which epochs which columns are stopped, from the beginning.
      content: the state to go on from; None to begin.
      epoch: how many epochs shall be done; None to train and measure all to their end.
      data: names the data.
      compile_cache: whether compiled programs are kept in the user's cache folder.
    """

    key: tuple[object, ...]
    definitions: bytes
    population: bytes
    stops: tuple[tuple[int, tuple[int, ...]], ...]
    content: bytes | None
    epoch: int | None
    data: str
    compile_cache: bool = True


@dataclass(frozen=True)
class Report:
    """Where a population stands.

    Attributes:
      epoch, epochs_done, steps_done, ends, score: as of `jdend.training.Run`; the score is that at
        the epoch that was asked for.
      so_far: as of `Run.outcomes_so_far`.
      outcomes: its outcomes; None before the end.
      content: its state; None if that was lost.
      note: a line for the user, or nothing.
    """

    epoch: int
    epochs_done: float
    steps_done: int
    ends: list[int]
    score: "np.ndarray"
    so_far: "list[Outcome | None]"
    outcomes: "list[Outcome] | None"
    content: bytes | None
    note: str = ""


class _Abandoned(Exception):
    """Another task took the place of this one."""


class Worker:
    """Trains populations, and says at any time where they stand.

    Args:
      slot: its number among the workers of its machine.
      cores: on how many cores it computes; None for all.
    """

    def __init__(self, slot: int, cores: int | None):
        pin(slot, cores)
        self._at_work = threading.Lock()
        self._key: tuple[object, ...] = ()
        self._progress: Progress | None = None
        self._report: Report | None = None
        self._wanted, self._made = threading.Event(), threading.Event()
        self._data: tuple[str, Split] | None = None

    def ready(self) -> int:
        """Its process id, once it could train at once."""
        for module in ("executors.definitions", "planning.cost_model"):
            importlib.import_module(f"jdend.search.{module}")
        find_devices = importlib.import_module("jdend.training").find_devices
        find_devices(None)  # starts JAX's backend
        return os.getpid()

    def train(self, task: Task, data: "list[Any]") -> Report:
        """Trains a population as far as it is asked to.

        Args:
          task: what is asked for.
          data: a reference to the split that it is trained on.
        """
        self._key = task.key  # what was at work before, for a driver that lost it, ends
        with self._at_work:
            self._progress = self._report = None
            return self._train(task, data)

    def look(
        self, key: tuple[object, ...], wants_state: bool = False
    ) -> "tuple[Progress | None, Report | None]":
        """How far a task is, and where it stands, if that was not told yet.

        Args:
          key: of the task.
          wants_state: whether to wait a moment for its state as it is now.
        """
        if key != self._key:
            return None, None
        if wants_state:
            self._made.clear()
            self._wanted.set()
            self._made.wait(SECONDS_TO_ANSWER)
        report, self._report = self._report, None
        return self._progress, report

    def _train(self, task: Task, data: "list[Any]") -> Report:
        from jdend.search.executors.definitions import defined
        from jdend.search.planning.cost_model import narrowing
        from jdend.training import enable_program_cache, runs

        if task.compile_cache:
            enable_program_cache()
        metric = _once(defined, task.definitions)
        bucket, configurations, seeds, params = pickle.loads(task.population)
        state = _Training(task.epoch)

        def look(progress: "Progress") -> None:
            if self._key != task.key:
                raise _Abandoned
            self._progress = state.progress(progress)
            if self._wanted.is_set() or state.is_due():
                self._report = state.report()
                self._wanted.clear()
                self._made.set()

        state.runs = runs(
            bucket,
            configurations,
            seeds,
            self._split(task.data, data),
            metric=metric,
            on_progress=look,
            narrow=narrowing(bucket, params, len(seeds)),
            say=state.say,
        )
        state.restore(task.content)
        for run, first in state.placed():
            columns = range(first, first + len(run.configurations))
            for epoch, stopped in task.stops:
                run.train_to(epoch)
                run.stop([c - first for c in stopped if c in columns])
            run.train_to(run.last_epoch if task.epoch is None else task.epoch)
            if len(state.runs) > 1:
                run.park()
        if task.epoch is None:
            for run in state.runs:
                run.outcomes()  # measures them
        return state.report()

    def _split(self, name: str, data: "list[Any]") -> "Split":
        """The data, which are fetched once."""
        import ray

        if self._data is None or self._data[0] != name:
            self._data = name, ray.get(data[0])
        return self._data[1]


class _Training:
    """The runs of a population: one, or several if memory is too small for one.

    Args:
      epoch: how many epochs shall be done; None for all.
    """

    def __init__(self, epoch: int | None):
        self.runs: list[Run] = []
        self._epoch, self._note = epoch, ""
        self._due = time.monotonic() + MIN_SECONDS_BETWEEN

    def placed(self) -> "list[tuple[Run, int]]":
        """Each run with its first column."""
        firsts = [0]
        for run in self.runs:
            firsts.append(firsts[-1] + len(run.configurations))
        return list(zip(self.runs, firsts, strict=False))

    def restore(self, content: bytes | None) -> None:
        """Goes on from a state; begins if it is of another division into runs."""
        if content is None:
            return
        parts = [content] if len(self.runs) == 1 else _divided(content)
        if len(parts) != len(self.runs):
            self._note = "memory divides a population otherwise now: it trains anew"
            return
        try:
            for run, part in zip(self.runs, parts, strict=True):
                run.restore(part)
        except ValueError as error:
            self._note = f"a population trains anew: {error}"

    def say(self, line: str) -> None:
        """Takes a line for the user, which goes with the next report."""
        self._note = line

    def is_due(self) -> bool:
        return time.monotonic() >= self._due

    def progress(self, of_run: "Progress") -> "Progress":
        """How far all runs are."""
        from dataclasses import replace

        score = _joined([run.score for run in self.runs])
        done = sum(run.epochs_done * len(run.configurations) for run in self.runs)
        epoch = of_run.epoch if len(self.runs) == 1 else done / score.shape[1]
        return replace(of_run, epoch=epoch, n_trials=score.size, score=score)

    def report(self) -> Report:
        begun = time.monotonic()
        try:
            contents = [run.snapshot().to_bytes() for run in self.runs]
            content = contents[0] if len(contents) == 1 else _together(contents)
        except RuntimeError:  # an error in the middle of a step has destroyed it
            content = None
        epoch, done = self._epoch, all(run.is_measured for run in self.runs)
        if epoch is None or not all(run.epoch >= epoch or not run.live for run in self.runs):
            score = _joined([run.score for run in self.runs])
        else:
            score = _joined([run.score_after(epoch) for run in self.runs])
        report = Report(
            epoch=min(run.epoch for run in self.runs),
            epochs_done=min(run.epochs_done for run in self.runs),
            steps_done=sum(run.steps_done for run in self.runs),
            ends=[end for run in self.runs for end in run.ends],
            score=score,
            so_far=[outcome for run in self.runs for outcome in run.outcomes_so_far()],
            outcomes=[o for run in self.runs for o in run.outcomes()] if done else None,
            content=content,
            note=self._note,
        )
        now = time.monotonic()
        seconds = (now - begun) / MAX_SHARE_OF_TIME
        self._due = now + min(max(MIN_SECONDS_BETWEEN, seconds), MAX_SECONDS_BETWEEN)
        return report


def pin(slot: int, cores: int | None) -> None:
    """Keeps this process, and what it starts, on some of its machine's cores.

    Args:
      slot: the number of the process; those with others have other cores, as long as there are any.
      cores: how many; None for all.
    """
    if cores is None or not hasattr(os, "sched_setaffinity"):
        return
    allowed = sorted(os.sched_getaffinity(0))
    first = slot * cores
    chosen = {allowed[(first + i) % len(allowed)] for i in range(min(cores, len(allowed)))}
    os.sched_setaffinity(0, chosen)


@functools.lru_cache(maxsize=4)
def _once(function: "Callable[[bytes], Metric]", content: bytes) -> "Metric":
    """So that the same definitions are the same objects, and their programs are used again."""
    return function(content)


def _joined(scores: "Sequence[np.ndarray]") -> "np.ndarray":
    import numpy as np

    return np.concatenate(scores, axis=1)


def _together(contents: Sequence[bytes]) -> bytes:
    """The states of several runs as one."""
    import numpy as np
    from safetensors.numpy import save

    return save({f"run.{i}": np.frombuffer(c, np.uint8) for i, c in enumerate(contents)})


def _divided(content: bytes) -> list[bytes]:
    """What `_together` joined; empty if it is something else."""
    from safetensors.numpy import load

    tensors = load(content)
    parts = [tensors.get(f"run.{i}") for i in range(len(tensors))]
    return [part.tobytes() for part in parts if part is not None]
