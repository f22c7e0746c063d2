"""The errors of data; each message is one clear line."""

from jdend._messages import OneLineError


class DataError(OneLineError):
    """A data set that cannot be found, read or split.

    The message is complete: what was given, what is allowed and what to do. It is one line of at
    most 300 characters; only if no source has a data set, a list of what was tried follows.
    """


class Unavailable(DataError):
    """A source that does not have the data set here; the next source is tried."""


class NoSource(DataError):
    """None of the sources has the data set; the message lists what was tried, a line each."""

    def __init__(self, message: str) -> None:
        ValueError.__init__(self, message)
