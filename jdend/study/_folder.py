"""The folder of a search: its files, who may write there, and which folder is the newest."""

import glob
import json
import os
import tempfile
import time
from pathlib import Path

from jdend.study._errors import StudyError

__all__ = [
    "JOURNAL",
    "RESULTS",
    "RUN",
    "claim_folder",
    "journal_in",
    "latest_folder",
    "lock_name",
    "new_folder",
]

# The files: the study as Optuna stores it, the results, and the command, its cost and where it ran.
JOURNAL, RESULTS, RUN = "study.journal", "results.json", "run.json"


def journal_in(path: str | Path) -> Path:
    """The journal in a folder; of a path that is no folder, the path itself."""
    path = Path(path).expanduser()
    return path / JOURNAL if path.is_dir() else path


def lock_name(journal: str) -> str:
    """The name of the file beside a journal by which its writers take turns."""
    return f".{journal}.lock"


def new_folder(dataset: str, budget: int | str) -> Path:
    """The default folder of a search that begins now: `runs/<dataset>-<budget>-<time>`."""
    path = Path("runs") / f"{_stem(dataset, budget)}{time.strftime('%Y%m%d-%H%M%S')}"
    candidates = [path, *(path.with_name(f"{path.name}-{n}") for n in range(2, 1000))]
    return next(candidate for candidate in candidates if not candidate.exists())


def latest_folder(dataset: str, budget: int | str) -> Path | None:
    """The newest of the default folders of such a search that holds one to go on with."""
    journals = Path("runs").glob(f"{glob.escape(_stem(dataset, budget))}*/{JOURNAL}")
    return max((journal.parent for journal in journals), default=None)


def claim_folder(folder: Path, storage: str | None, name: str, *, resume: bool) -> list[Path]:
    """Makes the folder if need be, and shows that it can be written.

    Args:
      folder: where a search's files will be.
      storage: the URL, without a password, of the storage that keeps the trials; None for the
        folder's own journal.
      name: of the study in that storage.
      resume: whether to go on with the search that the folder holds.

    Returns:
      The folders that were made, the outermost first.

    Raises:
      StudyError: if the folder holds another search, or one that is not to be gone on with, or
        cannot be written.
    """
    there = [file for file in (JOURNAL, RESULTS, RUN) if (folder / file).exists()]
    if storage is not None:
        if there and _search_in(folder) != (storage, name):
            raise StudyError(f"{folder} holds another search ({there[0]}); give another folder")
    elif there and not resume:
        raise StudyError(
            f"{folder} already holds a search ({there[0]}); give another folder, or go on with it: "
            "--resume"
        )
    elif there and JOURNAL not in there:
        raise StudyError(
            f"{folder} holds a search ({there[0]}) without the journal that it takes to go on "
            f"({JOURNAL}); give another folder"
        )
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


def _stem(dataset: str, budget: int | str) -> str:
    name = "".join(c if c.isalnum() or c in "-_." else "-" for c in dataset) or "data"
    return f"{name}-{budget}-"


def _search_in(folder: Path) -> tuple[object, object] | None:
    """Storage and name of the search that wrote to a folder."""
    try:
        record = json.loads((folder / RUN).read_text(encoding="utf-8"))
        return record.get("storage"), record.get("study")
    except (OSError, ValueError, AttributeError):
        return None


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return False
