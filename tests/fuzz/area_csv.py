"""CSV tables: odd fields, ragged rows, open quotes, other encodings."""

from pathlib import Path

import numpy as np
from fuzzing import Area, damaged
from hypothesis import strategies as st

from jdend.data import DataError, from_csv, read_table

ODD = ["", " ", "nan", "inf", "-0", "1_0", "1e39", "1e400", "1e-400", "٣", "0x1", "\0", '"', '""']
ODD += ["9007199254740993", "9007199254740992", "1e300", "1e301", str(2**63), "1" * 5000, "label"]
ODD += ["1e999999999", "9e99999999999999999999", '"a', 'b"', '"a,b"', '"a\nb"', "\ufeff"]
FIELDS = st.one_of(
    st.integers(-300, 300).map(str),
    st.floats().map(repr),
    st.sampled_from(ODD),
    st.text(max_size=6),
)
HEADS = st.one_of(
    st.sampled_from(
        ["a,label", "label,a", "a,b,y", "\ufeffa,label", "a,a,label", ",label", "label"]
    ),
    st.lists(FIELDS, max_size=4).map(",".join),
)
ROWS = st.lists(st.one_of(FIELDS, st.just("1")), min_size=1, max_size=3).map(",".join)
PAIRS = st.tuples(st.integers(0, 9).map(str), FIELDS).map(",".join)


def joined(head: str, rows: list[str], end: str, encoding: str) -> bytes:
    return end.join([head, *rows, ""]).encode(encoding, "surrogatepass")


TEXTS = st.builds(
    joined,
    HEADS,
    st.one_of(st.lists(PAIRS, max_size=6), st.lists(st.one_of(ROWS, PAIRS), max_size=6)),
    st.sampled_from(["\n", "\n", "\r\n", "\r"]),
    st.sampled_from(["utf-8", "utf-8", "utf-8", "utf-8-sig", "utf-16", "utf-32-le"]),
)


LABELS = st.one_of(st.integers(0, 3).map(str), st.sampled_from(ODD), st.text(max_size=4))
NUMBERS = st.one_of(st.integers(-1, 300).map(str), st.floats(-1e30, 1e30).map(repr))
GOOD = st.lists(st.tuples(NUMBERS, LABELS).map(",".join), min_size=2, max_size=6).map(
    lambda rows: joined("a,label", rows, "\n", "utf-8")
)


def check(content: bytes, folder: Path) -> None:
    (folder / "a.csv").write_bytes(content)
    dataset = from_csv(folder / "a.csv")
    assert len(dataset.train_labels) == len(dataset.train_images)
    assert dataset.table is not None
    fitted = dataset.table.fit(dataset.train_images)
    features = fitted.encode(fitted.recode(dataset.train_images, dataset.table))
    assert features.shape == (len(dataset.train_labels), len(fitted.features))
    assert np.isfinite(features).all()
    np.testing.assert_array_equal(fitted.encode_table(read_table(folder / "a.csv")), features)
    assert len({*dataset.class_names}) == dataset.n_classes


def bomb(n: int) -> bytes:
    return b"a,label\n" + b"1,x\n" * n + b"1," + b"y" * 130_000 + b"\n"


AREA = Area(
    "csv",
    st.one_of(GOOD, GOOD, TEXTS, damaged(TEXTS), st.binary(max_size=200)),
    check,
    (DataError,),
    corpus=[
        bomb(3000),
        b"a,label\n1," + b"x" * 140_000,
        b"a,label\n0,9007199254740993\n0,9007199254740992\n",
        b"a,label\n0,1e999999999\n0,1\n",
        b'a,label\n1,"x\n2,y\n',
        b",".join(b"%d" % i for i in range(50_000)) + b",x\n1\n",
        b"x" * 100_000 + b",b\n1,2\n",
    ],
)
