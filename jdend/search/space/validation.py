"""Checks a search space against the data: whether each name is a field, and each value possible."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from jdend._messages import shown
from jdend.models import DEFAULTS, Problem, architecture, check_names, check_value, configure
from jdend.search.errors import SearchError, SpaceError
from jdend.search.space.dimensions import Choice, Space, Value

__all__ = ["architectures_of", "canonical", "check_seed", "check_space", "parse_seeds"]

# More would be a slip: each of them trains every network once.
MAX_SEEDS = 10_000


def check_space(space: Space, problem: Problem, defaults: Mapping[str, object]) -> None:
    """Checks every value of each list and both ends of each range, each value by itself.

    Args:
      space: the parsed search space.
      problem: the data's features, classes and image shape.
      defaults: the values of training's fields that the space leaves out.

    Raises:
      SpaceError: for an unknown parameter, one that is named twice, an impossible value, or a
        default that the data do not allow.
    """
    fields: dict[str, str] = {}
    for name in space.dimensions:
        field = canonical(name)
        if field in fields:
            raise SpaceError(f"{name!r} and {fields[field]!r} are the same parameter: give one")
        fields[field] = name
    names = architectures_of(space)
    for field, name in fields.items():
        for value in _ends(space.dimensions[name]):
            if field == "seed":
                check_seed("seed", value)
            elif field != "architecture" and value is not None:
                _check_value(field, value, names, problem)
    params = {field: _first(space, name) for field, name in fields.items() if field != "seed"}
    for name in names:
        _configured({**params, "architecture": name}, problem, defaults)


def parse_seeds(seeds: int | Sequence[int]) -> tuple[int, ...]:
    """The distinct seeds of a list; a number `N` means the seeds from 0 to N - 1.

    Raises:
      SearchError: for an empty list, and for anything else.
    """
    if isinstance(seeds, int | np.integer) and not isinstance(seeds, bool):
        if not 1 <= seeds <= MAX_SEEDS:
            raise SearchError(
                f"seeds must be a number of seeds from 1 to {MAX_SEEDS}, or a list, "
                f"got {shown(seeds)}"
            )
        return tuple(range(int(seeds)))
    if isinstance(seeds, str | bool) or not isinstance(seeds, Sequence | np.ndarray):
        raise SearchError(f"seeds must be a number of seeds, or a list of them, got {shown(seeds)}")
    if len(seeds) == 0:
        raise SearchError("seeds is empty: give at least one")
    return tuple(dict.fromkeys(check_seed("seeds", seed) for seed in seeds))


def check_seed(name: str, value: object) -> int:
    """The value as an int; `SearchError` unless it is a whole number from 0 to 2**32 - 1."""
    if not isinstance(value, int | np.integer) or isinstance(value, bool) or not 0 <= value < 2**32:
        raise SearchError(f"{name} must be a whole number from 0 to 2**32 - 1, got {shown(value)}")
    return int(value)


def architectures_of(space: Space) -> tuple[str, ...]:
    """The names of the architectures in a space.

    Raises:
      SpaceError: if one is not registered.
    """
    dimension = space.dimensions.get("architecture", Choice((str(DEFAULTS["architecture"]),)))
    if not isinstance(dimension, Choice):
        raise SpaceError("architecture: give names, not a range")
    try:
        return tuple(architecture(str(name)).name for name in dimension.values)
    except ValueError as error:
        raise SpaceError(str(error)) from None


def canonical(name: str) -> str:
    """The name of a parameter's field: `connectivity` for `strategy`, as the older toolkit says.

    Raises:
      SpaceError: if no architecture reads it; the message names the most similar field.
    """
    try:
        return next(iter(check_names({name: None})))
    except ValueError as error:
        raise SpaceError(str(error)) from None


def _check_value(field: str, value: Value, names: tuple[str, ...], problem: Problem) -> None:
    """Checks one value by itself, with the first architecture that reads its field."""
    for name in names:
        if field in architecture(name).reads:
            try:
                return check_value(field, value, name, problem)
            except ValueError as error:
                raise SpaceError(str(error)) from None
    return None


def _configured(params: Mapping[str, object], problem: Problem, defaults: Mapping) -> None:
    try:
        configure(params, problem, defaults)
    except ValueError as error:
        raise SpaceError(str(error)) from None


def _ends(dimension) -> Iterator[Value]:
    """All values of a list; the two ends of a range."""
    if isinstance(dimension, Choice):
        yield from dimension.values
    else:
        yield dimension.low
        yield dimension.high


def _first(space: Space, name: str) -> Value:
    return next(_ends(space.dimensions[name]))
