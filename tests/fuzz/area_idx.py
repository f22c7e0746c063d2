"""IDX files: any number of dimensions, sizes, lengths and packing."""

import gzip
import struct
from pathlib import Path

from fuzzing import Area, damaged
from hypothesis import strategies as st

from jdend.data import DataError
from jdend.data._idx import read_idx

SIZES = st.one_of(st.integers(0, 5), st.sampled_from([0, 1, 2**16, 2**31, 2**32 - 1]))


def idx(kind: int, ndim: int, sizes: list[int], content: bytes, packed: bool) -> bytes:
    whole = bytes([0, 0, kind, ndim]) + struct.pack(f">{len(sizes)}I", *sizes) + content
    return gzip.compress(whole) if packed else whole


def fitting(sizes: list[int], packed: bool) -> bytes:
    n = 1
    for size in sizes:
        n *= size
    return idx(8, len(sizes), sizes, bytes(n), packed)


FITTING = st.builds(fitting, st.lists(st.integers(0, 5), min_size=1, max_size=4), st.booleans())
ANY = st.builds(
    idx,
    st.sampled_from([8, 8, 8, 9, 13]),
    st.one_of(st.integers(0, 4), st.integers(0, 255)),
    st.lists(SIZES, max_size=5),
    st.binary(max_size=130),
    st.booleans(),
)


def check(content: bytes, folder: Path) -> None:
    (folder / "a").write_bytes(content)
    array = read_idx(folder / "a")
    assert array.size <= len(content) * 1100  # no more than deflate packs


AREA = Area(
    "idx",
    st.one_of(FITTING, ANY, damaged(FITTING), st.binary(max_size=64)),
    check,
    (DataError,),
    corpus=[
        idx(8, 65, [1] * 65, b"!", False),
        idx(8, 255, [1] * 255, b"!", True),
        idx(8, 3, [0, 2**32 - 1, 2**32 - 1], b"", False),
        idx(8, 4, [2**32 - 1] * 4, b"", True),
        gzip.compress(idx(8, 1, [1], b"!", False) + bytes(10**7)),
    ],
)
