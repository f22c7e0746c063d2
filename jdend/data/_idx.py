"""Reading IDX files, the format of MNIST and its relatives (http://yann.lecun.com/exdb/mnist/)."""

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np

from jdend.data._errors import DataError

_GZIP_MAGIC = b"\x1f\x8b"
_UNSIGNED_BYTE = 0x08


def read_idx(path: Path) -> np.ndarray:
    """Reads an IDX file of unsigned bytes, gzipped or plain, into an array of its shape.

    Raises:
      DataError: if it cannot be read, is not IDX, or is shorter or longer than it says.
    """
    try:
        return parse_idx(path.read_bytes(), str(path))
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error


def parse_idx(content: bytes, what: str) -> np.ndarray:
    """Like `read_idx`, from bytes; `what` names them in errors."""
    if content[:2] == _GZIP_MAGIC:
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(f"{what} is damaged: {error}; get it again") from error
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] != _UNSIGNED_BYTE:
        raise DataError(f"{what} is not an IDX file of unsigned bytes")
    ndim = content[3]
    header = 4 + 4 * ndim
    if ndim == 0 or len(content) < header:
        raise DataError(f"{what} is damaged: its IDX header is cut off; get it again")
    shape = struct.unpack(f">{ndim}I", content[4:header])
    if len(content) - header != math.prod(shape):
        raise DataError(
            f"{what} is damaged: it holds {len(content) - header} bytes and its header says "
            f"{math.prod(shape)}; get it again"
        )
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)
