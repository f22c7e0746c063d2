"""What an error says to someone who mistyped a name."""

from collections.abc import Iterable
from itertools import islice

__all__ = ["did_you_mean", "nearest"]

ALIKE = 0.6  # of difflib's ratio: what is less alike is no typing error

# Comparing takes time that grows with the product of the lengths, and tables of strangers have any.
LONGEST, MOST = 60, 2000


def did_you_mean(word: object, allowed: Iterable[object]) -> str:
    """The end of an error message: the allowed word that was probably meant, and all of them."""
    words = [str(one) for one in allowed]
    close = _close(str(word), words, ALIKE)
    question = f"; did you mean {close[0]!r}?" if close else ";"
    return f"{question} allowed are {', '.join(words)}"


def nearest(word: str, words: Iterable[str]) -> str:
    """The one of some words that is spelled most like `word`; there must be some."""
    return _close(word, words, 0.0)[0]


def _close(word: str, words: Iterable[str], cutoff: float) -> list[str]:
    """The word most alike, whatever the case; none if all are less alike than `cutoff`."""
    import difflib  # not at once: the command line's help need not wait for it

    by_fold = {entry[:LONGEST].casefold(): entry for entry in islice(words, MOST)}
    close = difflib.get_close_matches(word[:LONGEST].casefold(), by_fold, n=1, cutoff=cutoff)
    return [by_fold[fold] for fold in close]
