# pyright: reportUnknownMemberType=false
"""A run that goes on in halves, one at a time on the device, when memory runs out.

Shape letters: `S` seeds, `C` configurations.
"""

import math
import weakref
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from jdend.training._keeping_run import KeepingRun
from jdend.training._memory import memory_ran_out
from jdend.training._outcome import Outcome, Progress
from jdend.training._sharding import parts_of, width_on
from jdend.training._snapshot import Snapshot

__all__ = ["DividedRun"]

# All runs that are not divided, any of which may be on the device.
_whole: "weakref.WeakSet[DividedRun]" = weakref.WeakSet()


@dataclass(frozen=True, eq=False)
class _Halves(Snapshot):
    """The snapshot of a divided run."""

    halves: tuple[Snapshot, ...] = ()

    def to_bytes(self) -> bytes:
        contents = [np.frombuffer(half.to_bytes(), np.uint8) for half in self.halves]
        tensors = {f"half.{i}": content for i, content in enumerate(contents)}
        return save_tensors({**tensors, "middle": np.array(len(self.halves[0].ends), np.int64)})


class DividedRun(KeepingRun):
    """A `Run` that, if the device or the machine has no memory left for it, is divided.

    Its halves have the figures that it would have. They go on from the last step whose state is
    there; if the failing step took that along, they begin anew, and end where they have ended.

    Args:
      say: called with a line of text for the user when it is divided.
      others: the other arguments, as of `KeepingRun`. The halves' networks are not kept.

    Raises:
      MemoryError, RuntimeError: from `train_to` and `outcomes`, if there is no memory for one
        configuration on each device.
    """

    def __init__(self, *positional: Any, say: Callable[[str], None] | None = None, **others: Any):
        super().__init__(*positional, **others)
        self._say = say
        self._halves: list[DividedRun] = []
        _whole.add(self)

    @property
    def live(self) -> list[int]:
        if not self._halves:
            return super().live
        return [begin + c for begin, half in self._placed() for c in half.live]

    @property
    def steps_done(self) -> int:
        return sum(half.steps_done for half in self._halves) or super().steps_done

    @property
    def epochs_done(self) -> float:
        if not self._halves:
            return super().epochs_done
        done = sum(half.epochs_done * len(half.configurations) for half in self._halves)
        return done / len(self.configurations)

    @property
    def is_measured(self) -> bool:
        if not self._halves:
            return super().is_measured
        return all(half.is_measured for half in self._halves)

    def train_to(self, epoch: int) -> None:
        if not self._halves and self._tried(lambda: super(DividedRun, self).train_to(epoch)):
            return
        for half in self._halves:
            half.train_to(epoch)
            half.park()
        self._gather()

    def stop(self, configurations: Sequence[int]) -> None:
        if not self._halves:
            return super().stop(configurations)
        for begin, half in self._placed():
            half.stop([c - begin for c in configurations if 0 <= c - begin < len(half.ends)])
        return self._gather()

    def score_after(self, epoch: int) -> Float[np.ndarray, "S C"]:
        if not self._halves:
            return super().score_after(epoch)
        return np.concatenate([half.score_after(epoch) for half in self._halves], axis=1)

    def outcomes(self) -> list[Outcome]:
        measured: list[Outcome] = []
        if not self._halves and self._tried(
            lambda: measured.extend(super(DividedRun, self).outcomes())
        ):
            return measured
        return [outcome for half in self._halves for outcome in half.outcomes()]

    def outcomes_so_far(self) -> list[Outcome | None]:
        if not self._halves:
            return super().outcomes_so_far()
        return [outcome for half in self._halves for outcome in half.outcomes_so_far()]

    def snapshot(self) -> Snapshot:
        if not self._halves:
            return super().snapshot()
        halves = tuple(half.snapshot() for half in self._halves)
        return _Halves(self.ends, self.epoch, [], {}, (0.0, 0.0), halves=halves)

    def restore(self, content: bytes) -> None:
        try:
            tensors = load_tensors(content)
        except SafetensorError as error:
            raise ValueError(f"not the snapshot of such a population: {error}") from error
        if "half.0" not in tensors:
            return super().restore(content)
        self._divide_at(int(tensors["middle"]), None)
        for i, half in enumerate(self._halves):
            half.restore(tensors[f"half.{i}"].tobytes())
        return self._gather()

    def park(self) -> None:
        if not self._halves:
            return super().park()
        for half in self._halves:
            half.park()

    def _tried(self, work: Callable[[], None]) -> bool:
        """Whether the work could be done; if not, the run is divided."""
        try:
            work()
        except (MemoryError, RuntimeError) as error:
            if not memory_ran_out(error):
                raise
            for other in list(_whole):
                if other is not self:
                    with suppress(RuntimeError):  # its state was lost before
                        other.park()
            if not self._divide(self._whole_snapshot()):
                raise
        else:
            return True
        if self._say is not None:
            width = max(len(half.configurations) for half in self._halves)
            self._say(
                f"memory ran out for {len(self.configurations)} networks at once: they go on in "
                f"parts of {width}, with the same figures (--population {width} would begin so)"
            )
        return False

    def _whole_snapshot(self) -> Snapshot | None:
        """What it has trained; None if nothing is left of it."""
        try:
            taken = self.snapshot()
        except RuntimeError:
            return None
        return None if taken.state is None else taken

    def _divide(self, taken: Snapshot | None) -> bool:
        """Divides it in two, if it is wide enough, where half of what still trains is on each
        side; the halves go on from `taken`, or begin anew."""
        parts = parts_of(self._mesh)
        training = [] if taken is None else super().live
        columns = training or list(range(len(self.configurations)))
        of_device = width_on(self._mesh, len(columns)) // parts
        if of_device < 2:
            return False
        self._divide_at(columns[math.ceil(of_device / 2) * parts - 1] + 1, taken)
        return True

    def _divide_at(self, middle: int, taken: Snapshot | None) -> None:
        bounds = [(0, middle), (middle, len(self.configurations))]
        self._halves = [self._half(begin, end, taken) for begin, end in bounds]
        self._states, self._ended = (), []
        self._let_go(range(len(self.configurations)))
        _whole.discard(self)

    def _half(self, begin: int, end: int, taken: Snapshot | None) -> "DividedRun":
        half = DividedRun(
            self.bucket,
            self.configurations[begin:end],
            self.seeds,
            self._split,
            metric=self.metric,
            on_progress=self._look,
            narrow=self._narrow,
            mesh=self._mesh,
            streamed=self._streamed,
            say=self._say,
        )
        if taken is not None:
            half._go_on(taken.part(begin, end, half.last_epoch))
        else:
            share = (end - begin) / len(self.configurations)
            half.ends = self.ends[begin:end]
            half._training.add(self._training.seconds * share)
            half._compiling.add(self._compiling.seconds * share)
        return half

    def _placed(self) -> list[tuple[int, "DividedRun"]]:
        """The halves, each with the position of its first configuration."""
        first, second = self._halves
        return [(0, first), (len(first.configurations), second)]

    def _gather(self) -> None:
        """Brings what the halves have come to into the attributes."""
        self.ends = [end for half in self._halves for end in half.ends]
        self.epoch = min(
            (half.epoch for half in self._halves if half.live),
            default=max(half.epoch for half in self._halves),
        )
        self.score = np.concatenate([half.score for half in self._halves], axis=1)

    def _look(self, progress: Progress) -> None:
        self._gather()
        if self._on_progress is not None:
            own = replace(
                progress,
                epoch=self.epochs_done,
                n_epochs=self.last_epoch,
                n_trials=self.score.size,
                score=self.score,
                seconds=self._seconds(lambda run: run._training.seconds),
                compile_seconds=self._seconds(lambda run: run._compiling.seconds),
            )
            self._on_progress(own)

    def _seconds(self, of: Callable[["DividedRun"], float]) -> float:
        return sum(half._seconds(of) for half in self._halves) if self._halves else of(self)
