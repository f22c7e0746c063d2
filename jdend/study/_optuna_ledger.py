"""The generations of a study in one of Optuna's storages, shared by any number of workers.

A study's user attributes hold `search`, all that its figures follow from. Its system attributes
hold each generation's trials, before they are trained, and each worker's record. Finished trials
are Optuna's own, added together; a generation is finished when each of its trials is there, so
one that was cut off while it was written is completed, never written twice.
"""

import json
import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from typing import TYPE_CHECKING
from uuid import uuid4

import optuna

from jdend.study._errors import StudyError
from jdend.study._lease import Holding, this_worker
from jdend.study._ledger import Claim, Generation, Proposed
from jdend.study._result import SearchResult
from jdend.study._storage import open_storage, storage_errors, without_password
from jdend.study._trials import (
    MINIMIZED,
    plain,
    position_of,
    proposed_from,
    proposed_to,
    result_of,
    trial_of,
)

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

__all__ = ["LEASE", "OptunaLedger"]

# Seconds after which a worker that was not heard of is taken for dead.
LEASE = 60.0
# Seconds between two looks at what others do.
PATIENCE = 1.0
# Trials in an attribute: of MySQL's, none may be longer than 64 KiB.
PART = 64

SEARCH, GENERATION, WORKER = "search", "jdend:generation:", "jdend:worker:"


