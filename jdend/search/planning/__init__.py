"""Which configurations share a compiled program, and how long training them will take."""
