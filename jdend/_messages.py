"""Messages of errors: one line that a terminal shows as it is, of at most 300 characters."""

from collections.abc import Iterable
from itertools import islice

__all__ = ["OneLineError", "did_you_mean", "nearest", "one_line", "printable", "reason"]

LONGEST = 300
ALIKE = 0.6  # of difflib's ratio: what is less alike is no typing error
# Comparing takes time that grows with the product of the lengths, and tables of strangers have any.
LONGEST_WORD, MOST_WORDS = 60, 2000


def one_line(message: object) -> str:
    """`message` in one printable line; the middle of a longer one than 300 characters is left out.

    What is wrong stands at the start of a message and what to do at its end, so both stay.
    """
    text = printable(" ".join(str(message).splitlines()).strip())
    if len(text) <= LONGEST:
        return text
    start = LONGEST * 3 // 5
    return f"{text[:start]} … {text[start + 3 - LONGEST :]}"


class OneLineError(ValueError):
    """An error whose message is as `one_line` makes it."""

    def __init__(self, message: object) -> None:
        super().__init__(one_line(message))


def printable(text: str) -> str:
    """`text` with escapes for what a terminal would obey or could not show."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def reason(error: BaseException) -> str:
    """Why something failed, without the number and the path that Python adds."""
    said = getattr(error, "strerror", None) or str(error)
    return one_line(said) or type(error).__name__


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

    folded = word[:LONGEST_WORD].casefold()
    by_fold = {one[:LONGEST_WORD].casefold(): one for one in islice(words, MOST_WORDS)}
    close = difflib.get_close_matches(folded, by_fold, n=1, cutoff=cutoff)
    return [by_fold[fold] for fold in close]
