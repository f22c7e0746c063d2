"""`--resume`: the options of the search that goes on, from its `run.json`.

An option that is given counts; the ledger refuses one that would change the search. One that is
missing is what it was.
"""

import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from jdend._files import user_path
from jdend.search.cli.arguments import Command
from jdend.study import RUN, StudyError, holds_search, latest_folder

__all__ = ["resumed_words"]

PROGRAM = ("python", "-m", "jdend.search")
RESUME, OUT, DEFAULTS = "--resume", "--out", "--defaults"

# The words of each option, by its name.
Options = dict[str, list[str]]


def resumed_words(command: Command, default_folder: Path) -> list[str]:
    """The options of a command that goes on with a search, with those that were left out.

    Args:
      command: with `--resume`.
      default_folder: where the search is if neither a folder nor anything else says so.

    Raises:
      StudyError: if `--resume DIR` names a folder without a search.
    """
    given, named = _by_option(command.words[len(PROGRAM) :]), command.storage.resume
    if isinstance(named, str):
        folder = user_path(named, StudyError)
        if not holds_search(folder):
            raise StudyError(f"{named} holds no search to go on with; give the folder of one")
    elif command.storage.out is not None:
        folder = user_path(command.storage.out, StudyError)
    elif command.storage.storage is None and command.says_nothing_of_its_folder:
        folder = latest_folder() or default_folder
    else:
        folder = default_folder
    merged: Options = {**_recorded(folder), **given, OUT: [OUT, str(folder)], RESUME: [RESUME]}
    return [word for of_option in merged.values() for word in of_option]


def _recorded(folder: Path) -> Options:
    """The options of the command that the folder's search was begun with."""
    try:
        record = json.loads((folder / RUN).read_text(encoding="utf-8"))
        command = shlex.split(record["command"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
    if tuple(command[: len(PROGRAM)]) != PROGRAM:  # a program in Python
        return {}
    own = _by_option(command[len(PROGRAM) :])
    return own if _has_defaults(record) else {**own, DEFAULTS: [DEFAULTS, "toolkit"]}


def _has_defaults(record: Mapping[str, object]) -> bool:
    """Whether a search says what its space leaves out. Older versions only had the toolkit's."""
    config = record.get("config") or {}
    first = config[0] if isinstance(config, list) else config
    return not first or (isinstance(first, dict) and "defaults" in first)


def _by_option(words: Sequence[str]) -> Options:
    """Words by option; an option's values are the words up to the next one."""
    options: Options = {}
    name = ""
    for word in words:
        if word.startswith("--"):
            name, _, value = word.partition("=")
            options[name] = [name, *([value] if value else [])]
        else:
            options.setdefault(name, []).append(word)
    return options
