"""A PostgreSQL server of Debian's package, on this machine, for the time of the tests."""

import glob
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def server() -> Iterator[str]:
    """Starts one with an empty data folder and yields the URL of its database."""
    folder = Path(tempfile.mkdtemp(prefix="jdend-postgres-"))
    who = _unprivileged(folder)
    try:
        _call([_program("initdb"), "-D", folder / "data", "-U", "jdend", "-A", "trust",
               "-E", "UTF8", "--no-locale", "--no-sync"], who)  # fmt: skip
        port = _free_port()
        process = subprocess.Popen(
            [_program("postgres"), "-D", folder / "data", "-k", folder, "-h", "127.0.0.1",
             "-p", str(port), "-c", "fsync=off"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder, **who,
        )  # fmt: skip
        try:
            _wait(port, process)
            yield f"postgresql://jdend@127.0.0.1:{port}/postgres"
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=30)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _program(name: str) -> str:
    """Debian keeps the server's programs out of the path."""
    homes = sorted(glob.glob(f"/usr/lib/postgresql/*/bin/{name}"))
    found = shutil.which(name) or (homes[-1] if homes else None)
    assert found, f"no {name}: install PostgreSQL (Debian's package postgresql); `make test` does"
    return found


def _unprivileged(folder: Path) -> dict[str, str]:
    """PostgreSQL does not run as root: the user to run it as, who gets the folder."""
    if os.geteuid() != 0:
        return {}
    shutil.chown(folder, "postgres", "postgres")
    return {"user": "postgres", "group": "postgres"}


def _call(command: list, who: dict[str, str]) -> None:
    ended = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/", **who)
    assert ended.returncode == 0, ended.stderr


def _wait(port: int, process: subprocess.Popen) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        assert process.poll() is None, "PostgreSQL did not start"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("PostgreSQL did not answer within 30 s")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
