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

from jdend.fields import canonical_name
from jdend.study._errors import StudyError
from jdend.study._lease import Holding, this_worker
from jdend.study._ledger import Claim, Generation, ProposedTrial
from jdend.study._reader import GENERATION, SEARCH, WORKER, StoredStudy
from jdend.study._result import SearchResult
from jdend.study._serialization import MINIMIZED, optuna_trial, plain, trial_to_record
from jdend.study._storage import open_storage, quiet_optuna, storage_errors, without_password

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

__all__ = ["LEASE", "OptunaLedger"]

# Seconds after which a worker that was not heard of is taken for dead.
LEASE = 60.0
# Seconds between two looks at what others do.
PATIENCE = 1.0
# Trials in an attribute: of MySQL's, none may be longer than 64 KiB.
PART = 64


class OptunaLedger:
    """Keeps a search's generations in a study of Optuna's.

    Args:
      storage: a URL or a path, see `open_storage`.
      name: of the study. It is made if the storage has none of that name.
      search: all that its figures follow from: data, space, budget, strategy, seeds, … Values of
        JSON.
      distributions: of the dimensions in which `ProposedTrial.point` has coordinates, for the whole
        study.
      objectives: fields of `SearchResult` that are the study's objectives.
      surroundings: attributes that each trial gets beside its result: versions, device. Asked for
        when the first generation is finished.
      say: told in a line when there is something to wait for.
      lease: seconds after which a worker that was not heard of is taken for dead.

    Attributes:
      stored: the study as it was last read.
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
        self._distributions = distributions or {}
        self._objectives = tuple(objectives)
        self._surroundings, self._say, self._lease = surroundings, say, lease
        self._me = this_worker()
        self._held: int | None = None  # the generation that this worker holds
        self._is_writing = False
        self._record = threading.Lock()
        self._stop: threading.Event | None = None  # of the thread that renews
        self._renewing: threading.Thread | None = None
        self._mine: dict[int, list[str]] = {}  # by generation, the proposals that are trained here
        with quiet_optuna(), storage_errors(storage):
            opened = open_storage(storage)
            study = optuna.create_study(
                storage=opened,
                study_name=name,
                load_if_exists=True,
                directions=["minimize" if o in MINIMIZED else "maximize" for o in objectives],
            )
            self.stored = StoredStudy(opened, study, storage)
            self.is_new = self._agree(search)

    def claim(self, n_generations: int) -> Claim | None:
        waiting = False
        while True:
            self.stored.look()
            finished, held = self.stored.finished, self._in_other_hands()
            left = (n for n in range(n_generations) if n not in finished)
            free = next((n for n in left if n not in held), None)
            if free is None and all(n in finished for n in held if n < n_generations):
                return None
            if free is not None and self._take(free):
                return Claim(free, self._kept(free))
            if free is None and not waiting:
                self._say("waiting for the generations that other workers hold")
                waiting = True
            time.sleep(random.uniform(0.0, PATIENCE if free is None else 0.2))

    def begin(self, number: int, proposed: Sequence[ProposedTrial]) -> None:
        records = [trial_to_record(trial) for trial in proposed]
        unique = uuid4().hex[:8]
        keys = [f"{GENERATION}{number}:{unique}:{start}" for start in range(0, len(records), PART)]
        self.stored.look()
        if self.stored.keys(number) is not None:
            return  # kept by another worker, which took this one for dead
        for part, key in enumerate(keys):
            self.stored.write(key, records[part * PART : (part + 1) * PART])
        self.stored.write(f"{GENERATION}{number}", keys)
        self._mine[number] = keys

    def finish(self, number: int, results: Sequence[SearchResult]) -> None:
        surroundings = {name: plain(value) for name, value in self._surroundings().items()}
        with self._writing(number):
            if self._mine.get(number) != self.stored.keys(number):
                return  # other proposals are in its place
            proposed = self.stored.trials(number) or ()
            there = self.stored.results.get(number, {})
            self.stored.add(
                optuna_trial(
                    result,
                    trial,
                    number,
                    position,
                    distributions=self._distributions,
                    objectives=self._objectives,
                    surroundings=surroundings,
                )
                for position, (trial, result) in enumerate(zip(proposed, results, strict=True))
                if position not in there
            )

    def generations(self) -> list[Generation]:
        self.stored.look()
        if self._stop is None:  # before the first claim, or after the last
            self.stored.close()
        return self.stored.generations()

    def release(self) -> None:
        if self._stop is not None:
            self._stop.set()
            self._stop = None
        if self._held is not None:
            with suppress(StudyError):  # what cannot be given back expires
                self._hold(None)
        if self._renewing is not None:
            self._renewing.join()
            self._renewing = None
        self.stored.close()

    def in_use(self) -> bool:
        """Whether there is a finished trial, or another worker at work; or nobody can tell."""
        try:
            self.stored.look()
        except StudyError:
            return True
        return bool(self.stored.results or self._in_other_hands())

    def _kept(self, number: int) -> tuple[ProposedTrial, ...] | None:
        """The trials of a generation that is held, if an earlier holder kept them."""
        keys = self.stored.keys(number)
        if keys is not None:
            self._mine[number] = keys
        return self.stored.trials(number)

    def _in_other_hands(self, *, writing: bool = False) -> set[int]:
        """The generations that other workers hold, or that they are writing."""
        holdings = self.stored.holdings(but=self._me.key)
        return {
            holding.generation
            for holding in holdings
            if holding.generation is not None and holding.writing >= writing
        }

    def _take(self, number: int) -> bool:
        """Whether the generation is this worker's now, to be trained."""
        self._hold(number)
        self.stored.look()
        if number in self._in_other_hands() or number in self.stored.finished:
            self._hold(None)
            return False
        if self._stop is None:
            self._stop = threading.Event()
            self._renewing = threading.Thread(target=self._renew, args=(self._stop,), daemon=True)
            self._renewing.start()
        return True

    @contextmanager
    def _writing(self, number: int):
        """While no other worker writes the same generation."""
        try:
            while True:
                self._hold(number, writing=True)
                self.stored.look()
                if number not in self._in_other_hands(writing=True):
                    break
                self._hold(number)
                time.sleep(random.uniform(0.0, 0.5))
            yield
        finally:
            self._hold(None)

    def _hold(self, number: int | None, *, writing: bool = False) -> None:
        with self._record:
            self._held, self._is_writing = number, writing
            self._write_record()

    def _renew(self, stop: threading.Event) -> None:
        while not stop.wait(self._lease / 4):
            with self._record, suppress(Exception):  # the next time may go better
                if self._held is not None and not stop.is_set():
                    self._write_record()

    def _write_record(self) -> None:
        me, until = self._me, time.time() + self._lease
        holding = Holding(self._held, self._is_writing, until, me.machine, me.process, me.started)
        self.stored.write(WORKER + me.key, asdict(holding))

    def _agree(self, search: Mapping[str, object]) -> bool:
        """Keeps what is searched, and says if nothing was kept before.

        Raises `StudyError` if the study searches something else.
        """
        given = json.loads(json.dumps(plain(search)))
        study = self.stored.study
        place = f"study {study.study_name!r} in {without_password(self.stored.where)}"
        is_new = self.stored.search is None
        if is_new:
            if study.get_trials(deepcopy=False):
                raise StudyError(f"{place} holds trials that are not jdend's: give another name")
            study.set_user_attr(SEARCH, given)
            self.stored.search = study.user_attrs[SEARCH]
        found = differences(_by_field(self.stored.search or {}), _by_field(given))
        if found:
            raise StudyError(
                f"{place} is another search: {'; '.join(found)}. Search the same, or give another "
                "folder or study name"
            )
        return is_new


def _by_field(search: Mapping[str, object]) -> dict[str, object]:
    """A search whose space names each field as `jdend.fields` does: others have been accepted, and
    the default space has used them."""
    return {**search, "space": _canonical(search.get("space"))}


def _canonical(space: object) -> object:
    """A space, or those of several budgets, under the fields' own names."""
    if not isinstance(space, Mapping):
        return space
    return {canonical_name(str(name)): _canonical(inner) for name, inner in space.items()}


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
