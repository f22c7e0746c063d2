"""A study: a search with all its trials, and the folder or storage that holds them."""

import json
import platform
import shlex
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from jdend._files import os_errors_as, user_path, write_json
from jdend._phases import phase, seconds_by_phase
from jdend.study._confidence import best_interval, validation_note
from jdend.study._errors import StudyError
from jdend.study._files import write_results
from jdend.study._folder import JOURNAL, RESULTS, RUN, TEACHERS, claim_folder, lock_name
from jdend.study._ledger import Ledger, MemoryLedger
from jdend.study._lock import files_of_lock
from jdend.study._result import SearchResult
from jdend.study._snapshots import SNAPSHOTS, SnapshotFolder
from jdend.study._storage import without_password, words_without_passwords

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

    from jdend.study._optuna_ledger import OptunaLedger

__all__ = ["Effort", "Study"]

DEFAULT_NAME = "search"
PACKAGES = ("jdend", "jax", "jaxlib", "flax", "optax", "numpy")


@dataclass(frozen=True)
class Effort:
    """How much a search has compiled.

    Attributes:
      step_programs: the number of distinct training-step programs, cached ones included.
      programs: the number of distinct programs of any kind.
      compile_seconds: the time spent on compiling all of them.
    """

    step_programs: int = 0
    programs: int = 0
    compile_seconds: float = 0.0

    def __add__(self, other: "Effort") -> "Effort":
        return Effort(
            self.step_programs + other.step_programs,
            self.programs + other.programs,
            self.compile_seconds + other.compile_seconds,
        )


