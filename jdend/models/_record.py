"""Reads a configuration from JSON; every value is checked against its field."""

import math
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from jdend.fields import HYPERPARAMETERS, Field, Value
from jdend.models._configuration import (
    CLASSIFICATION,
    Configuration,
    Hyperparameters,
    Problem,
    Structure,
    extras_of,
)
from jdend.models._registry import architecture
from jdend.models._values import parse_value

__all__ = ["list_in", "object_in", "of_kind", "read_configuration"]

T = TypeVar("T")


def read_configuration(record: Mapping[str, Any]) -> Configuration:
    """The configuration that `dataclasses.asdict` turned into a record, with `values` as an object.

    Raises:
      KeyError, TypeError, ValueError: if the record is not that of a configuration.
    """
    structure = object_in(record, "structure")
    hyperparameters = object_in(record, "hyperparameters")
    arch = architecture(of_kind(str, structure, "architecture"))
    for name, value in hyperparameters.items():
        if name in HYPERPARAMETERS:
            _check(HYPERPARAMETERS[name], value)
    values = object_in(structure, "values")
    for name, value in values.items():
        _check(arch.field(name), value)
    _check(arch.field("batch_size"), structure["batch_size"])
    problem = object_in(structure, "problem")
    read = Hyperparameters(**hyperparameters)
    return Configuration(
        Structure(
            arch.name,
            _problem(problem),
            structure["batch_size"],
            tuple(sorted(values.items())),
            extras_of(read),
        ),
        read,
    )


def of_kind(kind: type[T], record: Mapping[str, Any], name: str) -> T:
    """An entry of a record; `TypeError` unless it has this type."""
    value = record[name]
    if type(value) is not kind:
        raise TypeError(f"{name} must be {kind.__name__}, not {type(value).__name__}")
    return value


def object_in(record: Mapping[str, Any], name: str) -> dict[str, Any]:
    """An entry of a record; `TypeError` unless it is an object."""
    return cast(dict[str, Any], of_kind(dict, record, name))


def list_in(record: Mapping[str, Any], name: str) -> list[Any]:
    """An entry of a record; `TypeError` unless it is a list."""
    return cast(list[Any], of_kind(list, record, name))


def _check(field: Field, value: Value | None) -> None:
    """What plays no part is neutral, and all else as the field has it."""
    if type(value) is not type(field.neutral) or value != field.neutral:
        parse_value(field, value)


def _problem(record: Mapping[str, Any]) -> Problem:
    in_features, n_classes = of_kind(int, record, "in_features"), of_kind(int, record, "n_classes")
    if min(in_features, n_classes) < 1:
        raise ValueError(f"there are {in_features} features and {n_classes} classes")
    task, loss = record.get("task", CLASSIFICATION), record.get("loss")
    if not isinstance(task, str) or not isinstance(loss, str | None):
        raise ValueError(f"task must be a string and loss one or null, got {task!r} and {loss!r}")
    if record["image_shape"] is None:
        return Problem(in_features, n_classes, None, task, loss)
    sides = list_in(record, "image_shape")
    if len(sides) != 3 or any(type(n) is not int for n in sides) or min(sides) < 1:
        raise ValueError(f"image_shape must be three positive integers, got {sides!r}")
    if math.prod(sides) != in_features:
        raise ValueError(f"images of {sides} do not have {in_features} pixels")
    height, width, channels = sides
    return Problem(in_features, n_classes, (height, width, channels), task, loss)
