"""The command line: its options, the searches that they start, and `watch`."""
