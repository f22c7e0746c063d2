"""Samplers propose the configurations to train; a strategy says which one, and how it is used."""
