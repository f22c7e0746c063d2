"""What a setting is: its help, its option of the command line, and how that is read."""

import inspect
from collections.abc import Callable
from dataclasses import Field, dataclass, fields
from typing import Any

__all__ = ["Setting", "about", "own_fields", "setting_of"]


@dataclass(frozen=True)
class Setting:
    """What a field means, and how the command line reads it.

    Attributes:
      help: one line of text, for Python and the command line.
      python: the end of that sentence, for Python only.
      none: what None means.
      flag: the option of the command line, by default the field's name with dashes; None if it has
        no option.
      parse: turns text into the value.
      metavar: the name of the value in the command line's help.
      bare: the value of an option that is given without one; None if it needs one.
      recorded: whether it is in `run.json`, and must be the same when the search is resumed.
    """

    help: str
    python: str = ""
    none: str = ""
    flag: str | None = ""
    parse: Callable[[str], object] = str
    metavar: str | None = None
    bare: str | None = None
    recorded: bool = False


def about(help: str, parse: Callable[[str], object] = str, **others: Any) -> dict[str, Setting]:
    """The metadata of a field, made of the arguments of `Setting`."""
    return {"setting": Setting(help, parse=parse, **others)}


def setting_of(field: Field) -> Setting:
    """The setting that `about` put into a field's metadata."""
    return field.metadata["setting"]


def own_fields(options: type) -> list[Field]:
    """The fields of a type of options, without those that it inherits."""
    own = inspect.get_annotations(options)
    return [field for field in fields(options) if field.name in own]
