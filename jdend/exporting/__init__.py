"""Trained networks taken elsewhere: to XLA without jdend, or to C without anything."""

from jdend.exporting._export import FORMATS, Exported, ExportError, export

__all__ = ["FORMATS", "ExportError", "Exported", "export"]
