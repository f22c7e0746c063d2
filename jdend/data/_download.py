"""Downloading files over HTTP(S): resumable, checked by SHA-256, never stalling."""

import hashlib
import http.client
import os
import queue
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from jdend._output import complain
from jdend.data._catalog import PublishedFile
from jdend.data._errors import Unavailable

CONNECT_SECONDS = 6.0
"""How long to wait for a server's first answer, including the lookup of its name."""

_READ_SECONDS = 20.0
_N_ATTEMPTS = 4
_CHUNK_BYTES = 1 << 18

Report = Callable[[str], None]


class _Interrupted(Exception):
    """The connection broke after part of the file had arrived."""


def download(file: PublishedFile, folder: Path, report: Report) -> Path:
    """Downloads `file` into `folder` from the first of its addresses that has it.

    A partial download in `folder` is continued, and a complete file is used as it is. The SHA-256
    of the result is that of `file`.

    Raises:
      Unavailable: if no address delivers it; the message gives the reason for each.
    """
    target = folder / file.name
    if target.is_file() and _sha256(target) == file.sha256:
        return target
    failures = []
    for url in file.urls:
        try:
            _download_from(url, file, target, report)
            return target
        except Unavailable as error:
            failures.append(str(error))
    raise Unavailable("; ".join(failures))


def answers(url: str) -> bool:
    """Whether a server responds at `url`, with any status."""
    try:
        _open(urllib.request.Request(url, method="HEAD", headers={"User-Agent": "jdend"})).close()
    except urllib.error.HTTPError as error:
        error.close()
    except (OSError, http.client.HTTPException):
        return False
    return True


def _download_from(url: str, file: PublishedFile, target: Path, report: Report) -> None:
    partial = target.with_name(target.name + ".part")
    resumed = partial.is_file() and partial.stat().st_size > 0
    _fetch_all(url, partial, report)
    if _sha256(partial) != file.sha256 and resumed:
        # What was there may have been the beginning of something else.
        partial.unlink()
        _fetch_all(url, partial, report)
    if _sha256(partial) != file.sha256:
        partial.unlink()
        raise Unavailable(f"{url}: wrong checksum, so it was thrown away")
    os.replace(partial, target)


def _fetch_all(url: str, partial: Path, report: Report) -> None:
    """Appends to `partial` until the server says that it is complete."""
    for attempt in range(_N_ATTEMPTS):
        try:
            _fetch_rest(url, partial, report)
            return
        except _Interrupted as error:
            if attempt == _N_ATTEMPTS - 1:
                raise Unavailable(
                    f"{url}: {error} {_N_ATTEMPTS} times; run it again to go on"
                ) from None
            report(f"{url}: {error}; going on from byte {partial.stat().st_size}")


def _fetch_rest(url: str, partial: Path, report: Report) -> None:
    have = partial.stat().st_size if partial.is_file() else 0
    headers = {"User-Agent": "jdend", "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    try:
        response = _open(urllib.request.Request(url, headers=headers))
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416 and have:
            # Nothing is left to send, or the partial file is longer than the real one; the
            # checksum tells which.
            return
        raise Unavailable(f"{url}: {error.code} {error.reason}") from None
    except (OSError, http.client.HTTPException) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        raise Unavailable(f"{url}: {reason}") from None
    with response:
        if response.status != 206:
            have = 0
        _save(response, partial, have, _Progress(url, report))


def _save(
    response: http.client.HTTPResponse, partial: Path, have: int, progress: "_Progress"
) -> None:
    length = response.headers.get("Content-Length")
    total = have + int(length) if length and length.isdigit() else None
    partial.parent.mkdir(parents=True, exist_ok=True)
    with open(partial, "ab" if have else "wb") as out:
        while True:
            try:
                chunk = response.read(_CHUNK_BYTES)
            except (OSError, http.client.HTTPException) as error:
                raise _Interrupted(f"the connection broke ({error})") from None
            if not chunk:
                break
            out.write(chunk)
            have += len(chunk)
            progress.at(have, total)
    if total is not None and have < total:
        raise _Interrupted(f"the connection broke after {have} of {total} bytes")
    progress.done(have)


def _open(request: urllib.request.Request) -> http.client.HTTPResponse:
    """Like `urlopen`, but the lookup of the server's name counts towards the time limit too."""
    answers: queue.SimpleQueue[http.client.HTTPResponse | Exception] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(urllib.request.urlopen(request, timeout=_READ_SECONDS))
        except Exception as error:
            answers.put(error)

    threading.Thread(target=ask, daemon=True).start()
    try:
        answer = answers.get(timeout=CONNECT_SECONDS)
    except queue.Empty:
        raise TimeoutError(f"no answer within {CONNECT_SECONDS:g} s") from None
    if isinstance(answer, Exception):
        raise answer
    return answer


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class _Progress:
    """Says how far a download is: at most one report in two seconds."""

    def __init__(self, url: str, report: Report) -> None:
        self._name = url.rsplit("/", 1)[-1]
        self._report = report
        self._last = time.monotonic()

    def at(self, have: int, total: int | None) -> None:
        if time.monotonic() - self._last >= 2.0:
            self._last = time.monotonic()
            whole = f" of {total / 1e6:.1f}" if total else ""
            self._report(f"{self._name}: {have / 1e6:.1f}{whole} MB")

    def done(self, have: int) -> None:
        self._report(f"{self._name}: {have / 1e6:.1f} MB downloaded")


def report_on_stderr(line: str) -> None:
    """Prints a line of progress."""
    complain(f"jdend.data: {line}")
