"""The four archives of Fashion-MNIST, byte for byte as their publisher offers them.

Debian's package holds the same compressed streams, but its build tools have taken the file's name
and time out of the gzip headers. With both put back, the archives have the checksums that
TensorFlow Datasets registers for them, so its own code accepts them.
"""

import struct
from pathlib import Path

from jdend.data._catalog import find
from jdend.data._debian import unpacked_package
from jdend.data._download import report_on_stderr

# Seconds since 1970: 2017-08-31 10:50 UTC. Found by trying times until the checksum was right.
_TIMES = {
    "train-images-idx3-ubyte": 1504176606,
    "train-labels-idx1-ubyte": 1504176606,
    "t10k-images-idx3-ubyte": 1504176627,
    "t10k-labels-idx1-ubyte": 1504176627,
}
_HAS_NAME = 0x08


def write_published_archives(folder: Path) -> None:
    """Writes the four archives into `folder`."""
    with unpacked_package(find("fashion-mnist"), report_on_stderr) as (source, _):
        for name, time in _TIMES.items():
            stripped = (source / f"{name}.gz").read_bytes()
            (folder / f"{name}.gz").write_bytes(_with_header(stripped, name, time))


def _with_header(stripped: bytes, name: str, time: int) -> bytes:
    """Puts name and time into the header of a gzip file (RFC 1952) that has neither."""
    start = stripped[:3] + bytes([_HAS_NAME]) + struct.pack("<I", time) + stripped[8:10]
    return start + name.encode() + b"\0" + stripped[10:]
