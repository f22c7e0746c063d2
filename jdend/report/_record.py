"""The input of a report: the results of a study, and the record of how they were obtained."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard

from jdend._files import user_path
from jdend.data import is_file_name
from jdend.fields import that_play_a_part
from jdend.study import (
    JOURNAL,
    RESULTS,
    RUN,
    SearchResult,
    StoredStudy,
    StudyError,
    open_storage,
    open_study,
    rank,
    read_results,
)

if TYPE_CHECKING:
    import optuna

__all__ = ["SearchRecord", "finite", "ranked", "read_record"]


@dataclass(frozen=True)
class SearchRecord:
    """A study as a report reads it.

    Attributes:
      results: the results of all its searches, their parameters under the fields' own names,
        without those that play no part.
      generations: the same results, grouped by generation; a single group if those are unknown.
      configs: the settings of each search, as in `run.json`; empty if they are unknown.
      run: the rest of `run.json`: command, times, device, versions; empty if it is missing.
      studies: the Optuna studies that hold the results, for importances.
      folder: the study's folder; None if it has none.
    """

    results: tuple[SearchResult, ...]
    generations: tuple[tuple[SearchResult, ...], ...] = ()
    configs: tuple[Mapping[str, Any], ...] = ()
    run: Mapping[str, Any] = field(default_factory=dict)
    studies: tuple["optuna.Study", ...] = ()
    folder: Path | None = None

    def __post_init__(self):
        every = [*self.results, *(r for generation in self.generations for r in generation)]
        named = {id(r): replace(r, params=that_play_a_part(r.params)) for r in every}
        generations = tuple(tuple(named[id(r)] for r in results) for results in self.generations)
        object.__setattr__(self, "results", tuple(named[id(r)] for r in self.results))
        object.__setattr__(self, "generations", generations)

    @property
    def dataset(self) -> str:
        """The name of the data, for people."""
        names = dict.fromkeys(str(c["dataset"]) for c in self.configs if c.get("dataset"))
        paths = [Path(name) for name in names]
        return ", ".join(p.stem if is_file_name(p) else str(p) for p in paths)

    @property
    def budgets(self) -> tuple[int, ...]:
        """The budgets of its searches, smallest first."""
        each_search = (c.get("budgets") or [c.get("max_params")] for c in self.configs)
        return tuple(sorted({n for budgets in each_search for n in budgets if n is not None}))


def read_record(
    where: str | Path | None, *, storage: str | None = None, study: str | None = None
) -> SearchRecord:
    """Reads a study, also one that was interrupted.

    Args:
      where: the folder of a search (`--out`); None if there is only a storage.
      storage: the URL of a storage, if not the folder's journal.
      study: the study's name in that storage; by default the first one.

    Raises:
      StudyError: if there is no study, or it cannot be read.
    """
    if where is None:
        if storage is None:
            raise StudyError("give the folder of a search, or a storage's URL")
        stored = [open_study(storage, study)]
        return _of_stored(stored)
    folder = user_path(where, StudyError)
    if not folder.is_dir():
        if not folder.exists():
            raise StudyError(f"{folder} does not exist: give the folder of a search (its --out)")
        return SearchRecord(tuple(read_results(folder)))
    run = _read_run(folder / RUN)
    stored = _stored(folder)
    if not (folder / RESULTS).exists():
        if not stored:
            raise StudyError(
                f"{folder} holds no search: neither {RESULTS} nor {JOURNAL}; of a search in a "
                "database give its name, and --storage URL"
            )
        return _of_stored(stored, folder)
    results = tuple(read_results(folder / RESULTS))
    config = run.pop("config", [])
    return SearchRecord(
        results,
        _generations(stored) or (results,),
        tuple(config) if isinstance(config, list) else (config,),
        run,
        tuple(s.study for s in stored),
        folder,
    )


def ranked(results: Sequence[SearchResult]) -> tuple[list[SearchResult], str]:
    """The results, best first, and ""; or in their own order, and why they cannot be ranked."""
    if any(result.only_tested for result in results):
        return list(results), "results without validation accuracy are not ranked by test accuracy"
    try:
        return rank(results), ""
    except StudyError as error:
        return list(results), str(error)


def _read_run(path: Path) -> dict[str, Any]:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except OSError:
        return {}
    except ValueError as error:
        raise StudyError(f"{path} is damaged: {error}") from None
    if not isinstance(record, dict):
        raise StudyError(f"{path} must hold an object, not {type(record).__name__}")
    return record


def _stored(folder: Path) -> list[StoredStudy]:
    """The studies in the folder's journal.

    The folder may come from somebody else. So a storage that its `run.json` names is not opened:
    that could create files, or contact a server of that person's.
    """
    journal = folder / JOURNAL
    if not journal.exists():
        return []
    try:
        names = [summary.study_name for summary in open_storage(journal).get_all_studies()]
        return [open_study(journal, name) for name in names]
    except StudyError:
        if (folder / RESULTS).exists():  # which is enough for most of a report
            return []
        raise


def _of_stored(stored: Sequence[StoredStudy], folder: Path | None = None) -> SearchRecord:
    """A record from storages alone, which hold neither times nor the command."""
    generations = _generations(stored)
    results = tuple(result for generation in generations for result in generation)
    if not results:
        raise StudyError("no trial is finished yet")
    configs = []
    for study in stored:
        if study.search is not None:
            name = str(study.search.get("data", "")).rpartition(" ")[0]
            configs.append({**study.search, "dataset": name})
    return SearchRecord(
        results, generations, tuple(configs), {}, tuple(s.study for s in stored), folder
    )


def _generations(stored: Sequence[StoredStudy]) -> tuple[tuple[SearchResult, ...], ...]:
    generations = []
    for study in stored:
        for number in sorted(study.results):
            positions = study.results[number]
            generations.append(tuple(positions[position] for position in sorted(positions)))
    return tuple(generations)


def finite(value: float | None) -> TypeGuard[float]:
    """Whether a figure was measured."""
    return value is not None and math.isfinite(value)
