"""What a search says while it runs, and how that is shown."""
