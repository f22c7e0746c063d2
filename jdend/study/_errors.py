"""The error of stored results; its message is one clear line."""

from jdend._messages import OneLineError


class StudyError(OneLineError):
    """Results that cannot be read or ranked, or a folder that cannot hold a search."""
