"""Reports of finished searches: one page to open, figures for notebooks, pictures for papers."""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jdend.report._best_network import Portrait, portrait_of, portray
    from jdend.report._figures import accuracy_figure, curves_figure, importance_figure
    from jdend.report._importance import Importances, importances
    from jdend.report._make import make_report, report_after_search
    from jdend.report._parallel import parallel_figure
    from jdend.report._record import SearchRecord, read_record
    from jdend.report._report import write_report
    from jdend.report._resampling import resampling_figure

# Imported when first asked for, so that `python -m jdend.report --help` need not wait for JAX.
_HOMES = {
    "SearchRecord": "_record",
    "Importances": "_importance",
    "Portrait": "_best_network",
    "accuracy_figure": "_figures",
    "curves_figure": "_figures",
    "importance_figure": "_figures",
    "importances": "_importance",
    "make_report": "_make",
    "parallel_figure": "_parallel",
    "portrait_of": "_best_network",
    "portray": "_best_network",
    "read_record": "_record",
    "report_after_search": "_make",
    "resampling_figure": "_resampling",
    "write_report": "_report",
}

__all__ = [
    "Importances",
    "Portrait",
    "SearchRecord",
    "accuracy_figure",
    "curves_figure",
    "importance_figure",
    "importances",
    "make_report",
    "parallel_figure",
    "portrait_of",
    "portray",
    "read_record",
    "report_after_search",
    "resampling_figure",
    "write_report",
]


def __getattr__(name: str):
    if name in _HOMES:
        return getattr(importlib.import_module(f"jdend.report.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'jdend.report' has no attribute {name!r}")
