"""Trains populations on the machines of a Ray cluster: one actor for each GPU, or some cores.

Ray starts the actors, watches them and starts them again. Nothing that lasts is in Ray: data lie in
its object store once, finished populations and the states of others come back here, and the search
loop writes them to the study. A population whose worker is lost is handed to another, from its last
state.
"""

import os
import pickle
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any
from weakref import WeakKeyDictionary

from jdend._messages import OneLineError
from jdend.data import Split
from jdend.search.errors import SearchError
from jdend.search.executors.cluster import LOCAL, Slot, connect, disconnect, ray_module, slots
from jdend.search.executors.definitions import definitions
from jdend.search.executors.protocol import Watcher, Work
from jdend.search.executors.remote import RemotePart
from jdend.search.executors.worker import Report, Task, Worker

__all__ = ["RayExecutor"]

SECONDS_TO_WAIT = 600.0
# How long nothing is said while there are no workers; they take some seconds to start.
SECONDS_OF_SILENCE = 10.0
SECONDS_BETWEEN_LOOKS, SECONDS_BETWEEN_NODES = 1.0, 1.0
# How long workers are asked for their states when the search is broken off.
SECONDS_FOR_STATES = 4.0
# A population that so many workers did not survive, none of which came any further, is given up.
MOST_LOSSES = 4


@dataclass(eq=False)
class _Actor:
    """A worker: what it is, and what it does."""

    slot: Slot
    place: int  # its number among the workers of its machine
    handle: Any
    starting: Any  # a reference to come once it is there; None when it is
    work: Work | None = None
    key: tuple[object, ...] = ()
    training: Any = None  # a reference to the report
    looking: Any = None
    looked: float = field(default_factory=time.monotonic)


