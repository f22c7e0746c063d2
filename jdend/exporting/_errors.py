"""What goes wrong when a network is exported, in one clear line."""

from jdend._messages import OneLineError


class ExportError(OneLineError):
    """A network or a path that cannot be exported, and why."""
