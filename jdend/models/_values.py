"""Checks the values of a configuration's fields, and turns them into plain Python values."""

import functools
from typing import Any, cast

import numpy as np

from jdend._messages import did_you_mean
from jdend.fields import Field, Value

__all__ = ["parse_value"]

# The limits of int32 and float32, which training computes with.
LARGEST_WHOLE = 2**31 - 1
LARGEST_REAL = float(np.finfo(np.float32).max)


def parse_value(field: Field, value: object) -> Value:
    """The value in the type of the field's kind. Values that were allowed before are looked up.

    Raises:
      ValueError: if it is not allowed; the message names the field, the value and what is allowed.
    """
    try:
        return _parsed_before(field, value)
    except TypeError:  # not hashable
        return _parse(field, value)


def _parse(field: Field, value: object) -> Value:
    plain = _as_python(value)
    if field.kind == "whole":
        return _whole(field, plain, value)
    if field.kind == "real":
        return _real(field, plain, value)
    if field.kind == "choice":
        return _choice(field, plain)
    if field.kind == "flag":
        if isinstance(plain, bool):
            return plain
        raise ValueError(f"{field.name} must be True or False, got {value!r}")
    if isinstance(plain, str):
        return plain
    raise ValueError(f"{field.name} must be a string, got {value!r}")


# Typed, since 1, 1.0 and True are equal; a choice that is allowed once stays so.
_parsed_before = functools.lru_cache(maxsize=10_000, typed=True)(_parse)


def _as_python(value: object) -> object:
    """The value; of a NumPy scalar, its Python value."""
    return cast(Any, value).item() if isinstance(value, np.generic) else value


def _whole(field: Field, plain: object, value: object) -> int:
    least = 1 if field.at_least is None else int(field.at_least)
    if not isinstance(plain, int) or isinstance(plain, bool) or plain < least:
        what = "a positive integer" if least == 1 else f"a whole number of at least {least}"
        raise ValueError(f"{field.name} must be {what}, got {value!r}")
    most = LARGEST_WHOLE if field.at_most is None else int(field.at_most)
    if plain > most:
        raise ValueError(f"{field.name} must be at most {most}, got {value!r}")
    return plain


def _real(field: Field, plain: object, value: object) -> float:
    if isinstance(plain, bool) or not isinstance(plain, int | float) or not _finite(plain):
        raise ValueError(f"{field.name} must be a finite number, got {value!r}")
    above, least, most = field.above, field.at_least, field.at_most
    low = (above is None or plain > above) and (least is None or plain >= least)
    if not low or (most is not None and plain > most):
        bounds = [
            *([] if above is None else [f"above {above:g}"]),
            *([] if least is None else [f"at least {least:g}"]),
            *([] if most is None else [f"at most {most:g}"]),
        ]
        raise ValueError(f"{field.name} must be {' and '.join(bounds)}, got {value!r}")
    return float(plain)


def _finite(number: float) -> bool:
    return abs(number) <= LARGEST_REAL  # false of NaN


def _choice(field: Field, plain: object) -> str:
    allowed = field.allowed()
    if isinstance(plain, str):
        for name in (plain, plain.replace("-", "_")):  # the older toolkit's have hyphens
            if name in allowed:
                return name
    raise ValueError(f"unknown {field.name} {plain!r}{did_you_mean(plain, allowed)}")
