"""A study: a search and all its trials, and the folder that keeps them."""

import os
import platform
import shlex
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from jdend.study._errors import StudyError
from jdend.study._files import write_json, write_results
from jdend.study._result import SearchResult

__all__ = ["Effort", "Study", "new_folder"]

RESULTS, RUN = "results.json", "run.json"
PACKAGES = ("jdend", "jax", "jaxlib", "flax", "optax", "numpy")


@dataclass(frozen=True)
class Effort:
    """What a search has cost in compiling.

    Attributes:
      step_programs: distinct training-step programs, loaded from a cache or not.
      programs: distinct programs of any kind.
      compile_seconds: spent on all of them.
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

    Args:
      folder: where `results.json` and `run.json` are written; None to write nothing. It is made,
        and shown to be writable, at once.
      command: the command line to store, by default the process's own.

    Raises:
      StudyError: if the folder holds a search already or cannot be written.
    """

    def __init__(self, folder: str | Path | None = None, *, command: Sequence[str] | None = None):
        self.results: list[SearchResult] = []
        self.configs: list[Mapping[str, object]] = []
        self.effort = Effort()
        self.device: Mapping[str, object] = {}
        self.folder = None if folder is None else Path(folder).expanduser()
        self._command = shlex.join(sys.argv if command is None else command)
        self._begun = time.time()
        self._made: list[Path] = [] if self.folder is None else _claim(self.folder)

    def add(
        self,
        results: Iterable[SearchResult],
        *,
        config: Mapping[str, object],
        effort: Effort,
        device: Mapping[str, object],
    ) -> None:
        """Adds what one search found: the results, its settings, its cost, where it ran."""
        self.results += results
        self.configs.append(config)
        self.effort += effort
        self.device = device

    def write(self, status: str = "complete") -> None:
        """Writes both files, if there is a folder; `status` is `complete` or `interrupted`.

        Raises:
          StudyError: if they cannot be written.
        """
        if self.folder is not None:
            write_results(self.folder / RESULTS, self.results)
            write_json(self.folder / RUN, self._run(status))

    def discard(self) -> None:
        """Removes the folders that were made for this study, if nothing was written there."""
        for folder in reversed(self._made):
            try:
                folder.rmdir()
            except OSError:
                return
        self._made = []

    def _run(self, status: str) -> dict[str, object]:
        return {
            "command": self._command,
            "status": status,
            "config": self.configs[0] if len(self.configs) == 1 else self.configs,
            "started": time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(self._begun)),
            "wall_seconds": round(time.time() - self._begun, 3),
            "compile_seconds": round(self.effort.compile_seconds, 3),
            "compilations": self.effort.step_programs,
            "programs_total": self.effort.programs,
            "trials": len(self.results),
            "device": self.device,
            "versions": _versions(),
        }


def new_folder(dataset: str, budget: int) -> Path:
    """The default folder of a search that begins now: `runs/<dataset>-<budget>-<time>`."""
    name = "".join(c if c.isalnum() or c in "-_." else "-" for c in dataset) or "data"
    path = Path("runs") / f"{name}-{budget}-{time.strftime('%Y%m%d-%H%M%S')}"
    candidates = [path, *(path.with_name(f"{path.name}-{n}") for n in range(2, 1000))]
    return next(candidate for candidate in candidates if not candidate.exists())


def _claim(folder: Path) -> list[Path]:
    """Makes the folder if need be, and shows that it can be written; returns what was made."""
    for name in (RESULTS, RUN):
        if (folder / name).exists():
            raise StudyError(f"{folder} already holds a search ({name}); give another folder")
    made = [parent for parent in (folder, *folder.parents) if not _exists(parent)][::-1]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        for parent in reversed(made):
            if os.path.isdir(parent):
                parent.rmdir()
        reason = error.strerror or error
        raise StudyError(f"cannot write to folder {folder}: {reason}") from error
    return made


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return False


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            if package in sys.modules:  # run from its source, not installed
                found[package] = getattr(sys.modules[package], "__version__", "unknown")
    return found
