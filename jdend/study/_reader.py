"""Reads an Optuna study: its generations and its results."""

from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jdend.study._errors import StudyError
from jdend.study._folder import journal_in
from jdend.study._ledger import Generation, ProposedTrial
from jdend.study._result import SearchResult
from jdend.study._serialization import position_of, result_from_attributes, trial_from_record
from jdend.study._storage import (
    open_storage,
    quiet_optuna,
    storage_errors,
    without_password,
)

if TYPE_CHECKING:
    import optuna
    from optuna.storages import BaseStorage
    from optuna.trial import FrozenTrial

__all__ = ["GENERATION", "SEARCH", "StoredStudy", "open_study"]

# The study's attributes: the settings of the search, and the trials of each generation.
SEARCH, GENERATION = "search", "jdend:generation:"
# Attributes that are the same in all trials, as long as one machine trains them.
ALIKE = ("versions", "device")


class StoredStudy:
    """The contents of a study, as of the last call of `look`.

    Args:
      storage: the storage that holds the study.
      study: the study in that storage.
      where: the URL or path of the storage, for messages.

    Attributes:
      search: the settings that determine its figures; None if jdend did not make the study.
      results: the results of finished trials, by generation and position.
      finished: by number, the generations of which all trials are finished.
    """

    def __init__(self, storage: "BaseStorage", study: "optuna.Study", where: str):
        self.study, self.where = study, where
        self._storage = storage
        self._id = storage.get_study_id_from_name(study.study_name)
        self.search: Mapping[str, object] | None = study.user_attrs.get(SEARCH)
        self.results: dict[int, dict[int, SearchResult]] = {}
        self.finished: dict[int, Generation] = {}
        self._attributes: Mapping[str, Any] = {}
        self._held: dict[str, Any] = {}  # what trials share
        self._n_seen = 0  # trials that are in `results`

    def look(self) -> None:
        """Reads what was added to the storage since the last call.

        Raises:
          StudyError: if the storage cannot be read.
        """
        with storage_errors(self.where):
            self._attributes = self._storage.get_study_system_attrs(self._id)
            trials = self.study.get_trials(deepcopy=False)
        for trial in trials[self._n_seen :]:
            try:
                place = position_of(trial.user_attrs)
                if place is not None:
                    generation, position = place
                    results = self.results.setdefault(generation, {})
                    self._share(trial)
                    results.setdefault(position, result_from_attributes(trial.user_attrs))
            except (AttributeError, KeyError, TypeError, ValueError):
                named = without_password(self.where)
                raise StudyError(f"{named} is damaged: trial {trial.number} lacks values") from None
        self._n_seen = len(trials)
        for number in self.begun():
            by_position = self.results.get(number, {})
            if number not in self.finished:
                proposed = self.trials(number) or ()
                if len(by_position) == len(proposed):
                    in_order = tuple(by_position[position] for position in range(len(proposed)))
                    self.finished[number] = Generation(number, proposed, in_order)

    def _share(self, trial: "FrozenTrial") -> None:
        """Makes what is the same in all trials one object: Optuna's storages hold every trial in
        memory, each with versions, device and distributions of its own."""

        def shared(values: Mapping[str, Any]) -> dict[str, Any]:
            return {
                n: v if v != (held := self._held.setdefault(n, v)) else held
                for n, v in values.items()
            }

        alike = {name: trial.user_attrs[name] for name in ALIKE if name in trial.user_attrs}
        trial.user_attrs.update(shared(alike))
        trial.distributions = shared(trial.distributions)

    def begun(self) -> list[int]:
        """The numbers of the generations that were begun, in order."""
        keys = [key for key in self._attributes if key.startswith(GENERATION)]
        numbers = [key.removeprefix(GENERATION) for key in keys]
        return sorted(int(number) for number in numbers if number.isdigit())

    def keys(self, number: int) -> list[str] | None:
        """The attributes that hold a generation's trials; None if it was not begun."""
        return self._attributes.get(f"{GENERATION}{number}")

    def trials(self, number: int) -> tuple[ProposedTrial, ...] | None:
        """A generation's trials; None if it was not begun."""
        if number in self.finished:
            return self.finished[number].trials
        keys = self.keys(number)
        if keys is None:
            return None
        try:
            return tuple(trial_from_record(r) for key in keys for r in self._attributes[key])
        except (KeyError, TypeError, ValueError):
            place = without_password(self.where)
            raise StudyError(
                f"{place} is damaged: it lacks trials of generation {number}"
            ) from None

    def generations(self) -> list[Generation]:
        """The generations that were begun, in order."""
        return [
            self.finished.get(number) or Generation(number, self.trials(number) or ())
            for number in self.begun()
        ]

    def write(self, key: str, value: Any) -> None:
        """Sets an attribute that Optuna's tools do not show."""
        with storage_errors(self.where):
            self._storage.set_study_system_attr(self._id, key, value)

    def add(self, trials: Iterable["FrozenTrial"]) -> None:
        """Adds finished trials."""
        together = getattr(self._storage, "together", nullcontext)
        with storage_errors(self.where), together():
            for trial in trials:
                self.study.add_trial(trial)

    def close(self) -> None:
        """Closes idle connections to a database; the next reading or writing opens them again."""
        engine = getattr(self._storage, "engine", None)
        if engine is not None:
            engine.dispose()


def open_study(where: str | Path, name: str | None = None) -> StoredStudy:
    """Opens an existing study.

    Args:
      where: see `open_storage`.
      name: the name of the study; by default the first one that was made.

    Raises:
      StudyError: if there is no such study.
    """
    import optuna

    place = without_password(str(where))
    if "://" not in str(where) and not journal_in(where).exists():
        raise StudyError(f"{place} holds no study: give the folder of a search, or a storage's URL")
    with quiet_optuna(), storage_errors(where):
        storage = open_storage(where)
        names = [summary.study_name for summary in storage.get_all_studies()]
        if not names:
            raise StudyError(f"{place} holds no study")
        if name is not None and name not in names:
            raise StudyError(f"{place} holds no study {name!r}; there are: {', '.join(names)}")
        study = optuna.load_study(storage=storage, study_name=name or names[0])
        stored = StoredStudy(storage, study, str(where))
    stored.look()
    return stored