class RayExecutor:
    """Trains populations on a Ray cluster; the largest first, each with one worker.

    Args:
      address: `local` to start a cluster on this machine, `auto` for the one that runs here, or
        `HOST:PORT`. The process must run on a node of the cluster.
      cores_per_worker: on how many cores a worker computes, where there are no GPUs; None for all
        of its machine.
      wait: after how many seconds without a worker to give up.
      compile_cache: whether workers keep compiled programs in their user's cache folder.
    """

    is_local = False

    def __init__(
        self,
        address: str = LOCAL,
        *,
        cores_per_worker: int | None = None,
        wait: float = SECONDS_TO_WAIT,
        compile_cache: bool = True,
    ):
        if cores_per_worker is not None and cores_per_worker < 1:
            raise SearchError(
                f"cores_per_worker must be a positive integer, got {cores_per_worker}"
            )
        if address not in (LOCAL, "auto") and not address.rpartition(":")[2].isdecimal():
            raise SearchError(f"cluster {address!r} is none: give local, auto or HOST:PORT")
        ray_module()  # before anything is begun
        # This process holds JAX, and computes next to nothing: it leaves a GPU's memory to workers.
        os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
        self._address, self._cores, self._wait = address, cores_per_worker, wait
        self._compile_cache = compile_cache
        self._is_connected = self._leaves = False
        self._actors: dict[Slot, _Actor] = {}
        self._parts: WeakKeyDictionary[Work, RemotePart] = WeakKeyDictionary()
        self._data: WeakKeyDictionary[Split, Any] = WeakKeyDictionary()
        self._last: WeakKeyDictionary[Work, Slot] = WeakKeyDictionary()
        self._n_attempts, self._n_said, self._n_failed = 0, -1, 0
        self._next_nodes = 0.0
        self._alone_since: float | None = None

    def n_workers(self, data: Split) -> int:
        self._connect(data)
        return max(1, len(slots(self._cores)))

    def submit(
        self, works: Sequence[Work], epoch: int | None, watcher: Watcher
    ) -> Iterator[tuple[Work, list[RemotePart]]]:
        ray, errors = ray_module(), ray_module("ray.exceptions")
        self._connect(works[0].data)
        own = definitions([work.bucket.structure for work in works], works[0].metric)
        losses: dict[Work, tuple[int, int]] = {}  # at which step, and how many there
        for work in works:
            if work not in self._parts:
                self._parts[work] = RemotePart(work)
                watcher.begin(work, [self._parts[work]])
            self._parts[work].asked = epoch
        waiting = sorted(works, key=lambda work: -work.seconds)
        try:
            while waiting or any(actor.work is not None for actor in self._actors.values()):
                for work in self._renewed(watcher):
                    waiting.insert(0, work)
                for actor in self._actors.values():
                    if waiting and actor.starting is None and actor.work is None:
                        work = self._next(waiting, actor)
                        waiting.remove(work)
                        self._hand_over(work, actor, own, epoch)
                for actor in self._heard(ray):
                    work = actor.work
                    try:
                        finished = self._listen(ray, actor, watcher)
                    except errors.RayTaskError as error:
                        raise _failure(error, actor.work) from None
                    except errors.RayError as error:
                        if work is None:
                            self._fail_to_start(actor, error)
                        else:
                            steps = self._parts[work].steps_done
                            at, n_there = losses.get(work, (steps, 0))
                            n_losses = 1 + (n_there if at == steps else 0)
                            losses[work] = steps, n_losses
                            if n_losses >= MOST_LOSSES:
                                raise SearchError(_given_up(work)) from None
                            watcher.note("a worker is lost: its population goes to another")
                            waiting.insert(0, work)
                            self._lose(actor)
                        continue
                    if finished is not None:
                        yield finished, [self._parts[finished]]
        except BaseException:
            with suppress(Exception):
                self._ask_for_states(ray)
            raise

    def close(self) -> None:
        """Ends the workers, and leaves the cluster; one that was started here ends as well."""
        if not self._is_connected:
            return
        ray = ray_module()
        for actor in self._actors.values():
            with suppress(Exception):
                ray.kill(actor.handle)
        if self._leaves:
            disconnect()
        self._is_connected, self._actors, self._n_said = False, {}, -1
        self._parts, self._data = WeakKeyDictionary(), WeakKeyDictionary()
        self._last, self._next_nodes, self._alone_since = WeakKeyDictionary(), 0.0, None

    def _connect(self, data: Split) -> None:
        if not self._is_connected:
            n_bytes = sum(int(getattr(part, "nbytes", 0)) for part in vars(data).values())
            self._leaves = connect(self._address, n_bytes)
            self._is_connected = True
            self._start_workers(slots(self._cores))  # they import while populations are planned
        if data not in self._data:
            self._data[data] = ray_module().put(data)

    def _renewed(self, watcher: Watcher) -> list[Work]:
        """Takes in nodes that came, and drops those that went; returns what these trained."""
        now = time.monotonic()
        if now < self._next_nodes:
            return []
        self._next_nodes = now + SECONDS_BETWEEN_NODES
        there = slots(self._cores)
        lost: list[Work] = []
        for slot in [slot for slot in self._actors if slot not in there]:
            actor = self._actors.pop(slot)
            lost += [] if actor.work is None else [actor.work]
        self._start_workers(there)
        self._say(watcher, now, bool(lost))
        return lost

    def _start_workers(self, there: Sequence[Slot]) -> None:
        for slot in there:
            if slot not in self._actors:
                places = {a.place for s, a in self._actors.items() if s.machine == slot.machine}
                place = next(n for n in range(len(places) + 1) if n not in places)
                self._actors[slot] = _started(slot, place, self._cores)

    def _say(self, watcher: Watcher, now: float, lost: bool) -> None:
        """Tells the user how many workers there are, when that changes; gives up without any."""
        n_ready = sum(actor.starting is None for actor in self._actors.values())
        if lost:
            watcher.note("a node is lost: what it trained goes to others")
        if n_ready == 0:
            self._alone_since = now if self._alone_since is None else self._alone_since
            alone = now - self._alone_since
            if alone > self._wait:
                raise SearchError(
                    f"no worker came within {self._wait:g} seconds: what is finished is kept; go "
                    "on with --resume once there are some"
                )
            if alone > SECONDS_OF_SILENCE and self._n_said != 0:
                watcher.note(f"no workers: waiting for some, up to {self._wait:g} seconds")
                self._n_said = 0
            return
        self._alone_since = None
        if n_ready != self._n_said and all(a.starting is None for a in self._actors.values()):
            watcher.note(f"{n_ready} worker{'s' if n_ready > 1 else ''}")
            self._n_said = n_ready

    def _next(self, waiting: Sequence[Work], actor: _Actor) -> Work:
        """The largest that this worker trained last, and has programs of; else the largest."""
        own = [work for work in waiting if self._last.get(work) == actor.slot]
        return (own or list(waiting))[0]

    def _hand_over(self, work: Work, actor: _Actor, own: bytes, epoch: int | None) -> None:
        part = self._parts[work]
        self._n_attempts += 1
        actor.work, actor.key = work, (work.generation, work.number, epoch, self._n_attempts)
        population = (work.bucket, list(work.configurations), tuple(work.seeds), work.params)
        task = Task(
            key=actor.key,
            definitions=own,
            population=pickle.dumps(population),
            stops=tuple(part.stops),
            content=part.content,
            epoch=epoch,
            data=f"{work.data.fingerprint} {id(work.data)}",
            compile_cache=self._compile_cache,
        )
        actor.training = actor.handle.train.remote(task, [self._data[work.data]])
        self._last[work] = actor.slot

    def _heard(self, ray: Any) -> list[_Actor]:
        """The workers that have something to say; asks those at work how far they are."""
        now = time.monotonic()
        by_reference: dict[Any, _Actor] = {}
        for actor in self._actors.values():
            is_due = now - actor.looked >= SECONDS_BETWEEN_LOOKS
            if actor.work is not None and actor.looking is None and is_due:
                actor.looked, actor.looking = now, actor.handle.look.remote(actor.key)
            for reference in (actor.starting, actor.training, actor.looking):
                if reference is not None:
                    by_reference[reference] = actor
        if not by_reference:
            time.sleep(0.1)
            return []
        some, _ = ray.wait(list(by_reference), timeout=0.2)
        all_of_them, _ = ray.wait(list(by_reference), num_returns=len(by_reference), timeout=0)
        return list(dict.fromkeys(by_reference[r] for r in [*some, *all_of_them]))

    def _listen(self, ray: Any, actor: _Actor, watcher: Watcher) -> Work | None:
        """Takes in what a worker says; returns its population if that is where it shall be."""

        def is_there(reference: Any) -> bool:
            return reference is not None and bool(ray.wait([reference], timeout=0)[0])

        if is_there(actor.starting):
            ray.get(actor.starting)
            actor.starting = None
            self._next_nodes = 0.0  # says how many there are
        if actor.work is None:
            return None
        work, part = actor.work, self._parts[actor.work]
        if is_there(actor.training):
            report = ray.get(actor.training)
            actor.work = actor.training = actor.looking = None
            self._take(part, report, watcher)
            watcher.enter(work, part)
            watcher.look(part.progress())
            return work
        if is_there(actor.looking):
            progress, report = ray.get(actor.looking)
            actor.looking = None
            if report is not None:
                self._take(part, report, watcher)
            if progress is not None:
                part.see(progress)
                watcher.enter(work, part)
                n = sum(other.work is not None for other in self._actors.values())
                watcher.look(replace(progress, compile_seconds=progress.compile_seconds / n))
        return None

    def _take(self, part: RemotePart, report: Report, watcher: Watcher) -> None:
        part.take(report)
        if report.note:
            watcher.note(report.note)

    def _lose(self, actor: _Actor) -> None:
        """A worker is lost: Ray starts it again, unless its node is lost, too."""
        actor.work = actor.training = actor.looking = None
        actor.starting = actor.handle.ready.options(max_task_retries=-1).remote()

    def _fail_to_start(self, actor: _Actor, error: Exception) -> None:
        """A worker did not start: it is tried again, if its node is still there."""
        self._actors.pop(actor.slot, None)
        if actor.slot in slots(self._cores):
            self._n_failed += 1
            if self._n_failed >= MOST_LOSSES:
                said = (str(error).strip().splitlines() or [type(error).__name__])[-1]
                raise SearchError(f"workers of the cluster cannot start: {said}") from None

    def _ask_for_states(self, ray: Any) -> None:
        """Where populations stand now, of which the search loop writes what is new."""
        asked = {
            actor.handle.look.remote(actor.key, True): self._parts[actor.work]
            for actor in self._actors.values()
            if actor.work is not None
        }
        if not asked:
            return
        there, _ = ray.wait(list(asked), num_returns=len(asked), timeout=SECONDS_FOR_STATES)
        for reference in there:
            with suppress(Exception):
                _, report = ray.get(reference)
                if report is not None:
                    asked[reference].take(report)


