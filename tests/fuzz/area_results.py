"""`results.json` and journals: entries replaced, lines lost, bytes damaged."""

import functools
import json
from pathlib import Path

from fuzzing import Area, damaged
from hypothesis import strategies as st

from jdend.study import SearchResult, StudyError, open_study, read_results

ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=3),
    st.sampled_from([[], {}, [[]], [[None]], 10**400, -1, 0, 2**63]),
)
RECORD = {
    "params": {"architecture": "mlp", "hidden_dim": 3, "lr": 0.1},
    "total_params": 30,
    "seeds": [0],
    **dict.fromkeys(["test_accuracy", "train_accuracy", "train_time", "final_test_loss"], 0.5),
    "history": {"train_loss": [0.5]},
}
FILES = st.one_of(
    st.builds(
        lambda changes, n: json.dumps([{**RECORD, **changes}] * n).encode(),
        st.dictionaries(st.sampled_from([*RECORD, "params", "cut_off", "x"]), ODD, max_size=2),
        st.integers(0, 2),
    ),
    ODD.map(lambda value: json.dumps(value).encode()),
    st.integers(0, 5).map(lambda n: b"[" * 10**n),
)


@functools.cache
def journal() -> bytes:
    """The journal of a search of two trials."""
    import tempfile

    import numpy as np

    from jdend import HyperparameterSearcher
    from jdend.data import from_arrays

    with tempfile.TemporaryDirectory() as place:
        data = from_arrays(np.arange(240.0).reshape(40, 6), [0, 1] * 20)
        searcher = HyperparameterSearcher(
            data,
            max_params=40,
            min_param_ratio=0.0,
            n_epochs=1,
            batch_size=8,
            verbose=False,
            out=place,
        )
        searcher.random_search({"architecture": "mlp", "hidden_dim": [2, 3]}, 2)
        return (Path(place) / "study.journal").read_bytes()


def journals() -> st.SearchStrategy[bytes]:
    whole = journal()
    lines = whole.splitlines(True)
    return st.one_of(
        damaged(st.just(whole)),
        st.lists(st.booleans(), min_size=len(lines), max_size=len(lines)).map(
            lambda keep: b"".join(line for line, kept in zip(lines, keep, strict=True) if kept)
        ),
        st.binary(max_size=20).map(lambda end: whole + end),
        st.binary(max_size=80),
    )


def check(given: tuple[str, bytes], folder: Path) -> None:
    name, content = given
    (folder / name).write_bytes(content)
    if name == "study.journal":
        stored = open_study(folder)
        results = [result for part in stored.generations() for result in part.results or ()]
    else:
        results = read_results(folder / name)
    for result in results:
        assert isinstance(result, SearchResult)
        assert result.total_params > 0
        result.to_dict()


AREA = Area(
    "results",
    st.one_of(
        st.tuples(st.just("results.json"), st.one_of(FILES, FILES, damaged(FILES))),
        # Made before inputs are drawn: the search draws, too, of generators that Hypothesis sets.
        st.tuples(st.just("study.journal"), st.deferred(journals)),
    ),
    check,
    (StudyError,),
    corpus=[("results.json", b"[" * 100_000), ("results.json", b""), ("study.journal", b"\0" * 9)],
)
