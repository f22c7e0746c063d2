"""What is said of a field of a configuration; `jdend.fields` lists them all."""

import dataclasses
import importlib
import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

__all__ = [
    "GROUPS",
    "Condition",
    "Derived",
    "Field",
    "Group",
    "Kind",
    "Value",
    "Values",
    "choice",
    "real",
    "whole",
]

Kind = Literal["whole", "real", "flag", "choice", "text"]
# search: what a trial is. network: arguments of an architecture's constructor that fix a shape.
# wiring: its other arguments. resampling: read by training, for architectures with
# `synaptic_resampling`. training: read for every architecture.
Group = Literal["search", "network", "wiring", "resampling", "training"]
GROUPS: tuple[Group, ...] = ("search", "network", "wiring", "resampling", "training")
Value = int | float | bool | str
Values = Mapping[str, Any]


@dataclass(frozen=True)
class Condition:
    """That another field has a value, or one of several; if `negated`, that it has none of them."""

    field: str
    value: Value | tuple[Value, ...]
    negated: bool = False

    def holds_for(self, value: Value | None) -> bool:
        """Whether it does where the other field has this value."""
        known = self.value if isinstance(self.value, tuple) else (self.value,)
        return (value in known) is not self.negated

    def holds(self, values: Values) -> bool:
        return self.holds_for(values[self.field])

    def __str__(self) -> str:
        known = self.value if isinstance(self.value, tuple) else (self.value,)
        *others, last = (f"`{value}`" for value in known)
        names = f"{', '.join(others)} or {last}" if others else last
        return f"`{self.field}` is {'not ' if self.negated else ''}{names}"


@dataclass(frozen=True)
class Derived:
    """A default that follows from another field.

    Attributes:
      source: that field.
      formula: from its value to the default.
      text: the formula for people.
    """

    source: str
    formula: Callable[[Any], Value]
    text: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Field:
    """The description of one field of a configuration. Fields are the same if they are one object.

    Attributes:
      name: what configurations call it.
      kind: of its values.
      group: who reads it.
      doc: a sentence.
      default: where a configuration leaves it out; None if its architecture says.
      neutral: its value where it plays no part, so that equal configurations compare equal.
      above, at_least, at_most: bounds of a number.
      choices: allowed names, or `module:NAME` of a collection of them, which may grow.
      needs_images: choices that need images, and what to use instead.
      fixes_shape: whether arrays' shapes, or how many parameters there are, can depend on it.
      own_program: whether training with it takes a program that others are not slowed down by:
        `if_used`, one with a part for it, in which its values are traced; `by_value`, one for each
        value; `by_ceiling`, one for each whole number that values are rounded up to. Its neutral
        value, and those in `ordinary`, never do. Trials of different programs train in different
        populations.
      ordinary: see `own_program`.
      capped_by: a field; any value above that one's means the same as that one's.
      only_if: it plays a part only where one of these holds; always where there are none.
      heading: of a table's column.
      label: in a report.
      unit: of a number.
      aliases: other names that are accepted for it.
    """

    name: str
    kind: Kind
    group: Group
    doc: str = ""
    default: Value | Derived | None = None
    neutral: Value | None = None
    above: float | None = None
    at_least: float | None = None
    at_most: float | None = None
    choices: tuple[str, ...] | str = ()
    needs_images: Mapping[str, str] = dataclasses.field(default_factory=dict[str, str])
    fixes_shape: bool = False
    own_program: Literal["never", "if_used", "by_value", "by_ceiling"] = "never"
    ordinary: tuple[Value, ...] = ()
    capped_by: str = ""
    only_if: tuple[Condition, ...] = ()
    heading: str = ""
    label: str = ""
    unit: str = ""
    aliases: tuple[str, ...] = ()

    def plays_part(self, values: Values) -> bool:
        """Whether it does, under a configuration's other values."""
        for condition in self.only_if:
            if condition.holds(values):
                return True
        return not self.only_if

    def in_program(self, value: Value) -> Value | None:
        """What a program has to be made for, of a value of this field; None if any will do."""
        if self.own_program == "never" or value in (self.neutral, *self.ordinary):
            return None
        if self.own_program == "by_ceiling":
            return math.ceil(float(value))
        return value if self.own_program == "by_value" else True

    def allowed(self) -> tuple[str, ...]:
        """The names that it may have at this moment."""
        if isinstance(self.choices, tuple):
            return self.choices
        path, _, name = self.choices.partition(":")
        module = sys.modules.get(path) or importlib.import_module(path)
        return tuple(getattr(module, name))


def whole(**settings: Any) -> Any:
    """An entry of the table of hyperparameters, for a whole number; see `Field`."""
    return _hyperparameter("whole", **{"at_least": 1, **settings})


def real(**settings: Any) -> Any:
    """An entry of the table of hyperparameters, for a number; see `Field`."""
    return _hyperparameter("real", **settings)


def choice(**settings: Any) -> Any:
    """An entry of the table of hyperparameters, for a name; see `Field`."""
    return _hyperparameter("choice", **settings)


def _hyperparameter(kind: Kind, **settings: Any) -> Any:
    """An entry: a dataclass's field whose value, where it is left out, is the neutral one."""
    neutral = settings.get("neutral", dataclasses.MISSING)
    return dataclasses.field(default=neutral, metadata={"kind": kind, **settings})
