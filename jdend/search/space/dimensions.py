"""Search spaces, parsed once from what the user wrote into typed dimensions:

{"n_neurons": [8, 10, 12],                                       one of a list
 "n_dendrites": (4, 8),                                          a range, both ends included
 "n_dendrite_inputs": {"type": "randint", "low": 32, "high": 200},   likewise
 "lr": {"type": "uniform", "low": 1e-4, "high": 1e-2, "log": True},
 "schedule": {"type": "choice", "values": ["constant", "cosine"]},
 "batch_size": 256}                                              a constant
"""

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from pathlib import Path
from typing import cast

import numpy as np

from jdend._files import os_errors_as, user_path
from jdend._messages import did_you_mean, shown
from jdend.fields import FIELDS, canonical_name
from jdend.search.errors import SpaceError

__all__ = [
    "Choice",
    "Dimension",
    "IntRange",
    "RealRange",
    "Space",
    "Value",
    "parse_space",
    "read_space",
]

Value = int | float | str | bool | None

TYPES = {
    "randint": ("low", "high"),
    "uniform": ("low", "high", "log"),
    "choice": ("values", "choices", "options"),
}

# Of a list.
MAX_VALUES = 100_000
# Of whole numbers: what int64, in which networks are counted, holds.
LARGEST = 2**63 - 1


@dataclass(frozen=True)
class Choice:
    """One of several values, all equally likely. A constant is a choice with one value."""

    values: tuple[Value, ...]

    def __str__(self) -> str:
        return " or ".join(f"{v:.4g}" if isinstance(v, float) else str(v) for v in self.values)

    def draw(self, rng: np.random.Generator) -> Value:
        return self.values[int(rng.integers(len(self.values)))]


@dataclass(frozen=True)
class IntRange:
    """A whole number from `low` to `high`, both included, all equally likely."""

    low: int
    high: int

    def __str__(self) -> str:
        return f"{self.low} to {self.high}"

    def draw(self, rng: np.random.Generator) -> int:
        return int(rng.integers(self.low, self.high, endpoint=True))


@dataclass(frozen=True)
class RealRange:
    """A real number from `low` to `high`, uniformly distributed; if `log`, its logarithm is."""

    low: float
    high: float
    log: bool = False

    def __str__(self) -> str:
        return f"{self.low:.4g} to {self.high:.4g}"

    def draw(self, rng: np.random.Generator) -> float:
        if not self.log:
            return float(rng.uniform(self.low, self.high))
        value = math.exp(rng.uniform(math.log(self.low), math.log(self.high)))
        return min(max(value, self.low), self.high)


Dimension = Choice | IntRange | RealRange


@dataclass(frozen=True)
class Space:
    """A dimension for each parameter, under the names and in the order that the user wrote."""

    dimensions: Mapping[str, Dimension]

    @property
    def ranges(self) -> tuple[str, ...]:
        """The names of the parameters that are ranges, not lists of values."""
        return tuple(n for n, d in self.dimensions.items() if not isinstance(d, Choice))

    def to_dict(self) -> dict[str, object]:
        """The space as a dict that `parse_space` reads and a TOML file can hold."""
        return {name: _written(dimension) for name, dimension in self.dimensions.items()}


def parse_space(space: object) -> Space:
    """Parses a space as users write it. `check_space` checks names and values, with the data.

    Args:
      space: a dict with a value for each parameter: a list of values, a `(low, high)` pair, a
        `{"type": …}` dict, or a constant. Ranges of whole numbers include both ends.

    Raises:
      SpaceError: if the form is wrong; its message names the parameter and the forms allowed.
    """
    if isinstance(space, Space):
        return space
    if not isinstance(space, Mapping):
        raise SpaceError(f"a search space is a dict of parameters, got {type(space).__name__}")
    if not space:
        raise SpaceError("the search space is empty: name at least one parameter, and its values")
    return Space({str(name): _dimension(str(name), written) for name, written in space.items()})


def read_space(path: str | Path) -> Space:
    """Reads a space from a TOML file whose top-level keys are parameters.

    TOML has no pairs, so a range is `{type = "randint", low = 8, high = 20}` or
    `{type = "uniform", low = 1e-4, high = 1e-2, log = true}`, and `[a, b]` is a list of values.

    Raises:
      SpaceError: if the file cannot be read, is no TOML, is empty, or has a wrong form.
    """
    with os_errors_as(SpaceError, f"cannot read space file {path}"):
        text = user_path(path, SpaceError).read_bytes()
    try:
        content = tomllib.loads(text.decode())
    except RecursionError:
        raise SpaceError(f"space file {path} is nested too deeply to be read") from None
    except ValueError as error:  # of TOML, of Unicode, or a number of thousands of digits
        raise SpaceError(f"space file {path} is not TOML: {error}") from error
    if not content:
        raise SpaceError(f"space file {path} is empty: write lines such as n_neurons = [8, 10, 12]")
    try:
        return parse_space(content)
    except SpaceError as error:
        raise SpaceError(f"space file {path}: {error}") from None


