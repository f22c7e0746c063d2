"""Reads arrays from untrusted `.npz` and `.npy` files: headers are checked first, no pickles.

The format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
"""

import io
import math
import os
import sys
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from jdend._messages import reason
from jdend.data._errors import DataError
from jdend.data._limits import check_fits, read_exactly, regular_file

_NPY, _ZIP = b"\x93NUMPY", (b"PK\x03\x04", b"PK\x05\x06")
_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 0x1
_NUMBERS_AND_TEXT = "buifcSU"
_MAX_HEADER_BYTES = 2**16


@dataclass(frozen=True)
class ArrayFile:
    """An `.npz` or `.npy` file of which nothing has been unpacked yet.

    Attributes:
      path: where it is.
      names: the names of its arrays; one empty name for the array of an `.npy` file.
    """

    path: Path
    names: tuple[str, ...]

    @property
    def single(self) -> bool:
        """Whether it is an `.npy` file, whatever its name ends in."""
        return self.names == ("",)

    def read(self, names: Sequence[str]) -> list[np.ndarray]:
        """Reads the arrays of these names, of numbers or text.

        Raises:
          DataError: if one is damaged, of another type, encrypted, compressed in a way that NumPy
            does not write, or if together they need more than half of the free memory.
        """
        with _reading(self.path), open(self.path, "rb") as file:
            if self.single:
                size = os.fstat(file.fileno()).st_size
                return _read_all(self.path, [lambda: _Stored(_rewound(file), size)])
            with zipfile.ZipFile(file) as archive:
                members = [_member(archive, name, self.path) for name in names]
                opened = [
                    lambda member=member: _Stored(archive.open(member), member.file_size)
                    for member in members
                ]
                return _read_all(self.path, opened)


def open_arrays(path: str | Path) -> ArrayFile:
    """Finds the names of a file's arrays.

    Raises:
      DataError: if there is no such file or it is neither `.npz` nor `.npy` by its contents.
    """
    path = regular_file(path)
    with _reading(path), open(path, "rb") as file:
        magic = file.read(len(_NPY))
        if magic == _NPY:
            return ArrayFile(path, ("",))
        if not magic.startswith(_ZIP):
            raise DataError(f"cannot read {path} as .npz: it is none; write it with numpy.savez")
        with zipfile.ZipFile(file) as archive:
            names = tuple(name.removesuffix(".npy") for name in archive.namelist())
            return ArrayFile(path, names)


@dataclass(frozen=True)
class _Stored:
    """The bytes of one array, and their number as the file or the archive says it."""

    file: IO[bytes]
    size: int


@dataclass(frozen=True)
class _Header:
    shape: tuple[int, ...]
    fortran_order: bool
    dtype: np.dtype
    length: int

    @property
    def size(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize


def _read_all(path: Path, opened: Sequence[Callable[[], _Stored]]) -> list[np.ndarray]:
    headers = []
    for open_one in opened:
        stored = open_one()
        header = _header(stored.file, path)
        if header.length + header.size != stored.size:
            raise DataError(
                f"{path} is damaged: an array of shape {list(header.shape)} and type "
                f"{header.dtype} takes {header.size} bytes, and {stored.size - header.length} are "
                "stored; write it again"
            )
        headers.append(header)
    check_fits(sum(header.size for header in headers), str(path))
    arrays = []
    for open_one, header in zip(opened, headers, strict=True):
        file = open_one().file
        read_exactly(file.read, header.length)
        content = np.frombuffer(read_exactly(file.read, header.size), header.dtype)
        _check_text(content, path)
        arrays.append(content.reshape(header.shape, order="F" if header.fortran_order else "C"))
    return arrays


def _header(file: IO[bytes], path: Path) -> _Header:
    """The header of an array: its shape, order and type, and its own length."""
    start = read_exactly(file.read, 8)
    if start[:6] != _NPY or start[6] not in (1, 2):
        raise DataError(f"{path} holds what is no array of NumPy; write it with numpy.savez")
    width = 2 * start[6]
    length = read_exactly(file.read, width)
    n = int.from_bytes(length, "little")
    if n > _MAX_HEADER_BYTES:
        raise DataError(f"{path} is damaged: a header of {n} bytes; write it again")
    text = io.BytesIO(bytes(length + read_exactly(file.read, n)))
    parse = np.lib.format.read_array_header_1_0
    if start[6] == 2:
        parse = np.lib.format.read_array_header_2_0
    shape, fortran_order, dtype = parse(text)
    if dtype.kind not in _NUMBERS_AND_TEXT or (dtype.itemsize == 0 and math.prod(shape)):
        raise DataError(
            f"cannot read {path}: an array holds {dtype}; allowed are numbers and text, and no "
            "Python objects"
        )
    if min(shape, default=0) < 0:
        raise DataError(f"{path} is damaged: an array of shape {list(shape)}; write it again")
    return _Header(shape, fortran_order, dtype, 8 + width + n)


def _check_text(array: np.ndarray, path: Path) -> None:
    """Refuses characters that Unicode does not have, since Python crashes over them."""
    if array.dtype.kind != "U":
        return
    points = array.view(np.dtype(np.uint32).newbyteorder(array.dtype.byteorder))
    if points.max(initial=0) > sys.maxunicode:
        raise DataError(f"{path} is damaged: text that is not Unicode; write it again")


def _member(archive: zipfile.ZipFile, name: str, path: Path) -> zipfile.ZipInfo:
    full = f"{name}.npy"
    member = archive.getinfo(full if full in archive.namelist() else name)
    if member.flag_bits & _ENCRYPTED:
        raise DataError(f"cannot read {path}: {name} is encrypted; write it with numpy.savez")
    if member.compress_type not in _COMPRESSIONS:
        raise DataError(
            f"cannot read {path}: {name} is compressed in another way (number "
            f"{member.compress_type} of zip's) than NumPy's; write it with numpy.savez_compressed"
        )
    return member


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turns the errors of the parsers of zip files and of headers into one line."""
    try:
        yield
    except DataError:
        raise
    except Exception as error:  # OSError, BadZipFile, zlib.error, SyntaxError, struct.error, …
        raise DataError(f"cannot read {path} as .npz: {reason(error)}") from error


def _rewound(file: IO[bytes]) -> IO[bytes]:
    file.seek(0)
    return file
