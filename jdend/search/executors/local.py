"""Trains populations on this process's devices, one after another."""

import functools
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from weakref import WeakKeyDictionary

from jdend.data import Split
from jdend.models import Configuration
from jdend.search.executors.protocol import Watcher, Work
from jdend.training import (
    EVERY_DEVICE,
    Bucket,
    KeptNetworks,
    Placement,
    Run,
    in_background,
    prepare,
    runs,
)

__all__ = ["LocalExecutor", "compile_programs"]


class LocalExecutor:
    """Trains populations in this process; the programs of the next one compile meanwhile.

    A population is one run, or several, one at a time on the devices, if memory is too small for
    one.

    Args:
      placement: the devices that train, and how much of a population at once.
      networks: keeps what is trained; None to keep nothing.
      afterwards: called once, in another thread, when the programs of all populations are there.
    """

    is_local = True

    def __init__(
        self,
        placement: Placement = EVERY_DEVICE,
        networks: KeptNetworks | None = None,
        afterwards: Callable[[], object] | None = None,
    ):
        self._placement, self._networks, self._afterwards = placement, networks, afterwards
        self._programs: WeakKeyDictionary[Work, Future[object]] = WeakKeyDictionary()
        self._runs: WeakKeyDictionary[Work, list[Run]] = WeakKeyDictionary()

    def n_workers(self, data: Split) -> int:
        return 1

    def submit(
        self, works: Sequence[Work], epoch: int | None, watcher: Watcher
    ) -> Iterator[tuple[Work, list[Run]]]:
        for work, following in zip(works, [*works[1:], None], strict=True):
            watcher.wait(self._prepared(work), work)
            if following is not None:
                self._prepared(following)
            elif self._afterwards is not None:
                in_background(self._afterwards)
                self._afterwards = None
            of_work = self._begun(work, watcher)
            for run in of_work:
                watcher.enter(work, run)
                run.train_to(run.last_epoch if epoch is None else epoch)
                if epoch is not None and len(of_work) > 1:
                    run.park()
            if epoch is None:
                for run in of_work:
                    run.outcomes()  # measures them
                self._forget(work)
            yield work, of_work

    def close(self) -> None:
        self._programs.clear()
        self._runs.clear()

    def _prepared(self, work: Work) -> Future[object]:
        """Its programs; the first call begins to compile them in the background."""
        if work not in self._programs:
            compiling = functools.partial(compile_programs, work, self._placement)
            self._programs[work] = in_background(compiling)
        return self._programs[work]

    def _begun(self, work: Work, watcher: Watcher) -> list[Run]:
        """Its runs, which are made when this is first called."""
        if work not in self._runs:
            made = runs(
                *_arguments(work),
                metric=work.metric,
                on_progress=watcher.look,
                narrow=work.narrow,
                placement=self._placement,
                say=watcher.note,
                networks=self._networks,
            )
            self._runs[work] = made
            watcher.begin(work, made)
        return self._runs[work]

    def _forget(self, work: Work) -> None:
        self._programs.pop(work, None)
        self._runs.pop(work, None)


def compile_programs(work: Work, placement: Placement) -> None:
    """Compiles what a population needs to train in this process, in this thread."""
    prepare(*_arguments(work), metric=work.metric, narrow=work.narrow, placement=placement)


def _arguments(work: Work) -> tuple[Bucket, Sequence[Configuration], Sequence[int], Split]:
    return work.bucket, work.configurations, work.seeds, work.data
