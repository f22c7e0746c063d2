"""Messages of errors: one line that a terminal shows as it is, of at most 300 characters."""

from collections.abc import Iterable
from itertools import islice

__all__ = ["OneLineError", "did_you_mean", "nearest", "one_line", "printable", "reason", "shown"]

MAX_CHARACTERS = 300
# Words below this ratio of difflib are too different to be a typing error.
MIN_SIMILARITY = 0.6
# The time to compare words grows with the product of their lengths, and files may hold any words.
MAX_WORD_CHARACTERS, MAX_WORDS = 60, 2000


def one_line(message: object) -> str:
    """`message` as one printable line; beyond 300 characters its middle is left out.

    The start of a message says what is wrong and its end what to do, so both are kept.
    """
    text = printable(" ".join(str(message).splitlines()).strip())
    if len(text) <= MAX_CHARACTERS:
        return text
    start = MAX_CHARACTERS * 3 // 5
    return f"{text[:start]} … {text[start + 3 - MAX_CHARACTERS :]}"


class OneLineError(ValueError):
    """An error whose message is as `one_line` makes it."""

    def __init__(self, message: object) -> None:
        super().__init__(one_line(message))


def printable(text: str) -> str:
    """`text` with control characters and unprintable ones escaped."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def reason(error: BaseException) -> str:
    """Why something failed, without the number and the path that Python adds."""
    text = getattr(error, "strerror", None) or str(error)
    return one_line(text) or type(error).__name__


def shown(value: object) -> str:
    """`value` as Python would write it; of what Python refuses to write, its type."""
    try:
        return repr(value)
    except (ValueError, RecursionError):  # thousands of digits, or of brackets
        return f"a very large {type(value).__name__}"


def did_you_mean(word: object, allowed: Iterable[object]) -> str:
    """The end of an error message: the allowed word that was probably meant, and all of them."""
    words = [str(value) for value in allowed]
    close = _close(str(word), words, MIN_SIMILARITY)
    question = f"; did you mean {close[0]!r}?" if close else ";"
    return f"{question} allowed are {', '.join(words)}"


def nearest(word: str, words: Iterable[str]) -> str:
    """The one of the words, at least one, that is spelled most like `word`."""
    return _close(word, words, 0.0)[0]


def _close(word: str, words: Iterable[str], cutoff: float) -> list[str]:
    """The most similar word, ignoring case; none if all are less similar than `cutoff`."""
    import difflib  # imported here so that the command line's help need not wait for it

    folded = word[:MAX_WORD_CHARACTERS].casefold()
    by_fold = {w[:MAX_WORD_CHARACTERS].casefold(): w for w in islice(words, MAX_WORDS)}
    close = difflib.get_close_matches(folded, by_fold, n=1, cutoff=cutoff)
    return [by_fold[fold] for fold in close]
