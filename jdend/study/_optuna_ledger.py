"""The generations of a study in one of Optuna's storages, shared by any number of workers.

A study's user attribute `search` holds the settings that determine its figures. Its system
attributes hold the trials of each generation, before they are trained, and the record of each
worker. Finished trials are stored as Optuna's trials. A generation is finished when all of its
trials are stored; if writing them was interrupted, only the missing ones are added later.
"""

import json
import random
import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, TypeGuard, cast
from uuid import uuid4

import optuna

from jdend._phases import phase
from jdend.fields import canonical_name
from jdend.study._errors import StudyError
from jdend.study._lease import Holding, this_worker
from jdend.study._ledger import Claim, Generation, ProposedTrial
from jdend.study._reader import GENERATION, SEARCH, WORKER, StoredStudy
from jdend.study._result import ACCURACY, SearchResult
from jdend.study._serialization import MINIMIZED, optuna_trial, plain, trial_to_record
from jdend.study._storage import open_storage, quiet_optuna, storage_errors, without_password

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

__all__ = ["LEASE_SECONDS", "OptunaLedger"]

# Seconds without a renewal of its record after which a worker counts as dead.
LEASE_SECONDS = 60.0
# The longest wait between two looks at what other workers do.
MAX_WAIT_SECONDS = 1.0
# Trials in one attribute, since an attribute in MySQL may have at most 64 KiB.
TRIALS_PER_ATTRIBUTE = 64


