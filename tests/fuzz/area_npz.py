"""`.npz` files: members with odd types, shapes and headers, packed and damaged in any way."""

import io
import zipfile
from pathlib import Path

import numpy as np
from fuzzing import Area, damaged
from hypothesis import strategies as st

from jdend.data import DataError, from_npz

NAMES = ["x", "y", "images", "labels", "train_images", "train_labels", "test_images", "test_labels"]
DTYPES = ["u1", "?", "<i8", ">i4", "<u8", "<f4", ">f8", "f2", "<f16", "c8", "<U3", "S2", "<M8[s]"]
SIZES = st.one_of(st.integers(0, 4), st.sampled_from([-1, 10**5, 2**31, 2**63, 10**30]))


def array(dtype: str, shape: tuple[int, ...], content: bytes, fortran: bool) -> bytes:
    n = np.dtype(dtype).itemsize * int(np.prod(shape))
    raw = np.frombuffer((content * (n // len(content) + 1))[:n], dtype).reshape(shape)
    file = io.BytesIO()
    np.lib.format.write_array(file, np.asfortranarray(raw) if fortran else raw)
    return file.getvalue()


def header(descr: str, shape: tuple[int, ...], fortran: bool, version: int, rest: bytes) -> bytes:
    said = f"{{'descr': {descr!r}, 'fortran_order': {fortran}, 'shape': {shape}}}\n".encode()
    length = len(said).to_bytes(2 if version == 1 else 4, "little")
    return b"\x93NUMPY" + bytes([version, 0]) + length + said + rest


SHAPE_OF_FOUR = [(4, 3), (4, 2, 2), (4, 2, 2, 1)]
SHAPES = st.sampled_from([*SHAPE_OF_FOUR, (4,), (2,), (), (0, 3), (4, 0), (2, 2)])
CONTENT = st.binary(min_size=1, max_size=24)
ARRAYS = st.builds(array, st.sampled_from(DTYPES), SHAPES, CONTENT, st.booleans())
HEADERS = st.builds(
    header,
    st.one_of(st.sampled_from([*DTYPES, "|O", "V4", "<U0", "<U999999999"]), st.text(max_size=5)),
    st.lists(SIZES, max_size=4).map(tuple),
    st.booleans(),
    st.sampled_from([1, 1, 2, 3]),
    st.binary(max_size=64),
)
MEMBERS = st.one_of(ARRAYS, ARRAYS, HEADERS, damaged(ARRAYS), st.binary(max_size=64))
IMAGES = st.builds(
    array, st.sampled_from(DTYPES[:8]), st.sampled_from(SHAPE_OF_FOUR), CONTENT, st.booleans()
)
TWO = st.sampled_from([bytes(8) + b"\1" + bytes(7), b"\1\0\0\0\2\0\0\0", b"\1\2"])
LABELS = st.builds(
    array, st.sampled_from(DTYPES), st.just((4,)), st.one_of(TWO, CONTENT), st.booleans()
)
NAMED = st.one_of(ARRAYS, st.just(array("<U1", (2,), b"a\0\0\0b\0\0\0", False)))
GOOD = st.one_of(
    st.fixed_dictionaries({"x": IMAGES, "y": LABELS}),
    st.fixed_dictionaries({"x": IMAGES, "y": LABELS, "class_names": NAMED}),
)


def packed(members: dict[str, bytes], compression: int, suffix: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name + suffix, content)
    return file.getvalue()


COMPRESSIONS = [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
FILES = st.builds(
    packed,
    st.one_of(GOOD, st.dictionaries(st.sampled_from([*NAMES, "class_names"]), MEMBERS, max_size=5)),
    st.sampled_from([*COMPRESSIONS[:2] * 3, *COMPRESSIONS]),
    st.sampled_from([".npy", ".npy", ".npy", ""]),
)


def check(content: bytes, folder: Path) -> None:
    (folder / "a.npz").write_bytes(content)
    dataset = from_npz(folder / "a.npz")
    assert len(dataset.train_labels) == len(dataset.train_images)
    assert np.unique(dataset.train_labels).tolist() == list(range(dataset.n_classes))


PAIR = {"x": array("u1", (4, 3), b"abc", False), "y": array("<i8", (4,), bytes(15) + b"1", False)}
AREA = Area(
    "npz",
    st.one_of(FILES, damaged(FILES), ARRAYS, HEADERS),
    check,
    (DataError,),
    corpus=[
        packed({**PAIR, "y": header("<U1", (4,), False, 1, b"\xff" * 16)}, 8, ".npy"),
        b"",
        b"PK\x05\x06",
        packed(PAIR, zipfile.ZIP_LZMA, ".npy"),
        packed({**PAIR, "class_names": array("<U3", (), b"a\0\0\0", False)}, 8, ".npy"),
        packed({**PAIR, "x": header("|u1", (2**63, 2**63), False, 1, b"")}, 8, ".npy"),
        packed({**PAIR, "x": header("|u1", (0, 10**30), False, 1, b"")}, 8, ".npy"),
        packed({**PAIR, "x": header("|u1", (4, 10**5, 10**5), False, 1, b"")}, 8, ".npy"),
    ],
)
