"""The error of exports; its message is one clear line."""

from jdend._messages import OneLineError


class ExportError(OneLineError):
    """A network cannot be exported; the message says why."""
