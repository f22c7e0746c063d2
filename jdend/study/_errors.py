"""What goes wrong with stored results, in one clear line."""


class StudyError(ValueError):
    """Results that cannot be read or ranked, or a folder that cannot hold a search."""
