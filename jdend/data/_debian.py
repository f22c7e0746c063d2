"""Data sets that Debian and Ubuntu package: fetched with apt-get, unpacked without being root."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jdend.data._catalog import Entry
from jdend.data._download import Report
from jdend.data._errors import DataError, Unavailable
from jdend.data._published import Arrays, read_folder

_TIMEOUT_SECONDS = 300
_NO_STALLING = ("Acquire::http::Timeout=6", "Acquire::https::Timeout=6", "Acquire::Retries=1")


def read_installed(entry: Entry) -> tuple[Arrays, str]:
    """Reads the IDX files of an installed Debian package; and names the package.

    Raises:
      Unavailable: if `entry` is not packaged or the package is not installed.
    """
    package, folder = _package(entry)
    if not Path(folder).is_dir():
        raise Unavailable(f"the Debian package {package} is not installed")
    return read_folder(entry, Path(folder)), f"Debian package {package}, installed in {folder}"


def download_package(entry: Entry, report: Report) -> tuple[Arrays, str]:
    """Downloads the Debian package of `entry` and reads its IDX files, and names the package.

    Raises:
      Unavailable: if `entry` is not packaged, this is not Debian or Ubuntu, or apt-get fails.
    """
    with unpacked_package(entry, report) as (folder, version):
        return read_folder(entry, folder), f"Debian package {version}"


@contextmanager
def unpacked_package(entry: Entry, report: Report) -> Iterator[tuple[Path, str]]:
    """A temporary folder with the files of the Debian package of `entry`, and its full name.

    apt checks the package against the distribution's signatures. If its lists lack the
    package, newer lists are fetched into the temporary folder; the system is not changed.

    Raises:
      Unavailable: as `download_package` does.
    """
    package, folder = _package(entry)
    for tool in ("apt-get", "dpkg-deb"):
        if shutil.which(tool) is None:
            raise Unavailable(f"no {tool} here: this is not Debian or Ubuntu")
    with tempfile.TemporaryDirectory(prefix="jdend-") as scratch:
        place = Path(scratch)
        report(f"apt-get download {package}")
        try:
            _apt(place, "download", package)
        except Unavailable as error:
            if "Unable to locate" not in str(error):
                raise
            report("apt-get does not know it yet; fetching package lists into a temporary folder")
            private = _private_state(place)
            _apt(place, *private, "update")
            _apt(place, *private, "download", package)
        archives = list(place.glob("*.deb"))
        if len(archives) != 1:
            raise Unavailable(f"apt-get download {package} left no package behind")
        _execute(["dpkg-deb", "--extract", str(archives[0]), str(place / "unpacked")], place)
        yield place / "unpacked" / folder.lstrip("/"), archives[0].stem


def _package(entry: Entry) -> tuple[str, str]:
    if entry.debian is None:
        raise Unavailable(f"Debian has no package of {entry.name}")
    return entry.debian


def _private_state(place: Path) -> list[str]:
    """Options that keep apt's lists in `place`, where an ordinary user may write."""
    (place / "lists" / "partial").mkdir(parents=True)
    (place / "cache" / "archives" / "partial").mkdir(parents=True)
    return ["-o", f"Dir::State::lists={place}/lists", "-o", f"Dir::Cache={place}/cache"]


def _apt(place: Path, *arguments: str) -> None:
    settings: list[str] = [*_NO_STALLING]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        # As root apt would download as the user _apt, who may not write here, and warn.
        settings.append("APT::Sandbox::User=root")
    options = [word for setting in settings for word in ("-o", setting)]
    _execute(["apt-get", "-q", *options, *arguments], place)


def _execute(command: list[str], place: Path) -> None:
    environment = {**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(
            command,
            cwd=place,
            env=environment,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Unavailable(f"{command[0]} took longer than {_TIMEOUT_SECONDS} s") from None
    except OSError as error:
        raise DataError(f"cannot run {command[0]}: {error}") from error
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.startswith("E:")]
        reason = (
            lines[0] if lines else (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        )
        raise Unavailable(f"{command[0]} failed: {reason}")
