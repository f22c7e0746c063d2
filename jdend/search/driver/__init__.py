"""Runs a search: one generation after another, each of them in populations."""
