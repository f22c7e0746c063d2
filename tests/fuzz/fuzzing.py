"""Fuzzing by area: whatever the input, the end is a value or the error that is documented, soon.

An area is a file `area_NAME.py` beside this one that says `AREA = Area(...)`. `make test` tries its
corpus and 50 inputs, always the same; `make fuzz SECONDS=60` tries all areas for that time in all:

    python tests/fuzz/fuzzing.py --seconds 60 --seed 3 npz csv
"""

import argparse
import faulthandler
import importlib
import json
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

LIMIT_SECONDS = 20
LIMIT_BYTES = 2**29
LONGEST_MESSAGE = 300
ROUND = 200  # inputs of one seed


@dataclass(frozen=True)
class Area:
    """What is fuzzed, and with what.

    Attributes:
      name: of the area.
      inputs: what is tried: bytes, or structures that resemble what people give.
      check: runs the code on an input, with an empty folder of its own for files; asserts what it
        can of the value.
      allowed: the errors that are documented for bad input.
      corpus: inputs that once failed, or that random ones would hardly meet.
    """

    name: str
    inputs: st.SearchStrategy[Any]
    check: Callable[[Any, Path], object]
    allowed: tuple[type[Exception], ...]
    corpus: Sequence[Any] = ()


def areas() -> list[Area]:
    """Every area beside this file, by name."""
    modules = sorted(path.stem for path in Path(__file__).parent.glob("area_*.py"))
    return [importlib.import_module(module).AREA for module in modules]


def attempt(area: Area, value: Any) -> bool:
    """Tries one input; says whether it ended in a value.

    Raises:
      AssertionError: if the message of an allowed error is not one short line, or if it took too
        much memory; TimeoutError if too long; and whatever else the code raises.
    """
    before, ended = _peak_bytes(), True
    with tempfile.TemporaryDirectory() as folder, _time_limit():
        try:
            area.check(value, Path(folder))
        except area.allowed as error:
            said, ended = str(error), False
            assert said.isprintable(), f"a message of several lines or with controls: {said!r}"
            assert 0 < len(said) <= LONGEST_MESSAGE, f"a message of {len(said)} characters: {said}"
    assert _peak_bytes() - before < LIMIT_BYTES, f"it took {_peak_bytes() - before} bytes"
    return ended


def damaged(whole: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    """Bytes as they are, cut off, or with a few bytes lost, put in or replaced."""
    edit = st.tuples(st.floats(0, 1), st.integers(0, 8), st.binary(max_size=8))

    def edited(content: bytes, edits: list[tuple[float, int, bytes]], length: float) -> bytes:
        for place, lost, new in edits:
            at = round(place * len(content))
            content = content[:at] + new + content[at + lost :]
        return content[: round(length * len(content))]

    length = st.one_of(st.just(1.0), st.just(1.0), st.floats(0, 1))
    return st.builds(edited, whole, st.lists(edit, max_size=3), length)


@dataclass
class _Tally:
    inputs: int = 0
    values: int = 0
    """Of the inputs, how many ended in a value: hardly any means that only parsers were met."""
    failures: dict[str, str] = field(default_factory=dict)
    """By what failed and where: the first message, and the input."""


def _fuzz(area: Area, seconds: float, first_seed: int) -> _Tally:
    tally, stop = _Tally(), time.monotonic() + seconds

    def once(value: Any) -> None:
        if time.monotonic() >= stop:
            return
        tally.inputs += 1
        try:
            tally.values += attempt(area, value)
        except Exception as error:
            place = traceback.extract_tb(error.__traceback__)[-1]
            what = f"{type(error).__name__} at {Path(place.filename).name}:{place.lineno}"
            tally.failures.setdefault(what, f"{error}"[:1000] + "; input: " + repr(value)[:4000])

    for value in area.corpus:
        once(value)
    while time.monotonic() < stop:
        # Failures are collected, and the round goes on: so nothing is shrunk.
        options = settings(
            max_examples=ROUND,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        seed(first_seed)(options(given(area.inputs)(once)))()
        first_seed += 1
    return tally


@contextmanager
def _time_limit() -> Iterator[None]:
    def late(*_: object) -> None:
        raise TimeoutError(f"no end within {LIMIT_SECONDS} s")

    # What hangs outside Python ends the process, with its stack.
    faulthandler.dump_traceback_later(3 * LIMIT_SECONDS, exit=True)
    handler = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, LIMIT_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        faulthandler.cancel_dump_traceback_later()


def _peak_bytes() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def main() -> int:
    """Fuzzes the areas, prints a table as JSON, and returns 1 if anything failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", metavar="AREA", nargs="*", help="default: all")
    parser.add_argument("--seconds", type=float, default=60, help="for all areas together")
    parser.add_argument("--seed", type=int, default=0, help="another one tries other inputs")
    options = parser.parse_args()
    chosen = [area for area in areas() if not options.names or area.name in options.names]
    table = {}
    for area in chosen:
        tally = _fuzz(area, options.seconds / len(chosen), options.seed)
        print(
            f"{area.name}: {tally.inputs} inputs, {len(tally.failures)} failures", file=sys.stderr
        )
        table[area.name] = asdict(tally)
    print(json.dumps(table, indent=2))
    return int(any(row["failures"] for row in table.values()))


if __name__ == "__main__":
    # Areas import this file by its name.
    sys.modules["fuzzing"] = sys.modules["__main__"]
    sys.exit(main())
