"""Labels of all sorts: no two that differ become one class, and none is renamed."""

from pathlib import Path

import numpy as np
from fuzzing import Area
from hypothesis import strategies as st

from jdend.data import DataError, from_arrays, from_csv

NEAR = st.builds(
    int.__add__, st.sampled_from([0, 2**53, 2**63, 2**64, -(2**63)]), st.integers(-2, 2)
)
WHOLE = st.one_of(st.integers(-5, 5), NEAR, st.integers())
LABELS = st.one_of(
    st.lists(WHOLE, max_size=6),
    st.lists(st.floats(), max_size=6),
    st.lists(st.text(max_size=4), max_size=6),
    st.lists(st.one_of(st.booleans(), st.none(), WHOLE, st.floats(), st.binary(max_size=2))),
    st.lists(st.lists(st.integers(0, 2), max_size=2), max_size=4),
)


def check(labels: list, folder: Path) -> None:
    if labels and all(isinstance(label, int) for label in labels):
        lines = "".join(f"1,{int(label)}\n" for label in labels)
        (folder / "a.csv").write_text(f"a,label\n{lines}")
        if len({*labels}) > 1:
            assert_kept([int(label) for label in labels], from_csv(folder / "a.csv"))
    assert_kept(labels, from_arrays(np.zeros((len(labels), 1)), labels))


def assert_kept(labels: list, dataset) -> None:
    named = [dataset.class_names[number] for number in dataset.train_labels]
    if {type(label) for label in labels} == {float}:
        labels = [int(label) for label in labels]
    # NumPy's text ends before trailing NULs, so such lists are not what they seem already.
    if len({type(label) for label in labels}) == 1 and "\0" not in str(labels):
        assert named == [str(label) for label in np.asarray(labels).tolist()] or named == [
            str(label) for label in labels
        ]


AREA = Area(
    "labels", LABELS, check, (DataError,), corpus=[[2**63, -1], [2**53, 2**53 + 1], [1e300, 1e301]]
)
