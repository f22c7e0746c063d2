"""Command lines: options with odd values, and dry runs of those that are sound."""

import contextlib
import io
import os
from pathlib import Path

from fuzzing import Area
from hypothesis import strategies as st

from jdend.search.cli.main import main

VALUES = st.one_of(
    st.sampled_from(
        [
            *["nan", "inf", "-0.0", "1e400", "9" * 30, "9" * 400, "-1", "0", "1", "2", "0.5", ""],
            *["\0", "~nobody-of-this-name/x", "x" * 256, "a\nb", "\ud800", "digits", "none"],
            *["random", "1m", "500,600", "sqlite:///~/x", "mysql://u:p@h/d", "foo://x", "[", "/"],
        ]
    ),
    st.integers(-3, 3000).map(str),
    st.floats().map(str),
    st.text(max_size=4),
)
NAMES = ["budget", "space", "strategy", "generation", "pruner", "plugin", "scenario", "trials"]
NAMES += ["time", "min-ratio", "search-seed", "dataset", "subset", "validation-fraction"]
NAMES += [
    "split-seed",
    "folds",
    "fold-repeats",
    "target",
    "drop",
    "categorical",
    "numeric",
    "epochs",
    "lr",
]
NAMES += ["epochs", "lr", "weight-decay", "batch-size", "seeds", "buckets"]
NAMES += [
    "max-programs",
    "kernel",
    "teacher",
    "teacher-budget",
    "out",
    "study",
    "resume",
    "top",
    "log-format",
]
OPTIONS = st.tuples(st.sampled_from([*NAMES, "no-such", "quiet", "compile"]), VALUES).map(
    lambda option: f"--{option[0]}={option[1]}"
)


class Ended(Exception):
    """A command that ended with a message."""


def check(words: list[str], folder: Path) -> None:
    said, before = io.StringIO(), os.getcwd()
    os.chdir(folder)
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(said):
            try:
                code = main(["--dataset=digits", "--budget=900", *words, "--dry-run", "--quiet"])
            except SystemExit as ended:
                code = ended.code
    finally:
        os.chdir(before)
    assert code in (0, 2), code
    if code == 2:
        raise Ended(said.getvalue().removesuffix("\n").removeprefix("jdend.search: "))


AREA = Area(
    "commands",
    st.lists(OPTIONS, max_size=2),
    check,
    (Ended,),
    corpus=[["--validation-fraction=nan"], ["--seeds=99999999999"], ["--out=~nobody/x"]],
)