def _started(slot: Slot, place: int, cores: int | None) -> _Actor:
    strategies = ray_module("ray.util.scheduling_strategies")
    options: dict[str, Any] = {
        "num_cpus": slot.cpus,
        "num_gpus": slot.gpus,
        "scheduling_strategy": strategies.NodeAffinitySchedulingStrategy(slot.node, soft=False),
        "max_restarts": -1,
        # Calls at a time: what trains, what says how far it is, and one that takes its place.
        "max_concurrency": 3,
    }
    handle = ray_module().remote(**options)(Worker).remote(place, cores)
    return _Actor(slot, place, handle, handle.ready.options(max_task_retries=-1).remote())


def _failure(error: Any, work: Work | None) -> Exception:
    """What to raise for an error in a worker: its own, where the search loop knows it."""
    cause = error.cause
    if isinstance(cause, OneLineError):
        return SearchError(cause)
    if isinstance(cause, MemoryError) or "RESOURCE_EXHAUSTED" in str(cause):
        return cause
    number = 0 if work is None else work.number
    said = " ".join(str(cause).split())
    return SearchError(f"population {number + 1} fails: {type(cause).__name__}: {said}")


def _given_up(work: Work) -> str:
    return (
        f"population {work.number + 1} ended {MOST_LOSSES} workers, one after the other (memory?): "
        "what is finished is kept; go on with --resume, or search anew with a smaller --generation"
    )