def _dimension(name: str, written: object) -> Dimension:
    if isinstance(written, Choice | IntRange | RealRange):
        return written
    if isinstance(written, Mapping):
        return _typed(name, written)
    if isinstance(written, tuple):
        if len(written) != 2 or not all(_is_number(end) for end in written):
            raise SpaceError(
                f"{name}={shown(written)}: a tuple is a range (low, high) of two numbers; "
                "write values to choose from as a list"
            )
        field = FIELDS.get(canonical_name(name))
        is_real = field is not None and field.kind == "real"
        whole = all(isinstance(end, Integral) for end in written) and not is_real
        return _int_range(name, *written) if whole else _real_range(name, *written)
    if isinstance(written, list | range | np.ndarray):
        return _choice(name, written)
    return Choice((_value(name, written),))


def _typed(name: str, written: Mapping) -> Dimension:
    kind = written.get("type")
    if not isinstance(kind, str) or kind not in TYPES:
        raise SpaceError(f"{name}: unknown type {shown(kind)}{did_you_mean(shown(kind), TYPES)}")
    unknown = [key for key in written if key not in ("type", *TYPES[kind])]
    if unknown:
        raise SpaceError(
            f"{name}: type {kind!r} takes no {unknown[0]!r}{did_you_mean(unknown[0], TYPES[kind])}"
        )
    if kind == "choice":
        lists = [written[key] for key in TYPES["choice"] if key in written]
        if len(lists) != 1 or not isinstance(lists[0], list | tuple | range):
            raise SpaceError(f"{name}: type 'choice' needs values=[…]")
        return _choice(name, lists[0])
    missing = [key for key in ("low", "high") if key not in written]
    if missing:
        raise SpaceError(f"{name}: type {kind!r} needs {' and '.join(missing)}")
    if kind == "randint":
        return _int_range(name, written["low"], written["high"])
    if not isinstance(written.get("log", False), bool):
        raise SpaceError(f"{name}: log must be true or false, got {shown(written['log'])}")
    return _real_range(name, written["low"], written["high"], log=written.get("log", False))


def _choice(name: str, values: Sequence[object] | np.ndarray) -> Choice:
    values = np.atleast_1d(values) if isinstance(values, np.ndarray) else values
    if len(values) == 0:
        raise SpaceError(f"{name}: the list of values is empty")
    if len(values) > MAX_VALUES:
        raise SpaceError(
            f"{name}: a list has at most {MAX_VALUES:,} values, this one {len(values):,}: write a "
            "range"
        )
    return Choice(tuple(_value(name, value) for value in values))


def _int_range(name: str, low: object, high: object) -> IntRange:
    ends: list[int] = []
    for end in (low, high):
        if (
            not isinstance(end, Integral)
            or isinstance(end, bool)
            or not -LARGEST <= int(end) <= LARGEST
        ):
            raise SpaceError(f"{name}: a range of whole numbers cannot end at {shown(end)}")
        ends.append(int(end))
    _check_order(name, ends[0], ends[1])
    return IntRange(ends[0], ends[1])


def _real_range(name: str, low: object, high: object, *, log: bool = False) -> RealRange:
    ends: list[float] = []
    for end in (low, high):
        plain = _as_float(end)
        if not math.isfinite(plain):
            raise SpaceError(
                f"{name}: a range cannot end at {shown(end)}; needed is a finite number"
            )
        ends.append(plain)
    _check_order(name, ends[0], ends[1])
    if log and ends[0] <= 0:
        raise SpaceError(f"{name}: a logarithmic range must begin above 0, got {ends[0]!r}")
    return RealRange(ends[0], ends[1], log)


def _as_float(end: object) -> float:
    """The end of a range; NaN if it is no number, infinity if it is too large for one."""
    if not _is_number(end):
        return math.nan
    try:
        return float(cast(float, end))
    except OverflowError:
        return math.inf


def _check_order(name: str, low: float, high: float) -> None:
    if low > high:
        raise SpaceError(f"{name}: the range begins at {low!r}, above its end {high!r}")


def _value(name: str, value: object) -> Value:
    """The value as plain Python has it; so it will be in results."""
    if isinstance(value, np.generic):
        value = value.item()
    field = FIELDS.get(canonical_name(name))
    if isinstance(value, str) and field is not None and field.kind == "choice":
        return value.replace("-", "_")  # the older toolkit's names have hyphens
    if isinstance(value, int) and abs(value) > LARGEST:
        raise SpaceError(f"{name}: {shown(value)} is too large; at most {LARGEST} is a value")
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise SpaceError(
        f"{name}: {shown(value)} is no value; allowed are numbers, strings, True and False, lists "
        "of them, (low, high), and {'type': 'randint' | 'uniform' | 'choice', …}"
    )


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _written(dimension: Dimension) -> object:
    if isinstance(dimension, Choice):
        return list(dimension.values)
    if isinstance(dimension, IntRange):
        return {"type": "randint", "low": dimension.low, "high": dimension.high}
    return {"type": "uniform", "low": dimension.low, "high": dimension.high, "log": dimension.log}
