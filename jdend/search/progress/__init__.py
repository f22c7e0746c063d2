"""The progress of a search, and how it is shown."""
