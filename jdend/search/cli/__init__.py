"""The command line: options, what they start, and `watch`."""
