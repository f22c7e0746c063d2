"""The folder of a search: its files, checks before writing, and the newest folder."""

import glob
import json
import os
import tempfile
import time
from pathlib import Path

from jdend._files import user_path
from jdend.study._errors import StudyError

__all__ = [
    "JOURNAL",
    "RESULTS",
    "RUN",
    "TEACHERS",
    "claim_folder",
    "holds_search",
    "journal_in",
    "latest_folder",
    "lock_name",
    "new_folder",
    "teachers_in",
]

# The files: the study as Optuna stores it, the results, and the command, its cost and where it ran.
JOURNAL, RESULTS, RUN = "study.journal", "results.json", "run.json"
# The folder in it of a search for its teachers, beside whose files these are saved as 1, 2, ….
TEACHERS = "teachers"


def journal_in(path: str | Path) -> Path:
    """The journal in a folder; the path itself if it is not a folder."""
    path = user_path(path, StudyError)
    return path / JOURNAL if path.is_dir() else path


def lock_name(journal: str) -> str:
    """The name of the lock file beside a journal."""
    return f".{journal}.lock"


def new_folder(dataset: str, budget: int | str) -> Path:
    """The default folder of a search that begins now: `runs/<dataset>-<budget>-<time>`."""
    path = Path("runs") / f"{_stem(dataset, budget)}{time.strftime('%Y%m%d-%H%M%S')}"
    candidates = [path, *(path.with_name(f"{path.name}-{n}") for n in range(2, 1000))]
    return next(candidate for candidate in candidates if not candidate.exists())


def latest_folder(dataset: str | None = None, budget: int | str = "") -> Path | None:
    """The newest default folder of a search that can be resumed.

    Args:
      dataset, budget: of the search; by default of whichever.
    """
    if dataset is not None:
        journals = Path("runs").glob(f"{glob.escape(_stem(dataset, budget))}*/{JOURNAL}")
        return max((journal.parent for journal in journals), default=None)
    journals = Path("runs").glob(f"*/{JOURNAL}")
    return max((j.parent for j in journals), key=_last_change, default=None)


def holds_search(folder: Path) -> bool:
    """Whether there is a search in a folder."""
    return any(_exists(folder / name) for name in (JOURNAL, RUN))


def teachers_in(folder: Path) -> list[Path]:
    """The folders of the teachers that a search has found for itself, in order."""
    found = (folder / TEACHERS).glob("[1-9]*")
    return sorted((path for path in found if path.name.isdigit()), key=lambda path: int(path.name))


def claim_folder(folder: Path, storage: str | None, name: str, *, resume: bool) -> list[Path]:
    """Makes the folder if it does not exist, and checks that it can be written.

    Args:
      folder: the folder for the search's files.
      storage: the URL, without a password, of the storage that keeps the trials; None for the
        folder's own journal.
      name: the name of the study in that storage.
      resume: whether to resume the search that the folder holds.

    Returns:
      The folders that were made, the outermost first.

    Raises:
      StudyError: if the folder holds another search, or one that is not to be resumed, or cannot
        be written.
    """
    existing = [file for file in (JOURNAL, RESULTS, RUN) if (folder / file).exists()]
    if storage is not None:
        if existing and _search_in(folder) != (storage, name):
            raise StudyError(f"{folder} holds another search ({existing[0]}); give another folder")
    elif existing and not resume:
        raise StudyError(
            f"{folder} already holds a search ({existing[0]}); give another folder, or go on "
            "with it: --resume"
        )
    elif existing and JOURNAL not in existing:
        raise StudyError(
            f"{folder} holds a search ({existing[0]}) without the journal that it takes to go on "
            f"({JOURNAL}); give another folder"
        )
    new_folders = [parent for parent in (folder, *folder.parents) if not _exists(parent)][::-1]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        for parent in reversed(new_folders):
            if os.path.isdir(parent):
                parent.rmdir()
        reason = error.strerror or error
        raise StudyError(f"cannot write to folder {folder}: {reason}") from error
    return new_folders


def _stem(dataset: str, budget: int | str) -> str:
    name = "".join(c if c.isalnum() or c in "-_." else "-" for c in dataset) or "data"
    return f"{name}-{budget}-"


def _search_in(folder: Path) -> tuple[object, object] | None:
    """The storage and name of the search that wrote to a folder."""
    try:
        record = json.loads((folder / RUN).read_text(encoding="utf-8"))
        return record.get("storage"), record.get("study")
    except (OSError, ValueError, AttributeError):
        return None


def _last_change(folder: Path) -> float:
    return (folder / JOURNAL).stat().st_mtime


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return False
