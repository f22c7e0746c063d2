"""Numbers to predict and several labels an example: tables and arrays whose targets are odd."""

from pathlib import Path

import numpy as np
from area_csv import FIELDS, NUMBERS, TEXTS
from area_npz import FILES, IMAGES, array, packed
from fuzzing import Area, damaged
from hypothesis import strategies as st

from jdend.data import DataError, from_csv, from_npz

TASKS = st.sampled_from(["regression", "multilabel", "multilabel", "classification", "labels"])
TARGETS = st.one_of(
    st.none(),
    st.sampled_from(["label", "a", "b", "label,b", "b,label", "label,label", "", ","]),
    st.lists(st.sampled_from(["a", "b", "label", "c", "a,b"]), max_size=4),
)
TRUTHS = st.one_of(st.sampled_from(["0", "1", "0", "1", "yes", "no", "True", "1.0", ""]), FIELDS)
PAIRS = st.tuples(NUMBERS, TRUTHS, TRUTHS).map(",".join)
GOOD = st.lists(PAIRS, min_size=2, max_size=8).map(
    lambda rows: "\n".join(["a,label,b", *rows, ""]).encode("utf-8", "surrogatepass")
)
TABLES = st.one_of(GOOD, GOOD, damaged(GOOD), TEXTS)
MATRICES = st.builds(
    array,
    st.sampled_from(["u1", "?", "<i8", "<f4", "<U3", "c8"]),
    st.sampled_from([(4, 2), (4, 2), (4, 1), (4, 0), (4,), (4, 2, 1)]),
    st.one_of(
        st.sampled_from([b"\0", b"\1", b"\1\0", bytes(8) + b"\1" + bytes(7)]), st.binary(min_size=1)
    ),
    st.booleans(),
)
ARRAYS = st.one_of(
    st.fixed_dictionaries({"x": IMAGES, "y": MATRICES}).map(lambda m: packed(m, 0, ".npy")), FILES
)


def check(given: tuple[bytes, bool, object, str], folder: Path) -> None:
    content, is_table, target, task = given
    path = folder / ("a.csv" if is_table else "a.npz")
    path.write_bytes(content)
    dataset = from_csv(path, target=target, task=task) if is_table else from_npz(path, task=task)
    labels, n = dataset.train_labels, len(dataset.train_images)
    assert len(labels) == n
    if task == "multilabel":
        assert labels.shape == (n, dataset.n_classes)
        assert np.isin(labels, (0, 1)).all()
        assert len(dataset.class_names) == dataset.n_classes
    if task == "regression":
        assert labels.shape == (n,)
        assert np.isfinite(labels).all()


AREA = Area(
    "tasks",
    st.one_of(
        st.tuples(TABLES, st.just(True), TARGETS, TASKS),
        st.tuples(ARRAYS, st.just(False), st.none(), TASKS),
    ),
    check,
    (DataError,),
    corpus=[(b"a,label,b\n1,1,0\n2,0,1\n", True, ["label", "b"], "multilabel")],
)