class OptunaLedger:
    """Stores the generations of a search in an Optuna study.

    Args:
      storage: a URL or a path, see `open_storage`.
      name: the name of the study, which is made if the storage has none of that name.
      search: the settings that determine its figures: data, space, budget, strategy, seeds, …, in
        JSON values.
      distributions: the distributions of the coordinates of `ProposedTrial.point`, fixed for the
        whole study.
      objectives: the attributes of `SearchResult` that are the study's objectives.
      surroundings: returns further attributes of each trial: versions, device. Called whenever a
        generation is finished.
      say: called with a line of text when this worker has to wait.
      lease: seconds without a renewal of its record after which a worker counts as dead.

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
        objectives: Sequence[str] = ("score",),
        surroundings: Callable[[], Mapping[str, object]] = dict,
        say: Callable[[str], None] = lambda line: None,
        lease: float = LEASE_SECONDS,
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
            opened = open_storage(storage, say=say)
            study = optuna.create_study(
                storage=opened,
                study_name=name,
                load_if_exists=True,
                directions=["minimize" if o in MINIMIZED else "maximize" for o in objectives],
            )
            self.stored = StoredStudy(opened, study, storage)
            self.is_new = self._agree(search)

    @phase("storing")
    def claim(self, n_generations: int) -> Claim | None:
        waiting = False
        while True:
            self.stored.look()
            finished, held = self.stored.finished, self._in_other_hands()
            unfinished = (n for n in range(n_generations) if n not in finished)
            free = next((n for n in unfinished if n not in held), None)
            if free is None and all(n in finished for n in held if n < n_generations):
                return None
            if free is not None and self._take(free):
                return Claim(free, self._stored_trials(free))
            if free is None and not waiting:
                self._say("waiting for the generations that other workers hold")
                waiting = True
            time.sleep(random.uniform(0.0, MAX_WAIT_SECONDS if free is None else 0.2))

    @phase("storing")
    def begin(self, number: int, proposed: Sequence[ProposedTrial]) -> None:
        records = [trial_to_record(trial) for trial in proposed]
        unique = uuid4().hex[:8]
        n = TRIALS_PER_ATTRIBUTE
        keys = [f"{GENERATION}{number}:{unique}:{start}" for start in range(0, len(records), n)]
        self.stored.look()
        if self.stored.keys(number) is not None:
            return  # stored by another worker, for which this one counted as dead
        for part, key in enumerate(keys):
            self.stored.write(key, records[part * n : (part + 1) * n])
        self.stored.write(f"{GENERATION}{number}", keys)
        self._mine[number] = keys

    @phase("storing")
    def finish(self, number: int, results: Sequence[SearchResult]) -> None:
        surroundings = {name: plain(value) for name, value in self._surroundings().items()}
        with self._writing(number):
            if self._mine.get(number) != self.stored.keys(number):
                return  # another worker stored other trials in its place
            proposed = self.stored.trials(number) or ()
            stored = self.stored.results.get(number, {})
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
                if position not in stored
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
            with suppress(StudyError):  # a claim that cannot be released expires
                self._hold(None)
        if self._renewing is not None:
            self._renewing.join()
            self._renewing = None
        self.stored.close()

    def in_use(self) -> bool:
        """Whether a trial is finished or another worker is at work; True if that is unknown."""
        try:
            self.stored.look()
        except StudyError:
            return True
        return bool(self.stored.results or self._in_other_hands())

    def _stored_trials(self, number: int) -> tuple[ProposedTrial, ...] | None:
        """The trials of a claimed generation, if an earlier holder stored them."""
        keys = self.stored.keys(number)
        if keys is not None:
            self._mine[number] = keys
        return self.stored.trials(number)

    def _in_other_hands(self, *, writing: bool = False) -> set[int]:
        """The generations that other workers hold; if `writing`, those whose results they write."""
        holdings = self.stored.holdings(but=self._me.key)
        return {
            holding.generation
            for holding in holdings
            if holding.generation is not None and holding.writing >= writing
        }

    def _take(self, number: int) -> bool:
        """Tries to claim the generation for this worker; returns whether it succeeded."""
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
    def _writing(self, number: int) -> Generator[None]:
        """Waits until no other worker writes the same generation, and claims it for writing."""
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
        """Stores the settings of the search in a new study; returns whether the study is new.

        Raises `StudyError` if the study has other settings.
        """
        settings = json.loads(json.dumps(plain(search)))
        study = self.stored.study
        place = f"study {study.study_name!r} in {without_password(self.stored.where)}"
        is_new = self.stored.search is None
        if is_new:
            if study.get_trials(deepcopy=False):
                raise StudyError(f"{place} holds trials that are not jdend's: give another name")
            study.set_user_attr(SEARCH, settings)
            self.stored.search = study.user_attrs[SEARCH]
        phrases = differences(_by_field(self.stored.search or {}), _by_field(settings))
        if phrases:
            raise StudyError(
                f"{place} is another search: {'; '.join(phrases)}. Search the same, or give "
                "another folder or study name"
            )
        return is_new


def _by_field(search: Mapping[str, object]) -> dict[str, object]:
    """Settings with canonical field names in the space, where older studies may use aliases, and
    with the metric that a study has if it names none."""
    return {"metric": ACCURACY, **search, "space": _canonical(search.get("space"))}


def _canonical(space: object) -> object:
    """A space, or the spaces of several budgets, under canonical field names."""
    if not _is_object(space):
        return space
    return {canonical_name(name): _canonical(inner) for name, inner in space.items()}


def differences(stored: Mapping[str, object], current: Mapping[str, object]) -> list[str]:
    """The differences between the settings of two searches, a phrase for each. Those that may
    follow from the others come last: the data that are left, and a space's defaults."""
    phrases: list[str] = []
    names = dict.fromkeys([*stored, *current])
    for name in sorted(names, key=("data", "space").__contains__):
        old, new = stored.get(name), current.get(name)
        if name == "search_entropy":
            name, old, new = "search_seed", _seed(old), _seed(new)
        if _is_object(old) and _is_object(new):
            phrases += [f"{name}.{phrase}" for phrase in differences(old, new)]
        elif old != new:
            phrases.append(f"{name} is {_short(old)} there and {_short(new)} here")
    return phrases


def _is_object(value: object) -> TypeGuard[Mapping[str, object]]:
    """Whether a JSON value is an object, with names and values."""
    return isinstance(value, Mapping)


def _seed(entropy: object) -> object:
    """The seed alone, if the search is the first of its searcher."""
    first = isinstance(entropy, list | tuple) and [*cast(Sequence[object], entropy)][1:] == [0]
    return cast(Sequence[object], entropy)[0] if first else cast(object, entropy)


def _short(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
