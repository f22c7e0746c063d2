"""What goes wrong with data, in one clear line."""

import difflib
from collections.abc import Iterable


class DataError(ValueError):
    """A data set that cannot be found, read or split.

    The message is complete: what was given, what is allowed and what to do.
    """


class Unavailable(DataError):
    """A source that does not have the data set here; the next source is tried."""


def nearest(word: str, known: Iterable[str]) -> str:
    """The entry of `known` spelled most like `word`, ignoring case; `known` is not empty."""
    known = list(known)
    by_fold = {entry.casefold(): entry for entry in known}
    close = difflib.get_close_matches(word.casefold(), list(by_fold), n=1, cutoff=0.0)
    return by_fold[close[0]] if close else known[0]