class Study:
    """Collects the results of one search, or of the several that make a scenario.

    Each of those searches has a ledger, which is an Optuna study in the storage, or else in the
    folder's journal. With neither storage nor folder, it is held in memory.

    Args:
      folder: the folder for `results.json`, `run.json` and, without a storage, the journal
        `study.journal`; None to write nothing. It is made, and checked to be writable, at once.
      command: the command line to record; by default that of this process.
      storage: a URL or path, see `jdend.study.open_storage`. One process at a time may search under
        a name.
      name: the name of the first search in the storage; the next ones are `<name>-2`, ….
      resume: whether to resume the search that the folder holds, if any.

    Attributes:
      has_begun: whether training has begun.

    Raises:
      StudyError: if the folder already holds a search that is not to be resumed, or cannot be
        written.
    """

    def __init__(
        self,
        folder: str | Path | None = None,
        *,
        command: Sequence[str] | None = None,
        storage: str | Path | None = None,
        name: str | None = None,
        resume: bool = False,
    ):
        self.results: list[SearchResult] = []
        self.configs: list[Mapping[str, object]] = []
        self.effort = Effort()
        self.device: Mapping[str, object] = {}
        self.folder = None if folder is None else user_path(folder, StudyError)
        self.resume = resume
        self._storage, self._name = storage, name or DEFAULT_NAME
        self._ledgers: list[OptunaLedger] = []
        self._n_ledgers = 0
        words = sys.argv if command is None else command
        self._command = shlex.join(words_without_passwords(words))
        self._begun, self._clock = time.time(), time.monotonic()
        self._thread, self._phases = threading.get_ident(), seconds_by_phase()
        self._new_folders: list[Path] = []
        self.has_begun = False
        self._is_written = False
        self._began_journal = self.folder is not None and not (self.folder / JOURNAL).exists()
        if self.folder is not None:
            kept_in = None if storage is None else without_password(str(storage))
            self._new_folders = claim_folder(self.folder, kept_in, self._name, resume=resume)

    @property
    def keeps(self) -> bool:
        """Whether generations are stored, in a storage or the folder."""
        return self._storage is not None or self.folder is not None

    @phase("storing")
    def ledger(
        self,
        search: Mapping[str, object],
        *,
        distributions: Mapping[str, "BaseDistribution"] | None = None,
        objectives: Sequence[str] = ("score",),
        device: Callable[[], Mapping[str, object]] = dict,
        say: Callable[[str], None] = lambda line: None,
    ) -> Ledger:
        """The ledger of the next search.

        Args:
          search: the settings that determine its figures, in JSON values. A study can only be
            resumed with the settings that it was made with.
          distributions: the distributions of the coordinates of `ProposedTrial.point`.
          objectives: the attributes of `SearchResult` that are the objectives.
          device: returns a description of the device that trains a generation.
          say: called with lines of text for the user.

        Raises:
          StudyError: if the storage cannot be used, or holds another search under that name.
        """
        self._n_ledgers += 1
        where = self._storage
        if where is None:
            if self.folder is None:
                return MemoryLedger()
            where = self.folder / JOURNAL
        from jdend.study._optuna_ledger import OptunaLedger

        first = self._n_ledgers == 1
        ledger = OptunaLedger(
            str(where),
            self._name if first else f"{self._name}-{self._n_ledgers}",
            search,
            distributions=distributions,
            objectives=objectives,
            surroundings=lambda: {"versions": _versions(), "device": device()},
            say=say,
        )
        had_journal = self._storage is None and not self._began_journal
        if first and self.resume and ledger.is_new and not had_journal:
            say(f"no search to go on with in {without_password(str(where))}: a new one starts")
        self._ledgers.append(ledger)
        return ledger

    def add(
        self,
        results: Iterable[SearchResult],
        *,
        config: Mapping[str, object],
        effort: Effort,
        device: Mapping[str, object],
    ) -> None:
        """Adds the results of one search, its settings, its compiling effort and its device."""
        self.results += results
        self.configs.append(config)
        self.effort += effort
        self.device = device

    def snapshots(self, say: Callable[[str], None]) -> SnapshotFolder | None:
        """The folder for snapshots of the search whose `ledger` was made last; None if the study
        has no folder. `say` is called with lines of text for the user."""
        if self.folder is None:
            return None
        return SnapshotFolder(self.folder, self._n_ledgers, say)

    def begin(self) -> None:
        """Notes that training begins, of the search or of what comes before it. `run.json` is
        written if there is none; results that an earlier process wrote stay until `write`."""
        if self.folder is not None and not self.has_begun and self._storage is None:
            with os_errors_as(StudyError, f"cannot write {self.folder / JOURNAL}"):
                (self.folder / JOURNAL).touch()  # only what has one goes on
        self.has_begun = True
        if self.folder is not None and not (self.folder / RUN).exists():
            self._write_run("running")

    @phase("storing")
    def write(self, status: str = "complete") -> None:
        """Writes both files, if there is a folder; `status` is `complete` or `interrupted`.

        Raises:
          StudyError: if they cannot be written.
        """
        if self.folder is not None:
            write_results(self.folder / RESULTS, self.results)
            self._write_run(status)
            self._is_written = True

    def write_seconds(self) -> None:
        """Writes anew where the time went, of which there is more after a report, say.

        Raises:
          StudyError: if it cannot be written.
        """
        if self.folder is not None and self._is_written:
            path = self.folder / RUN
            with os_errors_as(StudyError, f"cannot write {path}"):
                write_json(path, {**json.loads(path.read_text()), "seconds": self._seconds()})

    def discard(self) -> None:
        """Lets others search in the study. If it made its journal and folders and stored no results
        in them, they are removed."""
        began = bool(self._ledgers) or self.has_begun
        made = began and self._began_journal and not self._is_written
        if made and self.folder is not None and not self._keeps_something(self.folder):
            for name in (JOURNAL, lock_name(JOURNAL), RUN):
                (self.folder / name).unlink(missing_ok=True)
            files_of_lock(self.folder / JOURNAL)[0].unlink(missing_ok=True)
        for ledger in self._ledgers:
            ledger.release()
        for folder in reversed(self._new_folders):
            try:
                folder.rmdir()
            except OSError:
                return
        self._new_folders = []

    def _keeps_something(self, folder: Path) -> bool:
        """Whether a trial is finished, or the state of one is kept, or teachers are."""
        return (
            (folder / SNAPSHOTS).exists()
            or (folder / TEACHERS).exists()
            or any(ledger.has_results() for ledger in self._ledgers)
        )

    def _write_run(self, status: str) -> None:
        assert self.folder is not None
        with os_errors_as(StudyError, f"cannot write {self.folder / RUN}"):
            write_json(self.folder / RUN, self._run_record(status))

    def _run_record(self, status: str) -> dict[str, object]:
        return {
            "command": self._command,
            "status": status,
            "storage": None if self._storage is None else without_password(str(self._storage)),
            "study": self._name,
            "resumed": any(not ledger.is_new for ledger in self._ledgers),
            "config": self.configs[0] if len(self.configs) == 1 else self.configs,
            "started": time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(self._begun)),
            "wall_seconds": round(time.monotonic() - self._clock, 3),
            "seconds": self._seconds(),
            "compile_seconds": round(self.effort.compile_seconds, 3),
            "compilations": self.effort.step_programs,
            "programs_total": self.effort.programs,
            "trials": sum(not result.cut_off for result in self.results),
            "validation_interval": self._interval(),
            "device": self.device,
            "versions": _versions(),
        }

    def _seconds(self) -> dict[str, float]:
        """Where the time went since the study was opened, if this is still the thread."""
        if threading.get_ident() != self._thread:
            return {}
        now = seconds_by_phase()
        spent = {name: now[name] - self._phases.get(name, 0.0) for name in now}
        return {
            name: round(s, 3) for name, s in sorted(spent.items(), key=lambda p: -p[1]) if s > 0
        }

    def note(self) -> str:
        """What a table of the results says below it; see `validation_note`."""
        return validation_note(self.results, self.configs[-1]) if self.configs else ""

    def _interval(self) -> list[float] | None:
        """Where the best's true accuracy may lie, see `wilson_interval`."""
        found = best_interval(self.results, self.configs[-1]) if self.configs else None
        return None if found is None else [round(end, 4) for end in found]


def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            if package in sys.modules:  # run from its source, not installed
                versions[package] = getattr(sys.modules[package], "__version__", "unknown")
    return versions
