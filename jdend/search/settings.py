"""What a setting is: its help, its option of the command line, and how that is read."""

import argparse
import inspect
import re
from collections.abc import Callable
from dataclasses import Field, dataclass, fields
from typing import Any

__all__ = ["Setting", "about", "own_fields", "seconds", "setting_of"]

# A thousand years: more is a slip, and not every clock can be asked for it.
LONGEST_SECONDS = 1000 * 366 * 86400


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


def seconds(text: str) -> float:
    """A time such as `90s`, `10m` or `1h30m`, as the command line has it, in seconds.

    Raises:
      ArgumentTypeError: if it is none.
    """
    match = re.fullmatch(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?", text)
    hours, minutes, rest = (int(part or 0) for part in match.groups()) if match else (0, 0, 0)
    total = 3600 * hours + 60 * minutes + rest
    if not 0 < total < LONGEST_SECONDS:
        raise argparse.ArgumentTypeError(f"{text!r} is no time: give one such as 90s, 10m or 1h30m")
    return float(total)