class OptunaLedger:
    """Keeps a search's generations in a study of Optuna's.

    Args:
      storage: a URL or a path, see `open_storage`.
      name: of the study. It is made if the storage has none of that name.
      search: all that its figures follow from: data, space, budget, strategy, seeds, … Values of
        JSON.
      distributions: of the dimensions in which `Proposed.point` has coordinates, for the whole
        study.
      objectives: fields of `SearchResult` that are the study's objectives.
      surroundings: attributes that each trial gets beside its result: versions, device. Asked for
        when the first generation is finished.
      say: told in a line when there is something to wait for.
      lease: seconds after which a worker that was not heard of is taken for dead.

    Attributes:
      is_new: whether the study was made here.

    Raises:
      StudyError: if the storage cannot be used, or holds another search under that name.
    """

    def __init__(
        self,
        storage: str,
        name: str,
        search: Mapping[str, object],
        *,
        distributions: Mapping[str, "BaseDistribution"] | None = None,
        objectives: Sequence[str] = ("validation_accuracy",),
        surroundings: Callable[[], Mapping[str, object]] = dict,
        say: Callable[[str], None] = lambda line: None,
        lease: float = LEASE,
    ):
        self._where, self.name = storage, name
        self._distributions = distributions or {}
        self._objectives = tuple(objectives)
        self._surroundings, self._say, self._lease = surroundings, say, lease
        self._me = this_worker()
        self._generation: int | None = None  # held here
        self._is_writing = False
        self._record = threading.Lock()
        self._stop: threading.Event | None = None  # of the thread that renews
        self._mine: dict[int, list[str]] = {}  # by generation, the proposals that are trained here
        self._results: dict[int, dict[int, SearchResult]] = {}  # by generation and position
        self._n_seen = 0  # trials that are in them
        self._finished: dict[int, Generation] = {}
        self.is_new = False
        with _quiet(), storage_errors(storage):
            self._storage = open_storage(storage)
            self._study = optuna.create_study(
                storage=self._storage,
                study_name=name,
                load_if_exists=True,
                directions=["minimize" if o in MINIMIZED else "maximize" for o in objectives],
            )
            self._id = self._storage.get_study_id_from_name(name)
            self._agree(search)

    def claim(self, n_generations: int) -> Claim | None:
        waiting = False
        while True:
            with storage_errors(self._where):
                attributes = self._look()
                left = [n for n in range(n_generations) if n not in self._finished]
                if not left:
                    return None
                free = [n for n in left if n not in self._held(attributes)]
                if free and self._take(free[0]):
                    attributes = self._look()
                    if free[0] not in self._finished:
                        return Claim(free[0], self._proposed(free[0], attributes))
            if not free and not waiting:
                self._say("waiting for the generations that other workers hold")
                waiting = True
            time.sleep(random.uniform(0.0, 0.2 if free else PATIENCE))

    def begin(self, number: int, proposed: Sequence[Proposed]) -> None:
        records = [proposed_to(trial) for trial in proposed]
        unique = uuid4().hex[:8]
        keys = []
        with storage_errors(self._where):
            if _key(number) in self._look():
                return  # kept by another worker, which took this one for dead
            for start in range(0, len(records), PART):
                keys.append(f"{_key(number)}:{unique}:{start}")
                self._write(keys[-1], records[start : start + PART])
            self._write(_key(number), keys)
        self._mine[number] = keys

    def finish(self, number: int, results: Sequence[SearchResult]) -> None:
        surroundings = {name: plain(value) for name, value in self._surroundings().items()}
        with storage_errors(self._where), self._writing(number):
            attributes = self._look()
            if self._mine.get(number) != attributes.get(_key(number)):
                return  # other proposals are in its place
            proposed = self._proposed(number, attributes) or ()
            there = self._results.get(number, {})
            for position, (trial, result) in enumerate(zip(proposed, results, strict=True)):
                if position not in there:
                    self._study.add_trial(
                        trial_of(
                            result,
                            trial,
                            number,
                            position,
                            distributions=self._distributions,
                            objectives=self._objectives,
                            surroundings=surroundings,
                        )
                    )

    def generations(self) -> list[Generation]:
        with storage_errors(self._where):
            attributes = self._look()
        found = []
        for number in sorted(_numbers(attributes)):
            proposed = self._proposed(number, attributes) or ()
            found.append(self._finished.get(number) or Generation(number, proposed))
        return found

    def release(self) -> None:
        if self._stop is not None:
            self._stop.set()
            self._stop = None
        if self._generation is not None:
            with storage_errors(self._where):
                self._hold(None)

    def in_use(self) -> bool:
        """Whether there is a finished trial, or another worker at work."""
        with storage_errors(self._where):
            attributes = self._look()
            return bool(self._results or self._held(attributes))

    def _look(self) -> dict[str, object]:
        """Learns of trials that are new, and returns the study's system attributes."""
        attributes = self._storage.get_study_system_attrs(self._id)
        trials = self._study.get_trials(deepcopy=False)
        for trial in trials[self._n_seen :]:
            place = position_of(trial.user_attrs)
            if place is not None:
                generation, position = place
                found = self._results.setdefault(generation, {})
                found.setdefault(position, result_of(trial.user_attrs))
        self._n_seen = len(trials)
        for number in _numbers(attributes):
            found = self._results.get(number, {})
            if number not in self._finished and found:
                proposed = self._proposed(number, attributes) or ()
                if len(found) == len(proposed):
                    results = tuple(found[position] for position in range(len(proposed)))
                    self._finished[number] = Generation(number, proposed, results)
        return attributes

    def _proposed(
        self, number: int, attributes: Mapping[str, object]
    ) -> tuple[Proposed, ...] | None:
        """The trials kept of a generation; None if it was not begun."""
        if number in self._finished:
            return self._finished[number].proposed
        keys: list[str] | None = attributes.get(_key(number))  # pyright: ignore[reportAssignmentType]
        if keys is None:
            return None
        if number == self._generation:
            self._mine.setdefault(number, keys)
        records: list = [record for key in keys for record in attributes[key]]  # pyright: ignore
        return tuple(map(proposed_from, records))

    def _held(self, attributes: Mapping[str, object], *, writing: bool = False) -> set[int]:
        """Generations in the hands of other workers that live, or that those are writing."""
        others = [
            Holding(**record)  # pyright: ignore[reportCallIssue]
            for key, record in attributes.items()
            if key.startswith(WORKER) and key != WORKER + self._me.key
        ]
        now = time.time()
        return {
            other.generation
            for other in others
            if other.generation is not None and other.writing >= writing and other.lives(now)
        }

    def _take(self, number: int) -> bool:
        """Whether the generation is this worker's now."""
        self._hold(number)
        if number in self._held(self._storage.get_study_system_attrs(self._id)):
            self._hold(None)
            return False
        if self._stop is None:
            self._stop = threading.Event()
            threading.Thread(target=self._renew, args=(self._stop,), daemon=True).start()
        return True

    @contextmanager
    def _writing(self, number: int):
        """While no other worker writes the same generation."""
        while True:
            self._hold(number, writing=True)
            attributes = self._storage.get_study_system_attrs(self._id)
            if number not in self._held(attributes, writing=True):
                break
            self._hold(number)
            time.sleep(random.uniform(0.0, 0.5))
        try:
            yield
        finally:
            self._hold(None)

    def _hold(self, number: int | None, *, writing: bool = False) -> None:
        with self._record:
            self._generation, self._is_writing = number, writing
            self._write_record()

    def _renew(self, stop: threading.Event) -> None:
        while not stop.wait(self._lease / 4):
            with self._record, suppress(Exception):  # the next time may go better
                if self._generation is not None and not stop.is_set():
                    self._write_record()

    def _write_record(self) -> None:
        me, until = self._me, time.time() + self._lease
        holding = Holding(
            self._generation, self._is_writing, until, me.machine, me.process, me.started
        )
        self._write(WORKER + me.key, asdict(holding))

    def _write(self, key: str, value: object) -> None:
        self._storage.set_study_system_attr(self._id, key, value)  # pyright: ignore[reportArgumentType]

    def _agree(self, search: Mapping[str, object]) -> None:
        """Keeps what is searched, or raises `StudyError` if the study searches something else."""
        given = json.loads(json.dumps(plain(search)))
        kept = self._storage.get_study_user_attrs(self._id).get(SEARCH)
        place = f"study {self.name!r} in {without_password(self._where)}"
        if kept is None:
            if self._study.get_trials(deepcopy=False):
                raise StudyError(f"{place} holds trials that are not jdend's: give another name")
            self.is_new = True
            self._storage.set_study_user_attr(self._id, SEARCH, given)
            kept = self._storage.get_study_user_attrs(self._id)[SEARCH]
        found = differences(kept, given)
        if found:
            raise StudyError(
                f"{place} is another search: {'; '.join(found)}. Search the same, or give another "
                "folder or study name"
            )


def differences(there: Mapping[str, object], here: Mapping[str, object]) -> list[str]:
    """What differs between two searches, a phrase for each entry, inner ones by dotted names."""
    found = []
    for name in dict.fromkeys([*there, *here]):
        old, new = there.get(name), here.get(name)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            found += [f"{name}.{phrase}" for phrase in differences(old, new)]
        elif old != new:
            found.append(f"{name} is {_short(old)} there and {_short(new)} here")
    return found


def _short(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _key(number: int) -> str:
    return f"{GENERATION}{number}"


def _numbers(attributes: Mapping[str, object]) -> list[int]:
    """Of the generations that were begun."""
    numbers = [key.removeprefix(GENERATION) for key in attributes if key.startswith(GENERATION)]
    return [int(number) for number in numbers if number.isdigit()]


@contextmanager
def _quiet():
    """Without what Optuna says of each study that it makes."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)
