"""Snapshots of populations in training, as files in a search's folder."""

import hashlib
import json
import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from jdend._files import write_bytes, write_json
from jdend._messages import reason
from jdend.study._result import ACCURACY

__all__ = ["SNAPSHOTS", "SnapshotFolder", "TrialInTraining", "trials_in_training"]

# The subfolder; it exists while a generation is trained.
SNAPSHOTS = "populations"


# The file of those who watch, after the numbers of search and generation.
TRAINING = "training.json"


@dataclass(frozen=True)
class TrialInTraining:
    """A trial in training, for those who watch.

    Attributes:
      architecture: its name.
      total_params: its trainable parameters.
      epoch: the epochs that are done, whole ones.
      n_epochs: how many there will be, if no rung stops it.
      value: the metric's on the validation examples after the last of these, mean over seeds; None
        before the first.
      metric: its name.
      minimised: whether less of it is better.
    """

    architecture: str
    total_params: int
    epoch: int
    n_epochs: int
    value: float | None
    metric: str = ACCURACY
    minimised: bool = False

    @property
    def score(self) -> float:
        """What trials are ranked by, more is better."""
        if self.value is None:
            return -math.inf
        return -self.value if self.minimised else self.value


class SnapshotFolder:
    """A file for each population of one search.

    A file's name has the number of the generation, the population's place in it, and a digest of
    all settings that its contents depend on.

    Args:
      folder: the folder of the search.
      search: the number of the search in that folder, from 1.
      say: called with lines of text for the user.
    """

    def __init__(self, folder: Path, search: int, say: Callable[[str], None] = lambda line: None):
        self._folder, self._search, self._say = folder / SNAPSHOTS, search, say
        self._is_told = False

    def read(self, generation: int, place: str, identity: str) -> bytes | None:
        """The last snapshot of a population; None if there is none with this identity."""
        path = self._path(generation, place, identity)
        with suppress(OSError):
            return path.read_bytes()
        others = self._files(f"{self._search}-{generation}-{place}.*")
        if others:
            self._say(
                f"{others[0]} is of another population or version: that part of the generation "
                "trains anew"
            )
        return None

    def write(self, generation: int, place: str, identity: str, content: bytes) -> None:
        """Replaces the snapshot of a population atomically.

        If that is not possible, the user is told once, and the search goes on.
        """
        path = self._path(generation, place, identity)
        try:
            self._folder.mkdir(exist_ok=True)
            write_bytes(path, content)
            for other in self._files(f"{self._search}-{generation}-{place}.*"):
                if other != path:
                    other.unlink(missing_ok=True)
        except OSError as error:
            if not self._is_told:
                self._say(
                    f"cannot keep what is in training in {self._folder}: {reason(error)}; if the "
                    "search is broken off, its generation trains anew"
                )
            self._is_told = True

    def tell(self, generation: int, trials: Sequence[TrialInTraining]) -> None:
        """Writes down the trials in training, for those who watch."""
        with suppress(OSError):
            self._folder.mkdir(exist_ok=True)
            path = self._folder / f"{self._search}-{generation}-{TRAINING}"
            write_json(path, [asdict(trial) for trial in trials])

    def clear(self, generation: int) -> None:
        """Removes the files of a generation that is finished, also what a kill left of them."""
        with suppress(OSError):
            for written in ("", "."):  # whole, or begun (`jdend._files.replacing`)
                for path in self._files(f"{written}{self._search}-{generation}-*"):
                    path.unlink(missing_ok=True)
            self._folder.rmdir()  # if none are left

    def _files(self, pattern: str) -> list[Path]:
        return sorted(self._folder.glob(pattern))

    def _path(self, generation: int, place: str, identity: str) -> Path:
        digest = hashlib.sha256(identity.encode()).hexdigest()[:16]
        return self._folder / f"{self._search}-{generation}-{place}.{digest}.safetensors"


def trials_in_training(folder: Path) -> list[TrialInTraining]:
    """The trials that a search's folder says are in training; none where it says nothing."""
    trials: list[TrialInTraining] = []
    for path in sorted((folder / SNAPSHOTS).glob(f"*-{TRAINING}")):
        with suppress(OSError, ValueError, TypeError):  # it is finished meanwhile
            trials += [TrialInTraining(**record) for record in json.loads(path.read_text())]
    return trials
