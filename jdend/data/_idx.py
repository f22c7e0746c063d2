"""Reading IDX files, the format of MNIST and its relatives (http://yann.lecun.com/exdb/mnist/)."""

import gzip
import math
import struct
import zlib
from pathlib import Path
from typing import IO

import numpy as np

from jdend._messages import reason
from jdend.data._errors import DataError
from jdend.data._limits import check_fits, read_exactly, regular_file

_GZIP_MAGIC = b"\x1f\x8b"
_UNSIGNED_BYTE = 0x08
_MAX_DIMENSIONS = 64  # NumPy's own limit


def read_idx(path: Path) -> np.ndarray:
    """Reads an IDX file of unsigned bytes, gzipped or plain, into an array of its shape.

    Raises:
      DataError: if it cannot be read, is not IDX, is shorter or longer than its header says, or
        needs more than half of the free memory.
    """
    path = regular_file(path)
    try:
        with open(path, "rb") as file:
            return parse_idx(file, str(path))
    except OSError as error:
        raise DataError(f"cannot read {path}: {reason(error)}") from error


def parse_idx(file: IO[bytes], what: str) -> np.ndarray:
    """Like `read_idx`, from a file that can be rewound; `what` names it in errors."""
    packed = file.read(2) == _GZIP_MAGIC
    file.seek(0)
    if not packed:
        return _parse(file, what)
    try:
        with gzip.GzipFile(fileobj=file) as unpacked:
            return _parse(unpacked, what)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(f"{what} is damaged: {reason(error)}; get it again") from error


def _parse(file: IO[bytes] | gzip.GzipFile, what: str) -> np.ndarray:
    start = file.read(4)
    if len(start) < 4 or start[:2] != b"\0\0" or start[2] != _UNSIGNED_BYTE:
        raise DataError(f"{what} is not an IDX file of unsigned bytes")
    ndim = start[3]
    sizes = file.read(4 * ndim)
    if ndim == 0 or len(sizes) < 4 * ndim:
        raise DataError(f"{what} is damaged: its IDX header is cut off; get it again")
    if ndim > _MAX_DIMENSIONS:
        raise DataError(f"{what} is damaged: it has {ndim} dimensions, and images three")
    shape = struct.unpack(f">{ndim}I", sizes)
    # A size of zero does not excuse the others: NumPy multiplies them as well.
    check_fits(math.prod(max(1, size) for size in shape), what)
    try:
        content = read_exactly(file.read, math.prod(shape))
    except EOFError as error:
        raise DataError(f"{what} is damaged: {reason(error)}; get it again") from error
    if file.read(1):
        raise DataError(
            f"{what} is damaged: its header says {math.prod(shape)} bytes, and it holds more; get "
            "it again"
        )
    return np.frombuffer(content, np.uint8).reshape(shape)
