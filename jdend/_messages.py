"""Messages of errors: one line that a terminal shows as it is, of at most 300 characters."""

LONGEST = 300


def one_line(message: object) -> str:
    """`message` in one printable line; the middle of a longer one than 300 characters is left out.

    What is wrong stands at the start of a message and what to do at its end, so both stay.
    """
    text = printable(" ".join(str(message).splitlines()).strip())
    if len(text) <= LONGEST:
        return text
    start = LONGEST * 3 // 5
    return f"{text[:start]} … {text[start + 3 - LONGEST :]}"


def printable(text: str) -> str:
    """`text` with escapes for what a terminal would obey or could not show."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def reason(error: BaseException) -> str:
    """Why something failed, without the number and the path that Python adds."""
    said = getattr(error, "strerror", None) or str(error)
    return one_line(said) or type(error).__name__
