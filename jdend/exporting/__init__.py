"""Exports trained networks as programs that run without jdend: for XLA, or in plain C."""

from jdend.exporting._export import FORMATS, Exported, ExportError, export
from jdend.exporting._stablehlo import portable

__all__ = ["FORMATS", "ExportError", "Exported", "export", "portable"]
