"""The generations of a study in one of Optuna's storages.

A study's user attribute `search` holds the settings that determine its figures. Its system
attributes hold the trials of each generation, before they are trained. Finished trials are stored
as Optuna's trials. A generation is finished when all of its trials are stored; if writing them was
interrupted, only the missing ones are added later.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeGuard, cast

import optuna

from jdend._phases import phase
from jdend.fields import canonical_name
from jdend.study._errors import StudyError
from jdend.study._ledger import Claim, Generation, ProposedTrial
from jdend.study._lock import StudyLock
from jdend.study._reader import GENERATION, SEARCH, StoredStudy
from jdend.study._result import ACCURACY, SearchResult
from jdend.study._serialization import MINIMIZED, optuna_trial, plain, trial_to_record
from jdend.study._storage import open_storage, quiet_optuna, storage_errors, without_password

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

__all__ = ["OptunaLedger"]

# Trials in one attribute, since an attribute in MySQL may have at most 64 KiB.
TRIALS_PER_ATTRIBUTE = 64


class OptunaLedger:
    """Stores the generations of a search in an Optuna study. Until `release`, no other process may
    search in it.

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
      say: called with a line of text if a journal's end is damaged, and cut off.

    Attributes:
      stored: the study as it was last read.
      is_new: whether the study was made here.

    Raises:
      StudyError: if the storage cannot be used, holds another search under that name, or another
        process searches in it.
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
    ):
        self._distributions = distributions or {}
        self._objectives = tuple(objectives)
        self._surroundings = surroundings
        self._lock = StudyLock(storage, name)
        try:
            self._open(storage, name, search, say)
        except BaseException:
            self._lock.release()
            raise

    def _open(
        self, storage: str, name: str, search: Mapping[str, object], say: Callable[[str], None]
    ) -> None:
        with quiet_optuna(), storage_errors(storage):
            opened = open_storage(storage, say=say)
            study = optuna.create_study(
                storage=opened,
                study_name=name,
                load_if_exists=True,
                directions=["minimize" if o in MINIMIZED else "maximize" for o in self._objectives],
            )
            self.stored = StoredStudy(opened, study, storage)
            self.is_new = self._agree(search)

    @phase("storing")
    def claim(self, n_generations: int) -> Claim | None:
        self._lock.renew()
        self.stored.look()
        finished = self.stored.finished
        number = next((n for n in range(n_generations) if n not in finished), None)
        return None if number is None else Claim(number, self.stored.trials(number))

    @phase("storing")
    def begin(self, number: int, proposed: Sequence[ProposedTrial]) -> None:
        records = [trial_to_record(trial) for trial in proposed]
        n = TRIALS_PER_ATTRIBUTE
        keys = [f"{GENERATION}{number}:{start}" for start in range(0, len(records), n)]
        for part, key in enumerate(keys):
            self.stored.write(key, records[part * n : (part + 1) * n])
        self.stored.write(f"{GENERATION}{number}", keys)  # it is begun

    @phase("storing")
    def finish(self, number: int, results: Sequence[SearchResult]) -> None:
        surroundings = {name: plain(value) for name, value in self._surroundings().items()}
        self.stored.look()
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
        return self.stored.generations()

    def release(self) -> None:
        self.stored.close()
        self._lock.release()

    def has_results(self) -> bool:
        """Whether a trial is finished; True if that is unknown."""
        try:
            self.stored.look()
        except StudyError:
            return True
        return bool(self.stored.results)

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
    with the metric and the precision that a study has if it names none."""
    return {
        "metric": ACCURACY,
        "precision": "float32",
        **search,
        "space": _canonical(search.get("space")),
    }


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
