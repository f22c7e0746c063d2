"""What goes wrong when a network is exported, in one clear line."""


class ExportError(ValueError):
    """A network or a path that cannot be exported, and why."""
