"""Trained networks taken elsewhere: to XLA without jdend, or to C without anything."""

from jdend.exporting._export import FORMATS, Exported, ExportError, export
from jdend.exporting._stablehlo import portable

__all__ = ["FORMATS", "ExportError", "Exported", "export", "portable"]
