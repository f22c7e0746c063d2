"""Which configurations share a program, what that costs, and how long it takes here."""
