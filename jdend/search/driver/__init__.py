"""Runs a search: generation by generation, population by population."""
