"""What goes wrong with data, in one clear line."""


class DataError(ValueError):
    """A data set that cannot be found, read or split.

    The message is complete: what was given, what is allowed and what to do.
    """


class Unavailable(DataError):
    """A source that does not have the data set here; the next source is tried."""
